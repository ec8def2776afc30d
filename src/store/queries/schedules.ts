import type { Selectable } from 'kysely';
import { fromJson, toJson, type JsonObject } from '../columns.ts';
import type { StoreReader, StoreTx } from '../group.ts';
import type { Database } from '../schema.ts';

/** When a plan is to be applied. `waiting` until it was begun, came to nothing, or was taken back. */
export interface ScheduleRecord {
  readonly plan_id: string;
  readonly environment: string;
  readonly at: number;
  /** After this it is not applied any more. */
  readonly until: number;
  /** When the plan would have expired without it. */
  readonly planned_expiry: number;
  readonly window_name: string | null;
  /** Who scheduled it, and applies it. */
  readonly principal: JsonObject;
  readonly created_at: number;
  readonly state: 'waiting' | 'begun' | 'failed' | 'canceled';
  readonly tried_at: number | null;
  /** Why the last try came to nothing. */
  readonly code: string | null;
  readonly detail: string | null;
  readonly operation_id: string | null;
}

const toSchedule = (row: Selectable<Database['plan_schedules']>): ScheduleRecord => ({
  ...row,
  principal: fromJson<JsonObject>(row.principal),
});

/** Schedules a plan; an earlier schedule of it is replaced. */
export async function putPlanSchedule(
  trx: StoreTx,
  schedule: Omit<ScheduleRecord, 'state' | 'tried_at' | 'code' | 'detail' | 'operation_id'>,
): Promise<void> {
  const fresh = { state: 'waiting' as const, tried_at: null, code: null, detail: null, operation_id: null };
  const row = { ...schedule, ...fresh, principal: toJson(schedule.principal) };
  const query = trx.db.insertInto('plan_schedules').values(row);
  await query.onConflict((conflict) => conflict.column('plan_id').doUpdateSet(row)).execute();
}

export async function findPlanSchedule(reader: StoreReader, plan_id: string): Promise<ScheduleRecord | undefined> {
  const query = reader.db.selectFrom('plan_schedules').selectAll().where('plan_id', '=', plan_id);
  const row = await query.executeTakeFirst();
  return row === undefined ? undefined : toSchedule(row);
}

/** Schedules that wait and whose time has come, the longest first. */
export async function dueSchedules(reader: StoreReader, now: number): Promise<ScheduleRecord[]> {
  const query = reader.db.selectFrom('plan_schedules').selectAll().where('state', '=', 'waiting');
  return (await query.where('at', '<=', now).orderBy('at').orderBy('plan_id').execute()).map(toSchedule);
}

/** Schedules of an environment that wait for a time before `to`, and may still be begun after `from`. */
export async function waitingSchedules(
  reader: StoreReader,
  environment: string,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<ScheduleRecord[]> {
  const query = reader.db.selectFrom('plan_schedules').selectAll().where('state', '=', 'waiting');
  const within = query.where('environment', '=', environment).where('at', '<', to).where('until', '>', from);
  return (await within.orderBy('at').orderBy('plan_id').execute()).map(toSchedule);
}

/** Changes a schedule that still waits; false when it does not any more. */
export async function changeSchedule(
  trx: StoreTx,
  plan_id: string,
  change: Partial<Pick<ScheduleRecord, 'state' | 'tried_at' | 'code' | 'detail' | 'operation_id'>>,
): Promise<boolean> {
  const query = trx.db.updateTable('plan_schedules').set(change).where('plan_id', '=', plan_id);
  return (await query.where('state', '=', 'waiting').executeTakeFirst()).numUpdatedRows === 1n;
}
