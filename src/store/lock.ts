import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { AgentError } from '../kernel/errors.ts';

/**
 * Takes the data directory for this process until `release`. The lock is the operating system's, held by an open
 * transaction on a small database of its own: it ends with the process however that ends, SIGKILL included, and never
 * stays behind (but nothing in this process may open and close `lock.db` by other means: POSIX drops a process's locks
 * on a file with the first descriptor that is closed). The file `pid` only says who holds it, and is not trusted for
 * anything else.
 * Errors: DATA_DIRECTORY_BUSY, naming the other process.
 */
export function lockDirectory(directory: string): { release(): void } {
  const pidFile = join(directory, 'pid');
  const file = join(directory, 'lock.db');
  const holder = new SQLite(file, { timeout: 0 });
  try {
    holder.pragma('locking_mode = EXCLUSIVE');
    holder.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    holder.close();
    if (!(error instanceof SQLite.SqliteError) || !error.code.startsWith('SQLITE_BUSY')) throw error;
    throw new AgentError('DATA_DIRECTORY_BUSY', `The data directory is in use by process ${readPid(pidFile)}.`, {
      cause: error,
    });
  }
  chmodSync(file, 0o600);
  writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 });
  return { release: () => void holder.close() };
}

function readPid(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim() || 'unknown';
  } catch {
    return 'unknown';
  }
}
