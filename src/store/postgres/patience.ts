import type { Clock } from '../../kernel/clock.ts';

/** Milliseconds that work waits for a database that restarts or fails over, before it is told. */
export const PATIENCE_MS = 5_000;
const FIRST_MS = 50;
const MOST_MS = 1_000;

/** How long to wait before attempt `attempt` (from 0): doubling from 50 ms up to 1 s. */
export const backOff = (attempt: number): number => Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(attempt, 10));

/** Tries again, with growing pauses, while `again` says so of the error and `PATIENCE_MS` are not over. */
export async function patiently<T>(
  clock: Clock,
  again: (error: unknown) => boolean,
  work: () => Promise<T>,
): Promise<T> {
  const until = clock.now() + PATIENCE_MS;
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const pause = backOff(attempt);
      if (!again(error) || clock.now() + pause > until) throw error;
      await clock.sleep(pause);
    }
  }
}
