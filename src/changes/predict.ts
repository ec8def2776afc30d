import type { TraceStep } from '../operations/index.ts';
import { predictSeconds, type StoreReader } from '../store/index.ts';

/** Seconds for a task type of which this lab has no history yet. */
const DEFAULT_SECONDS: Readonly<Record<string, number>> = {
  qmclone: 30,
  qmstart: 5,
  qmstop: 3,
  qmshutdown: 30,
  qmreboot: 40,
  qmdestroy: 5,
  qmsnapshot: 5,
  qmdelsnapshot: 10,
  qmrollback: 10,
  resize: 2,
  hastart: 15,
  hastop: 30,
};
const SYNCHRONOUS_SECONDS = 0.2;

/**
 * The time of the longest chain of requests: those that wait for none run side by side, but for clones of one template,
 * which go one after the other.
 */
export async function predict(
  reader: StoreReader,
  environment: string,
  trace: readonly TraceStep[],
  after: ReadonlyMap<string, readonly string[]>,
): Promise<number> {
  const known = new Map<string, number>();
  const own = new Map<string, number>();
  const clones = new Map<string, number>();
  for (const step of trace) {
    const type = step.task ?? '';
    if (!known.has(type)) known.set(type, await secondsOf(reader, environment, type));
    const seconds = known.get(type) ?? 0;
    own.set(step.request, (own.get(step.request) ?? 0) + seconds);
    if (type === 'qmclone') clones.set(step.path, (clones.get(step.path) ?? 0) + seconds);
  }
  const ends = new Map<string, number>();
  for (const [id, names] of after)
    ends.set(id, (own.get(id) ?? 0) + Math.max(0, ...names.map((name) => ends.get(name) ?? 0)));
  return Math.round(Math.max(0, ...ends.values(), ...clones.values()) * 10) / 10;
}

async function secondsOf(reader: StoreReader, environment: string, task_type: string): Promise<number> {
  if (task_type === '') return SYNCHRONOUS_SECONDS;
  return (await predictSeconds(reader, { environment, task_type })) ?? DEFAULT_SECONDS[task_type] ?? 10;
}
