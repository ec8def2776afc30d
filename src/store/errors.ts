import SQLite from 'better-sqlite3';
import { AgentError } from '../kernel/errors.ts';

/** What the triggers of the schema say when they refuse; the words tie a trigger to its catalogue code below. */
export const REFUSALS = {
  plan_transition: 'illegal plan transition',
  plan_frozen: 'a plan that left draft keeps its hashes',
  operation_ended: 'an ended operation stays ended',
  fence_lowered: 'a fence is never lowered',
  lost_ownership: 'lost ownership',
  journal_ended: 'an ended journal entry stays as it is',
  append_only: 'append-only',
} as const;

/** Why a replica whose operation goes on elsewhere can write nothing of it any more. */
export const TAKEN_OVER = 'Another process has taken the operation over: lost ownership.';

const CODES = {
  [REFUSALS.plan_transition]: 'PLAN_STATE',
  [REFUSALS.plan_frozen]: 'PLAN_STATE',
  [REFUSALS.operation_ended]: 'OPERATION_STATE',
  [REFUSALS.fence_lowered]: 'TARGET_BUSY',
  [REFUSALS.lost_ownership]: 'TARGET_BUSY',
  [REFUSALS.journal_ended]: 'OPERATION_STATE',
} as const;

/** The catalogue's error for a trigger's refusal; undefined where the refusal is a fault of our own code. */
export function refusal(reason: string, cause: unknown): AgentError | undefined {
  const code = (CODES as Record<string, (typeof CODES)[keyof typeof CODES] | undefined>)[reason];
  if (code === undefined) return undefined;
  return new AgentError(code, reason === REFUSALS.lost_ownership ? TAKEN_OVER : `Refused by the store: ${reason}.`, {
    cause,
  });
}

/** What a person does about a database that is damaged. */
const RESTORE = 'Nothing was started. Restore the newest backup: `proxmox-agent store restore FILE`.';

export const damaged = (found: string, cause?: unknown): AgentError =>
  new AgentError('STORE_DAMAGED', `The database is damaged: ${found}. ${RESTORE}`, { cause });

const DAMAGE = new Set(['SQLITE_CORRUPT', 'SQLITE_NOTADB']);

/**
 * SQLite's error as one of the catalogue; anything that is a fault of our own code (a constraint nobody foresaw, bad
 * SQL) comes back as it was and ends as INTERNAL.
 */
export function storeError(error: unknown, file?: string): unknown {
  if (!(error instanceof SQLite.SqliteError)) return systemError(error, file);
  const primary = error.code.split('_').slice(0, 2).join('_');
  if (error.code === 'SQLITE_CONSTRAINT_TRIGGER') return refusal(error.message, error) ?? error;
  if (primary === 'SQLITE_FULL') return failed('The disk of the data directory is full.', error);
  if (primary === 'SQLITE_IOERR')
    return failed(`The disk of the data directory answers with an error (${error.code}).`, error);
  if (primary === 'SQLITE_READONLY') return failed('The database can only be read, not written.', error);
  if (primary === 'SQLITE_CANTOPEN') return failed('The database file cannot be opened.', error);
  if (DAMAGE.has(primary)) return damaged(error.message, error);
  return error;
}

/** What is wrong with a path that a person gave, by the system's code. */
const UNUSABLE = {
  ENOENT: 'no such file or directory',
  EEXIST: 'a file is where a folder should be',
  ENOTDIR: 'a file is where a folder should be',
  EISDIR: 'a folder is where a file should be',
} as const;

/** Errors of the file system itself, met while making the directory or a backup. */
function systemError(error: unknown, file?: string): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT') return failed('The disk is full.', error);
  if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM')
    return failed(`The data directory cannot be written (${code}).`, error);
  const unusable = UNUSABLE[code as keyof typeof UNUSABLE] as string | undefined;
  if (unusable === undefined) return error;
  // Reading a folder as a file fails without saying which.
  const { path = file ?? 'The path' } = error as NodeJS.ErrnoException;
  return new AgentError('CONFIGURATION_INVALID', `${path} cannot be used: ${unusable}.`, { cause: error });
}

export const failed = (message: string, cause?: unknown): AgentError =>
  new AgentError('STORE_FAILED', message, { cause });

/** Runs `work`, on a file where it is one, with its SQLite and file system errors turned into the catalogue's. */
export function withStoreErrors<T>(work: () => T, file?: string): T {
  try {
    return work();
  } catch (error) {
    throw storeError(error, file) as Error;
  }
}
