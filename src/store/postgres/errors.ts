import { AgentError } from '../../kernel/errors.ts';
import { damaged, failed, refusal } from '../errors.ts';

/** Said by the server when it ends a connection, or refuses one for now. */
const LOST_STATES = new Set(['57P01', '57P02', '57P03', '57P05', '25P03']);
/** Our own SQLSTATE for what a trigger refuses on purpose (migrations/001_triggers.ts). */
const REFUSED = 'PX001';

const HEADS = new Set(['audit', 'events']);

const SYSTEM = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ETIMEDOUT',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
  'ECONNABORTED',
]);
/** What the driver itself says about a connection; it has no code for these. */
const DRIVER =
  /^(Connection terminated|Client has encountered a connection error|Client was closed|Query read timeout|timeout expired|The server does not support SSL)/;

const sqlState = (error: unknown): string | undefined => {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
};

/** Whether the connection is what failed: a statement may be asked again on another one. */
export function isLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const state = sqlState(error) ?? '';
  return LOST_STATES.has(state) || state.startsWith('08') || SYSTEM.has(state) || DRIVER.test(error.message);
}

/** Undone by the server for another's sake (deadlock, serialization), or a statement made ready before a migration. */
export function isTransient(error: unknown): boolean {
  const state = sqlState(error);
  return state === '40001' || state === '40P01' || isStale(error);
}

/** Another replica's migration added a column to a table that a prepared statement reads whole. */
export const isStale = (error: unknown): boolean =>
  sqlState(error) === '0A000' && (error as Error).message.includes('cached plan');

/** The next number of the audit chain or of the events is taken: somebody else has moved that head. */
export const isHeadTaken = (error: unknown): boolean =>
  sqlState(error) === '23505' && HEADS.has((error as { table?: string }).table ?? '');

/**
 * PostgreSQL's error as one of the catalogue; a fault of our own code (a constraint nobody foresaw, bad SQL) comes back
 * as it was and ends as INTERNAL. No text names more than the server said, which never holds the password.
 */
export function postgresError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof AgentError) return error;
  const state = sqlState(error) ?? '';
  if (state === REFUSED) return refusal(error.message, error) ?? error;
  if (isLost(error)) return failed(`PostgreSQL does not answer (${state === '' ? error.message : state}).`, error);
  if (state === '53100') return failed('The disk of the PostgreSQL server is full.', error);
  if (state === '53300')
    return failed('PostgreSQL has no free connection for this server (too_many_connections).', error);
  if (state.startsWith('53') || state.startsWith('58'))
    return failed(`The PostgreSQL server is short of something: ${error.message}.`, error);
  if (state === '25006') return failed('The database can only be read, not written.', error);
  if (state === '55P03' || state === '57014')
    return failed('PostgreSQL took too long; another replica or query holds the database.', error);
  if (state === '40001' || state === '40P01')
    return failed('PostgreSQL undid the change for the sake of another one, several times.', error);
  if (state.startsWith('XX00')) return damaged(error.message, error);
  if (state === '22021')
    return new AgentError('VALIDATION_FAILED', 'A text holds a character that cannot be stored (NUL).', {
      cause: error,
    });
  return startError(state, error);
}

/** What stands in the way of a start, and is for a person to correct. */
function startError(state: string, error: Error): Error {
  const wrong = (message: string): AgentError => new AgentError('CONFIGURATION_INVALID', message, { cause: error });
  if (state === '28P01' || state === '28000')
    return wrong('PostgreSQL refuses the user or the password of DATABASE_URL.');
  if (state === '3D000') return wrong('The database that DATABASE_URL names does not exist.');
  if (state === '42501') return wrong(`The PostgreSQL user of DATABASE_URL lacks a right: ${error.message}.`);
  return error;
}
