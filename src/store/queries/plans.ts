import type { Selectable } from 'kysely';
import { AgentError } from '../../kernel/errors.ts';
import { fromJson, toJson, type Actor, type JsonObject } from '../columns.ts';
import type { StoreReader, StoreTx } from '../group.ts';
import { PLAN_TRANSITIONS, type Database, type PlanState } from '../schema.ts';

/** A plan: what the store itself looks at, and `body`, the whole document as users see it. */
export interface PlanRecord {
  readonly plan_id: string;
  readonly environment: string;
  readonly state: PlanState;
  readonly request_hash: string;
  readonly plan_hash: string;
  readonly created_at: number;
  readonly expires_at: number;
  readonly created_by: Actor;
  readonly body: JsonObject;
  readonly change_id: string | null;
  /** The operation that applies or applied it. */
  readonly consumed_by: string | null;
}

export interface PlanFilter {
  readonly environment?: string | undefined;
  readonly states?: readonly PlanState[] | undefined;
  readonly change_id?: string | undefined;
  /** Only plans made before this one (its id), for paging. */
  readonly before?: string | undefined;
  readonly limit: number;
}

const toPlan = (row: Selectable<Database['plans']>): PlanRecord => ({
  ...row,
  created_by: fromJson<Actor>(row.created_by),
  body: fromJson<JsonObject>(row.body),
});

/**
 * Stores a new plan. Every plan begins as `draft`; one that has got further walks there in the same transaction, so
 * that the transitions are checked from the first. Errors: PLAN_STATE when no walk leads to its state.
 */
export async function insertPlan(trx: StoreTx, plan: PlanRecord): Promise<void> {
  const row = { ...plan, created_by: toJson(plan.created_by), body: toJson(plan.body), state: 'draft' as const };
  await trx.db.insertInto('plans').values(row).execute();
  for (const state of walkTo(plan.state)) {
    await trx.db.updateTable('plans').set({ state }).where('plan_id', '=', plan.plan_id).execute();
  }
}

function walkTo(state: PlanState): PlanState[] {
  if (state === 'draft') return [];
  if (state === 'planned' || PLAN_TRANSITIONS.planned.includes(state)) {
    return state === 'planned' ? ['planned'] : ['planned', state];
  }
  throw new AgentError('PLAN_STATE', `A new plan cannot be ${state}.`);
}

export async function findPlan(reader: StoreReader, plan_id: string): Promise<PlanRecord | undefined> {
  const row = await reader.db.selectFrom('plans').selectAll().where('plan_id', '=', plan_id).executeTakeFirst();
  return row === undefined ? undefined : toPlan(row);
}

/** Errors: PLAN_NOT_FOUND. */
export async function getPlan(reader: StoreReader, plan_id: string): Promise<PlanRecord> {
  const plan = await findPlan(reader, plan_id);
  if (plan === undefined) throw new AgentError('PLAN_NOT_FOUND', `There is no plan ${plan_id}.`, { plan_id });
  return plan;
}

/** Newest first. */
export async function listPlans(reader: StoreReader, filter: PlanFilter): Promise<PlanRecord[]> {
  const { environment, states, change_id, before, limit } = filter;
  let query = reader.db.selectFrom('plans').selectAll().orderBy('plan_id', 'desc').limit(limit);
  if (environment !== undefined) query = query.where('environment', '=', environment);
  if (states !== undefined) query = query.where('state', 'in', [...states]);
  if (change_id !== undefined) query = query.where('change_id', '=', change_id);
  if (before !== undefined) query = query.where('plan_id', '<', before);
  return (await query.execute()).map(toPlan);
}

/** Plans that still wait for approval or apply although their time is over at `now`. */
export async function plansToExpire(reader: StoreReader, now: number): Promise<PlanRecord[]> {
  const query = reader.db.selectFrom('plans').selectAll();
  const rows = await query
    .where('state', 'in', ['awaiting_approval', 'approved'])
    .where('expires_at', '<=', now)
    .execute();
  return rows.map(toPlan);
}

/** What may change about a plan; its hashes and its request never do. */
export interface PlanChange {
  readonly state?: PlanState;
  readonly body?: JsonObject;
  readonly expires_at?: number;
  readonly change_id?: string | null;
  readonly consumed_by?: string;
}

/**
 * Changes a plan and answers it as it is then. With `from`, only when it is in that state now: of two who try the same
 * transition one wins. Errors: PLAN_NOT_FOUND; PLAN_STATE for a transition that is not one (the trigger's word).
 */
export async function updatePlan(
  trx: StoreTx,
  key: { readonly plan_id: string; readonly from?: PlanState },
  change: PlanChange,
): Promise<PlanRecord> {
  const { plan_id, from } = key;
  const { body, ...columns } = change;
  const set = { ...columns, ...(body === undefined ? {} : { body: toJson(body) }) };
  let query = trx.db.updateTable('plans').set(set).where('plan_id', '=', plan_id).returningAll();
  if (from !== undefined) query = query.where('state', '=', from);
  const row = await query.executeTakeFirst();
  if (row !== undefined) return toPlan(row);
  const { state } = await getPlan(trx, plan_id);
  throw new AgentError('PLAN_STATE', `The plan is ${state}, not ${from ?? 'there'}.`, { plan_id });
}
