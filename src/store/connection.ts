import { closeSync, openSync, statSync } from 'node:fs';
import SQLite from 'better-sqlite3';
import { AgentError } from '../kernel/errors.ts';
import { damaged } from './errors.ts';

/** "PXA1" in the file's header: the database is ours, and `file` can tell. */
const APPLICATION_ID = 0x50584131;
/** Up to this size the whole file is checked before the start (some milliseconds); beyond it, beside it (`damage.ts`). */
export const CHECK_BYTES = 2 * 1024 * 1024;
/** The log is cut back to this after a checkpoint that could reset it. */
const WAL_BYTES = 16 * 1024 * 1024;

/**
 * The one connection that writes. Every COMMIT is on disk before it returns (WAL, `synchronous = FULL`).
 * Errors: STORE_DAMAGED, STORE_INCOMPATIBLE for a file that is not ours.
 */
export function openWriter(file: string): SQLite.Database {
  // Made before SQLite would, for the mode; its -wal and -shm files take the same.
  closeSync(openSync(file, 'a', 0o600));
  const size = statSync(file).size;
  const sqlite = new SQLite(file, { timeout: 5_000 });
  try {
    identify(sqlite, size);
    sqlite.pragma('journal_mode = WAL');
    sqlite.pragma('synchronous = FULL');
    sqlite.pragma('foreign_keys = ON');
    sqlite.pragma('trusted_schema = OFF');
    // What is deleted (sealed inputs of ended plans) is overwritten where that costs no extra write.
    sqlite.pragma('secure_delete = FAST');
    sqlite.pragma(`journal_size_limit = ${WAL_BYTES}`);
    // A short log is written over again soon; growing a file makes every sync slower (measured: 2,000 against 1,700
    // effects a second with 2,000 pages).
    sqlite.pragma('wal_autocheckpoint = 500');
    sqlite.pragma('temp_store = MEMORY');
    return sqlite;
  } catch (error) {
    sqlite.close();
    throw error;
  }
}

/** A connection that cannot write; it sees what is committed and never waits for the writer. */
export function openReader(file: string): SQLite.Database {
  const sqlite = new SQLite(file, { readonly: true, fileMustExist: true, timeout: 5_000 });
  sqlite.pragma('temp_store = MEMORY');
  return sqlite;
}

function identify(sqlite: SQLite.Database, size: number): void {
  const id = sqlite.pragma('application_id', { simple: true });
  const tables = sqlite.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() as number;
  if (tables === 0) {
    sqlite.pragma(`application_id = ${APPLICATION_ID}`);
  } else if (id !== APPLICATION_ID) {
    throw new AgentError('STORE_INCOMPATIBLE', 'The database file in the data directory is not one of proxmox-agent.');
  }
  if (size > 0 && size <= CHECK_BYTES) quickCheck(sqlite);
}

/** Errors: STORE_DAMAGED with SQLite's first finding. */
export function quickCheck(sqlite: SQLite.Database): void {
  const found = sqlite.pragma('quick_check(1)', { simple: true });
  if (found !== 'ok') throw damaged(String(found).split('\n')[0] ?? 'unknown');
}
