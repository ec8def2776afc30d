import type { Clock } from '../../kernel/clock.ts';
import { hashOf, refuseOthers, type Applied, type ColumnTypes, type Migration } from '../migrate.ts';
import { advisory, refuseServer, type Session } from './session.ts';

/** Text by bytes, as SQLite compares it: ids are paged by order, whatever the language of the database. */
export const POSTGRES_TYPES: ColumnTypes = {
  text: 'text COLLATE "C"',
  int: 'bigint',
  real: 'double precision',
  blob: 'bytea',
  key: 'bigint PRIMARY KEY',
  // Numbered by a trigger: see `pxa_event_id`.
  autoKey: 'bigint PRIMARY KEY',
  options: '',
  clustered: '',
};

const statements = (migration: Migration): string[] => [
  ...migration.tables(POSTGRES_TYPES),
  ...migration.triggers.postgres,
];

/** Fingerprint of what a migration does on PostgreSQL. */
export const postgresHash = (migration: Migration): string => hashOf(statements(migration));

/** Ready for the lock of others that are migrating, and for tables that are being read by an old replica. */
export const MIGRATION_SETUP = `SET lock_timeout = 20000; SET statement_timeout = 0;
  SET idle_in_transaction_session_timeout = 60000`;

/**
 * Brings the database to the newest migration, all in one transaction; of several replicas that start at once one does
 * it. A database that a newer version has only added to is left as it is (see `Migration.oldest`).
 * Errors: STORE_INCOMPATIBLE; CONFIGURATION_INVALID for a server that is too old; the driver's.
 */
export async function migratePostgres(session: Session, migrations: readonly Migration[], clock: Clock): Promise<void> {
  await refuseUnfit(session);
  await session.control(`BEGIN; SELECT pg_advisory_xact_lock(${advisory('migrate')})`);
  const applied = await appliedOnes(session);
  refuseOthers(applied, migrations, { hash: postgresHash, beside: true });
  for (const migration of migrations.slice(applied.length)) {
    for (const statement of statements(migration)) await session.control(statement);
    await session.run('INSERT INTO migrations (id, name, hash, applied_at, oldest) VALUES ($1, $2, $3, $4, $5)', [
      migration.id,
      migration.name,
      postgresHash(migration),
      clock.now(),
      migration.oldest ?? 0,
    ]);
  }
  await session.control('COMMIT');
}

async function appliedOnes(session: Session): Promise<Applied[]> {
  // Asked for before it is made: a user who may not create tables can run what another one has made.
  const { rows } = await session.run(`SELECT to_regclass('migrations') IS NOT NULL AS there`, []);
  if (!(rows[0] as { there: boolean }).there) {
    const { text, int } = POSTGRES_TYPES;
    await session.control(`CREATE TABLE migrations (id ${int} PRIMARY KEY, name ${text} NOT NULL, hash ${text} NOT NULL,
      applied_at ${int} NOT NULL, oldest ${int} NOT NULL)`);
  }
  return (await session.run('SELECT id, hash, oldest FROM migrations ORDER BY id', [])).rows as Applied[];
}

async function refuseUnfit(session: Session): Promise<void> {
  const { rows } = await session.run(
    `SELECT current_setting('server_version_num')::int AS version, current_setting('server_version') AS name,
      current_setting('server_encoding') AS encoding`,
    [],
  );
  refuseServer(rows[0] as Parameters<typeof refuseServer>[0]);
}
