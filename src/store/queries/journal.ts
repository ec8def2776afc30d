import type { Selectable, Updateable } from 'kysely';
import { AgentError } from '../../kernel/errors.ts';
import { fromJsonOrNull, toJson } from '../columns.ts';
import type { StoreReader, StoreTx } from '../group.ts';
import { changeOneLater, insertLater } from '../texts.ts';
import type { Database, JournalKind, JournalState } from '../schema.ts';

/** Where an entry stands: `thread` is one request of the plan, or `undo`; `pos` counts within it from 0. */
export interface JournalKey {
  readonly operation_id: string;
  readonly thread: string;
  readonly pos: number;
}

/** One call of an operation. `intent` before it is sent, `answered` while its task runs, then `done` or `failed`. */
export interface JournalEntry extends JournalKey {
  readonly kind: JournalKind;
  readonly state: JournalState;
  /** Number of the effect within the plan; null for reads. */
  readonly seq: number | null;
  readonly method: string;
  readonly path: string;
  readonly params: unknown;
  /** PVE's answer, its error when failed. JSON null and no answer yet are both null; `state` tells them apart. */
  readonly answer: unknown;
  readonly upid: string | null;
  readonly fence: number;
  readonly intent_at: number;
  readonly answered_at: number | null;
  readonly ended_at: number | null;
  /** How an effect in doubt was settled: `task`, `postcondition`, `resent`, … */
  readonly settled_by: string | null;
}

/** What a call is, before anything is known of its answer. */
export type Call = Pick<JournalEntry, keyof JournalKey | 'seq' | 'method' | 'path' | 'params' | 'fence'>;

const toEntry = (row: Selectable<Database['journal']>): JournalEntry => ({
  ...row,
  params: fromJsonOrNull(row.params),
  answer: fromJsonOrNull(row.answer),
});

/**
 * Writes an effect down before it is sent. Errors (of the commit): TARGET_BUSY `lost ownership` when `fence` is lower than the
 * operation's (a trigger looks, so it holds for every write to the journal).
 */
export async function writeIntent(trx: StoreTx, call: Call, at: number): Promise<void> {
  const { params, ...columns } = call;
  const row = { ...columns, kind: 'effect' as const, state: 'intent' as const, params: toJson(params), intent_at: at };
  insertLater(trx, 'journal', row);
}

/** Writes down what a read answered, so that a resumed run takes the same branch. Errors as `writeIntent`. */
export async function writeRead(trx: StoreTx, call: Omit<Call, 'seq'>, answer: unknown, at: number): Promise<void> {
  const { params, ...columns } = call;
  const times = { intent_at: at, answered_at: at, ended_at: at };
  const row = {
    ...columns,
    ...times,
    kind: 'read' as const,
    state: 'done' as const,
    params: toJson(params),
    answer: toJson(answer),
  };
  insertLater(trx, 'journal', row);
}

export interface JournalChange {
  readonly state?: Exclude<JournalState, 'intent'>;
  readonly answer?: unknown;
  readonly upid?: string;
  readonly answered_at?: number;
  readonly ended_at?: number;
  readonly settled_by?: string;
}

/**
 * Adds what became known of an effect. Errors: TARGET_BUSY `lost ownership`; OPERATION_STATE when the entry has ended
 * already; INTERNAL when there is none.
 */
export async function updateEntry(
  trx: StoreTx,
  key: JournalKey & { readonly fence: number },
  change: JournalChange,
): Promise<void> {
  const { answer, ...columns } = change;
  const set = { ...columns, fence: key.fence, ...(answer === undefined ? {} : { answer: toJson(answer) }) };
  updateOne(trx, key, set);
}

/**
 * Opens an answered effect again before it is sent once more: its task ended on a lock without doing anything. Errors
 * as `updateEntry`.
 */
export async function reopenIntent(
  trx: StoreTx,
  key: JournalKey & { readonly fence: number },
  at: number,
): Promise<void> {
  const set = {
    state: 'intent' as const,
    intent_at: at,
    fence: key.fence,
    answer: null,
    upid: null,
    answered_at: null,
  };
  updateOne(trx, key, set);
}

function updateOne(trx: StoreTx, key: JournalKey, set: Updateable<Database['journal']>): void {
  const { operation_id, thread, pos } = key;
  const values = [...Object.values(set), operation_id, thread, pos];
  const build = () =>
    trx.db
      .updateTable('journal')
      .set(set)
      .where('operation_id', '=', operation_id)
      .where('thread', '=', thread)
      .where('pos', '=', pos);
  changeOneLater(trx, `update journal ${Object.keys(set).join()}`, values, build, () => missing(key));
}

const missing = (key: JournalKey): AgentError =>
  new AgentError('INTERNAL', `The journal has no entry ${key.thread}/${key.pos}.`, { operation_id: key.operation_id });

/** The journal of an operation in order, of one thread or of all. */
export async function readJournal(reader: StoreReader, operation_id: string, thread?: string): Promise<JournalEntry[]> {
  let query = reader.db.selectFrom('journal').selectAll().where('operation_id', '=', operation_id);
  if (thread !== undefined) query = query.where('thread', '=', thread);
  return (await query.orderBy('thread').orderBy('pos').execute()).map(toEntry);
}

/** The entry that has claimed a task, in this environment; each task belongs to one effect. */
export async function entryOfTask(
  reader: StoreReader,
  environment: string,
  upid: string,
): Promise<JournalEntry | undefined> {
  const query = reader.db.selectFrom('journal').selectAll('journal').where('upid', '=', upid);
  const joined = query.innerJoin('operations', 'operations.operation_id', 'journal.operation_id');
  const row = await joined.where('operations.environment', '=', environment).executeTakeFirst();
  return row === undefined ? undefined : toEntry(row);
}
