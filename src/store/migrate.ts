import type SQLite from 'better-sqlite3';
import { sha256 } from '../kernel/canonical.ts';
import type { Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';

/** What differs between databases in a table's definition; everything else of it is written once. */
export interface ColumnTypes {
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
  readonly triggers: { readonly sqlite: readonly string[] };
}

interface Applied {
  readonly id: number;
  readonly hash: string;
}

const statements = (migration: Migration): string[] => [
  ...migration.tables(SQLITE_TYPES),
  ...migration.triggers.sqlite,
];

/** Fingerprint of what a migration does on SQLite, so that a later edit of a released one is noticed. */
export const migrationHash = (migration: Migration): string => sha256(statements(migration).join(';\n'));

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

function refuseOthers(applied: readonly Applied[], migrations: readonly Migration[]): void {
  const newest = applied.at(-1)?.id ?? 0;
  if (newest > migrations.length) {
    const text = `The database is at schema ${newest}, this version of proxmox-agent knows up to ${migrations.length}.`;
    throw new AgentError('STORE_INCOMPATIBLE', text);
  }
  for (const [index, { id, hash }] of applied.entries()) {
    const known = migrations[index];
    if (known === undefined || known.id !== id || migrationHash(known) !== hash) {
      throw new AgentError(
        'STORE_INCOMPATIBLE',
        `Schema ${id} of the database is not the one of this version of proxmox-agent.`,
      );
    }
  }
}
