import { fromJson, toJson } from '../columns.ts';
import type { StoreReader, StoreTx } from '../group.ts';

/** A job of the embedded queue, claimed by this process. */
export interface ClaimedJob {
  readonly id: number;
  readonly name: string;
  readonly key: string;
  readonly data: unknown;
  /** From 1. */
  readonly attempt: number;
}

/** Adds a job; false when one of its name and key waits. */
export async function insertJob(
  trx: StoreTx,
  job: Omit<ClaimedJob, 'id' | 'attempt'> & { readonly run_at: number },
): Promise<boolean> {
  const row = {
    ...job,
    data: toJson(job.data ?? null),
    state: 'waiting',
    attempt: 0,
    ended_at: null,
    error: null,
  } as const;
  const query = trx.db.insertInto('jobs').values(row);
  const { numInsertedOrUpdatedRows } = await query.onConflict((conflict) => conflict.doNothing()).executeTakeFirst();
  return numInsertedOrUpdatedRows === 1n;
}

/** The job of this name that has been due the longest, now running. */
export async function claimJob(trx: StoreTx, name: string, now: number): Promise<ClaimedJob | undefined> {
  const due = await trx.db
    .selectFrom('jobs')
    .select(['id', 'key', 'data', 'attempt'])
    .where('name', '=', name)
    .where('state', '=', 'waiting')
    .where('run_at', '<=', now)
    .orderBy('run_at')
    .orderBy('id')
    .executeTakeFirst();
  if (due === undefined) return undefined;
  const attempt = due.attempt + 1;
  await trx.db.updateTable('jobs').set({ state: 'running', attempt }).where('id', '=', due.id).execute();
  return { id: due.id, name, key: due.key, data: fromJson<unknown>(due.data), attempt };
}

/** A job that is done, or that another one of its name and key stands in for. */
export async function deleteJob(trx: StoreTx, id: number): Promise<void> {
  await trx.db.deleteFrom('jobs').where('id', '=', id).execute();
}

export async function cancelJob(trx: StoreTx, name: string, key: string): Promise<boolean> {
  const waiting = trx.db.deleteFrom('jobs').where('name', '=', name).where('key', '=', key);
  return (await waiting.where('state', '=', 'waiting').executeTakeFirst()).numDeletedRows === 1n;
}

/** Lets a job wait again; it goes when a newer one of its name and key waits already. */
export async function postponeJob(
  trx: StoreTx,
  job: ClaimedJob,
  again: { run_at: number; error: string | null },
): Promise<void> {
  const newer = await trx.db
    .selectFrom('jobs')
    .select('id')
    .where('name', '=', job.name)
    .where('key', '=', job.key)
    .where('state', '=', 'waiting')
    .executeTakeFirst();
  if (newer !== undefined) return deleteJob(trx, job.id);
  await trx.db
    .updateTable('jobs')
    .set({ state: 'waiting', ...again })
    .where('id', '=', job.id)
    .execute();
}

/** Leaves a job alone for good. */
export async function failJob(trx: StoreTx, id: number, ended_at: number, error: string): Promise<void> {
  await trx.db.updateTable('jobs').set({ state: 'failed', ended_at, error }).where('id', '=', id).execute();
}

/** After a start: jobs that ran when the process ended wait again, and those that failed before `oldest` go. */
export async function recoverJobs(trx: StoreTx, now: number, oldest: number): Promise<void> {
  const lost = await trx.db
    .selectFrom('jobs')
    .select(['id', 'name', 'key', 'data', 'attempt'])
    .where('state', '=', 'running')
    .execute();
  for (const job of lost) await postponeJob(trx, { ...job, data: null }, { run_at: now, error: null });
  await trx.db.deleteFrom('jobs').where('state', '=', 'failed').where('ended_at', '<', oldest).execute();
}

/** When the next job of these names is due; undefined when none waits. */
export async function nextJobAt(reader: StoreReader, names: readonly string[]): Promise<number | undefined> {
  if (names.length === 0) return undefined;
  const query = reader.db.selectFrom('jobs').select('run_at').where('state', '=', 'waiting').where('name', 'in', names);
  return (await query.orderBy('run_at').limit(1).executeTakeFirst())?.run_at;
}

export interface Schedule {
  readonly name: string;
  readonly cron: string;
  readonly zone: string;
  readonly next_at: number;
}

export const findSchedule = (reader: StoreReader, name: string): Promise<Schedule | undefined> =>
  reader.db.selectFrom('schedules').selectAll().where('name', '=', name).executeTakeFirst();

export async function putSchedule(trx: StoreTx, schedule: Schedule): Promise<void> {
  const query = trx.db.insertInto('schedules').values(schedule);
  await query.onConflict((conflict) => conflict.column('name').doUpdateSet(schedule)).execute();
}
