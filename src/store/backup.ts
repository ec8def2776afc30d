import { closeSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import SQLite from 'better-sqlite3';
import { AgentError } from '../kernel/errors.ts';
import { quickCheck } from './connection.ts';
import { storeError } from './errors.ts';

/**
 * Writes a consistent copy to `file` (mode 0600, one file, replaced at once when it is there) while commits go on, and
 * checks it before it gets its name. The writer's own connection is the source: pages it changes meanwhile are
 * copied again by SQLite itself, where a second connection would have to start over at every commit.
 */
export async function backupTo(sqlite: SQLite.Database, file: string): Promise<{ bytes: number }> {
  const partial = `${file}.partial`;
  try {
    rmSync(partial, { force: true });
    closeSync(openSync(partial, 'wx', 0o600));
    await sqlite.backup(partial);
    return finishCopy(partial, file);
  } catch (error) {
    rmSync(partial, { force: true });
    if (error instanceof TypeError) throw new AgentError('VALIDATION_FAILED', error.message, { cause: error });
    throw storeError(error) as Error;
  }
}

/** Checks a copy, makes it durable and gives it its name; answers its size in bytes. Errors: STORE_DAMAGED. */
export function finishCopy(partial: string, file: string): { bytes: number } {
  const bytes = checkCopy(partial);
  syncPath(partial);
  renameSync(partial, file);
  syncPath(dirname(file));
  return { bytes };
}

function checkCopy(file: string): number {
  const copy = new SQLite(file, { fileMustExist: true });
  try {
    // A copy of a WAL database asks for a WAL; without it the copy is complete in one file.
    copy.pragma('journal_mode = DELETE');
    quickCheck(copy);
    return Number(copy.pragma('page_count', { simple: true })) * Number(copy.pragma('page_size', { simple: true }));
  } finally {
    copy.close();
  }
}

function syncPath(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
