import type { Principal } from '../../identity/index.ts';
import { getChangeRecord, updateChangeRecord } from '../../store/index.ts';
import type { ChangesDeps } from '../changes.ts';
import { maySee } from './access.ts';
import { changesOf, isOverdue, recordOf, rowOf, type ChangeRecord } from './record.ts';
import { scopeOf } from './records.ts';

/** What a review meeting asks. Times in seconds; null where nothing has ended yet. */
export interface ChangeMetrics {
  readonly total: number;
  readonly ended: number;
  /** Share of ended changes that were rolled back, 0 to 1. */
  readonly failure_rate: number | null;
  /** From its creation to its completion, median. */
  readonly lead_time_seconds: number | null;
  /** Share of all changes, 0 to 1. */
  readonly emergency_share: number | null;
  /** From the beginning of an emergency to its end, median. */
  readonly time_to_restore_seconds: number | null;
  readonly reviews_overdue: number;
}

/** Over the changes that the caller may see and that were made since a time, in milliseconds since the epoch. */
export async function changeMetrics(
  { store, clock }: Pick<ChangesDeps, 'store' | 'clock'>,
  principal: Principal,
  since = 0,
): Promise<ChangeMetrics> {
  const all: ChangeRecord[] = [];
  for await (const record of changesOf(store))
    if (record.created_at >= since && maySee(principal, record.content)) all.push(record);
  const ended = all.filter(({ status }) => status === 'completed' || status === 'rolled_back');
  const emergencies = all.filter(({ category }) => category === 'emergency');
  return {
    total: all.length,
    ended: ended.length,
    failure_rate: share(ended.filter(({ status }) => status === 'rolled_back').length, ended.length),
    lead_time_seconds: median(ended.flatMap((one) => between(one, one.created_at))),
    emergency_share: share(emergencies.length, all.length),
    time_to_restore_seconds: median(emergencies.flatMap((one) => between(one, firstAt(one, 'in_progress')))),
    reviews_overdue: all.filter((one) => isOverdue(one, clock.now())).length,
  };
}

const share = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);
const firstAt = ({ history }: ChangeRecord, status: string): number | undefined =>
  history.find((passage) => passage.status === status)?.at;

/** Seconds from `begin` to the end of a change, where it has both. */
function between(record: ChangeRecord, begin: number | undefined): number[] {
  const end = record.history.findLast(({ status }) => status === 'completed' || status === 'rolled_back')?.at;
  return begin === undefined || end === undefined ? [] : [(end - begin) / 1000];
}

function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length === 0) return null;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? 0)) / 2;
}

const REMIND_EVERY_MS = 86_400_000;

/** Once a day for each emergency whose review is overdue, until it is made. */
export async function remindOfReviews(deps: ChangesDeps): Promise<void> {
  const now = deps.clock.now();
  for await (const record of changesOf(deps.store)) {
    const { review, id, content } = record;
    if (review === undefined || !isOverdue(record, now) || now - (review.reminded_at ?? 0) < REMIND_EVERY_MS) continue;
    await deps.store.commit(async (trx) => {
      // Read again: what somebody has written meanwhile stays.
      const found = recordOf(await getChangeRecord(trx, id));
      await updateChangeRecord(trx, id, rowOf({ ...found, review: { ...review, ...found.review, reminded_at: now } }));
      const data = { title: content.title, due_at: new Date(review.due_at).toISOString() };
      await deps.events.publish(trx, {
        type: 'change.review.overdue',
        ids: { change_id: id },
        ...scopeOf(content.environments, data),
      });
    });
  }
}
