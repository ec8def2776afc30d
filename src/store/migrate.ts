import type SQLite from 'better-sqlite3';
import { sha256 } from '../kernel/canonical.ts';
import type { Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';

/** What differs between databases in a table's definition; everything else of it is written once. */
export interface ColumnTypes {
  /** Compared and sorted by bytes on every engine. */
  readonly text: string;
  /** 64-bit integer; also times (milliseconds) and booleans (0, 1). */
  readonly int: string;
  readonly real: string;
  readonly blob: string;
  /** An integer primary key whose values we choose. */
  readonly key: string;
  /** An integer primary key that grows and never repeats. */
  readonly autoKey: string;
  /** Ends the definition of a table. */
  readonly options: string;
  /** The same for a table that is stored in the order of its primary key. */
  readonly clustered: string;
}

export const SQLITE_TYPES: ColumnTypes = {
  text: 'text',
  int: 'INTEGER',
  real: 'REAL',
  blob: 'BLOB',
  key: 'INTEGER PRIMARY KEY',
  autoKey: 'INTEGER PRIMARY KEY AUTOINCREMENT',
  options: ' STRICT',
  // One tree instead of two: a commit of one row then writes one page less.
  clustered: ' STRICT, WITHOUT ROWID',
};

export interface Migration {
  readonly id: number;
  readonly name: string;
  readonly tables: (types: ColumnTypes) => readonly string[];
  readonly triggers: { readonly sqlite: readonly string[]; readonly postgres: readonly string[] };
  /**
   * The oldest schema whose code can work on this one (PostgreSQL, rolling upgrades). Left out by a migration that only
   * adds: every earlier version goes on beside it. One that takes something away names the schema that stopped using it.
   */
  readonly oldest?: number;
}

export interface Applied {
  readonly id: number;
  readonly hash: string;
  /** See `Migration.oldest`; always 0 on SQLite, where there is one process. */
  readonly oldest?: number;
}

const statements = (migration: Migration): string[] => [
  ...migration.tables(SQLITE_TYPES),
  ...migration.triggers.sqlite,
];

export const hashOf = (sql: readonly string[]): string => sha256(sql.join(';\n'));

/** Fingerprint of what a migration does on SQLite, so that a later edit of a released one is noticed. */
export const migrationHash = (migration: Migration): string => hashOf(statements(migration));

/**
 * Brings the database to the newest migration, all in one transaction. Errors: STORE_INCOMPATIBLE when it was written
 * by a newer version, or when a migration it had is not the one of this code.
 */
export function migrate(sqlite: SQLite.Database, migrations: readonly Migration[], clock: Clock): void {
  const bring = sqlite.transaction(() => {
    sqlite.exec(`CREATE TABLE IF NOT EXISTS migrations (
      id INTEGER PRIMARY KEY, name TEXT NOT NULL, hash TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT`);
    const applied = sqlite.prepare('SELECT id, hash FROM migrations ORDER BY id').all() as Applied[];
    refuseOthers(applied, migrations);
    const note = sqlite.prepare('INSERT INTO migrations (id, name, hash, applied_at) VALUES (?, ?, ?, ?)');
    for (const migration of migrations.slice(applied.length)) {
      for (const statement of statements(migration)) sqlite.exec(statement);
      note.run(migration.id, migration.name, migrationHash(migration), clock.now());
    }
  });
  bring.immediate();
}

/**
 * Refuses a database that is not this code's. Errors: STORE_INCOMPATIBLE for one of a newer version (unless that only
 * added to what this one knows and `beside` allows it) and for a migration that is not the one of this code.
 */
export function refuseOthers(
  applied: readonly Applied[],
  migrations: readonly Migration[],
  { hash = migrationHash, beside = false }: { hash?: (migration: Migration) => string; beside?: boolean } = {},
): void {
  const newest = applied.at(-1)?.id ?? 0;
  const newer = applied.slice(migrations.length);
  if (newer.some(({ oldest = 0 }) => !beside || oldest > migrations.length)) {
    const text = `The database is at schema ${newest}, this version of proxmox-agent knows up to ${migrations.length}.`;
    throw new AgentError('STORE_INCOMPATIBLE', text);
  }
  for (const [index, one] of applied.slice(0, migrations.length).entries()) {
    const known = migrations[index];
    if (known === undefined || known.id !== one.id || hash(known) !== one.hash) {
      throw new AgentError(
        'STORE_INCOMPATIBLE',
        `Schema ${one.id} of the database is not the one of this version of proxmox-agent.`,
      );
    }
  }
}
