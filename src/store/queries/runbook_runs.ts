import type { Selectable } from 'kysely';
import { AgentError } from '../../kernel/errors.ts';
import { fromJson, toJson, type Actor, type JsonObject } from '../columns.ts';
import type { StoreReader, StoreTx } from '../group.ts';
import type { Database, RunState } from '../schema.ts';

/** A run of a runbook: what the store itself looks at, and `body`, its steps with what became of them. */
export interface RunbookRunRecord {
  readonly run_id: string;
  readonly runbook_id: string;
  readonly state: RunState;
  readonly change_id: string | null;
  readonly created_at: number;
  readonly updated_at: number;
  /** Null while it can still go on. */
  readonly ended_at: number | null;
  readonly created_by: Actor;
  readonly body: JsonObject;
}

export interface RunbookRunFilter {
  readonly states?: readonly RunState[] | undefined;
  /** Only runs begun before this one (its id), for paging. */
  readonly before?: string | undefined;
  readonly limit: number;
}

const toRun = (row: Selectable<Database['runbook_runs']>): RunbookRunRecord => ({
  ...row,
  created_by: fromJson<Actor>(row.created_by),
  body: fromJson<JsonObject>(row.body),
});

export async function insertRunbookRun(trx: StoreTx, run: RunbookRunRecord): Promise<void> {
  const row = { ...run, created_by: toJson(run.created_by), body: toJson(run.body) };
  await trx.db.insertInto('runbook_runs').values(row).execute();
}

/** Errors: NOT_FOUND. */
export async function getRunbookRun(reader: StoreReader, run_id: string): Promise<RunbookRunRecord> {
  const row = await reader.db.selectFrom('runbook_runs').selectAll().where('run_id', '=', run_id).executeTakeFirst();
  if (row === undefined) throw new AgentError('NOT_FOUND', `There is no run ${run_id} of a runbook.`);
  return toRun(row);
}

/** Newest first. */
export async function listRunbookRuns(reader: StoreReader, filter: RunbookRunFilter): Promise<RunbookRunRecord[]> {
  const { states, before, limit } = filter;
  let query = reader.db.selectFrom('runbook_runs').selectAll().orderBy('run_id', 'desc').limit(limit);
  if (states !== undefined) query = query.where('state', 'in', [...states]);
  if (before !== undefined) query = query.where('run_id', '<', before);
  return (await query.execute()).map(toRun);
}

/** Those that have not ended, oldest first. */
export async function openRunbookRuns(reader: StoreReader): Promise<RunbookRunRecord[]> {
  const query = reader.db.selectFrom('runbook_runs').selectAll().where('ended_at', 'is', null);
  return (await query.orderBy('run_id').execute()).map(toRun);
}

/** Writes what may change about a run. Callers read it in the same transaction. */
export async function updateRunbookRun(
  trx: StoreTx,
  {
    run_id,
    state,
    updated_at,
    ended_at,
    body,
  }: Pick<RunbookRunRecord, 'run_id' | 'state' | 'updated_at' | 'ended_at' | 'body'>,
): Promise<void> {
  const set = { state, updated_at, ended_at, body: toJson(body) };
  await trx.db.updateTable('runbook_runs').set(set).where('run_id', '=', run_id).execute();
}
