import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { isoTime, type Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/log.ts';
import { finishCopy } from './backup.ts';
import { damaged, storeError } from './errors.ts';
import { lockDirectory } from './lock.ts';
import { DATABASE, RESTORING, openStore, type Store } from './open.ts';

export interface RestoreOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Looks at what is to be restored before it takes its place, and may write to it; an error leaves all as it was. */
  readonly accept?: (store: Store) => Promise<void>;
}

/**
 * Makes a backup the database of a data directory. The database that is there is kept under another name (`replaced`,
 * a damaged one is worth keeping); until the new one is checked and accepted, nothing of it is touched.
 * Errors: DATA_DIRECTORY_BUSY while a server runs on it; NOT_FOUND without the file; STORE_DAMAGED,
 * STORE_INCOMPATIBLE for a file that is no good backup; those of `accept`.
 */
export async function restoreStore(
  file: string,
  directory: string,
  options: RestoreOptions,
): Promise<{ bytes: number; replaced?: string }> {
  if (!existsSync(file)) throw new AgentError('NOT_FOUND', `There is no file ${file}.`);
  const partial = join(directory, RESTORING);
  let lock: { release(): void } | undefined;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    lock = lockDirectory(directory);
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial, { mode: 0o700 });
    await prepare(file, partial, options);
    const replaced = setAside(directory, options.clock);
    const { bytes } = finishCopy(join(partial, DATABASE), join(directory, DATABASE));
    return replaced === undefined ? { bytes } : { bytes, replaced };
  } catch (error) {
    throw storeError(error) as Error;
  } finally {
    rmSync(partial, { recursive: true, force: true });
    lock?.release();
  }
}

async function prepare(file: string, partial: string, { clock, log, accept }: RestoreOptions): Promise<void> {
  copyFileSync(file, join(partial, DATABASE));
  checkWhole(join(partial, DATABASE));
  const store = openStore({ directory: partial, clock, log });
  try {
    await accept?.(store);
  } finally {
    await store.close();
  }
}

/** Every page and every index of it, however large: a restore has the time that a start has not. */
function checkWhole(file: string): void {
  const sqlite = new SQLite(file, { readonly: true });
  try {
    const found = sqlite.pragma('integrity_check(1)', { simple: true });
    if (found !== 'ok') throw damaged(String(found).split('\n')[0] ?? 'unknown');
  } finally {
    sqlite.close();
  }
}

/** The database with its log, which belongs to it by its name. */
function setAside(directory: string, clock: Clock): string | undefined {
  const file = join(directory, DATABASE);
  if (!existsSync(file)) return undefined;
  const aside = `${file}.before-${isoTime(clock.now()).replaceAll(':', '')}`;
  for (const end of ['-wal', '-shm', '']) {
    if (existsSync(`${file}${end}`)) renameSync(`${file}${end}`, `${aside}${end}`);
  }
  return aside;
}
