import type { StoreReader, StoreTx } from '../group.ts';

/** How long a task of PVE took in this lab, for predictions. */
export interface TaskDuration {
  readonly environment: string;
  /** As in the UPID: `qmclone`, `vzdump`, … */
  readonly task_type: string;
  readonly node: string;
  readonly seconds: number;
  /** What it moved, where that is known. */
  readonly bytes: number | null;
  readonly at: number;
}

/** Measurements kept per environment and task type. */
const KEEP = 200;
/** A prediction looks at this many of the newest. */
const RECENT = 21;

export async function addDuration(trx: StoreTx, duration: TaskDuration): Promise<void> {
  await trx.db.insertInto('task_durations').values(duration).execute();
  const { environment, task_type } = duration;
  const same = trx.db.selectFrom('task_durations').select('id').where('environment', '=', environment);
  const oldest = same.where('task_type', '=', task_type).orderBy('id', 'desc').offset(KEEP).limit(1);
  const last = await oldest.executeTakeFirst();
  if (last === undefined) return;
  const old = trx.db
    .deleteFrom('task_durations')
    .where('environment', '=', environment)
    .where('task_type', '=', task_type);
  await old.where('id', '<=', last.id).execute();
}

/** The newest measurements of a task type, on one node when it has any of its own, else on all. */
export async function recentDurations(
  reader: StoreReader,
  of: { readonly environment: string; readonly task_type: string; readonly node?: string },
): Promise<{ seconds: number; bytes: number | null }[]> {
  const all = reader.db
    .selectFrom('task_durations')
    .select(['seconds', 'bytes'])
    .where('environment', '=', of.environment);
  const typed = all.where('task_type', '=', of.task_type).orderBy('id', 'desc').limit(RECENT);
  const own = of.node === undefined ? [] : await typed.where('node', '=', of.node).execute();
  return own.length > 0 ? own : typed.execute();
}

/** Median seconds of the newest measurements; undefined when there is none. */
export async function predictSeconds(
  reader: StoreReader,
  of: { readonly environment: string; readonly task_type: string; readonly node?: string },
): Promise<number | undefined> {
  const sorted = (await recentDurations(reader, of)).map(({ seconds }) => seconds).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
