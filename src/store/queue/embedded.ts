import { Cron } from 'croner';
import type { Clock } from '../../kernel/clock.ts';
import { toAgentError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/log.ts';
import type { StoreTx } from '../group.ts';
import type { Store } from '../open.ts';
import {
  cancelJob,
  claimJob,
  deleteJob,
  failJob,
  findSchedule,
  insertJob,
  nextJobAt,
  postponeJob,
  putSchedule,
  recoverJobs,
  type ClaimedJob,
} from '../queries/jobs.ts';
import {
  ATTEMPTS,
  DRAIN_MS,
  KEEP_FAILED_MS,
  retryDelay,
  SCHEDULE_KEY,
  type NewJob,
  type Queue,
  type Worker,
} from './queue.ts';

export interface EmbeddedQueueOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Looks again after this long at most, so that a clock that was set is noticed. */
const LONGEST_WAIT_MS = 60_000;

/** The queue of the one process that has an SQLite database: rows of `jobs`, and no polling while none is due. */
export class EmbeddedQueue implements Queue {
  readonly #options: EmbeddedQueueOptions;
  readonly #workers = new Map<string, Worker>();
  readonly #schedules = new Map<string, Cron>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();
  #wake = new AbortController();
  #loop: Promise<void> | undefined;

  private constructor(options: EmbeddedQueueOptions) {
    this.#options = options;
  }

  /** Errors: the store's. */
  static async open(options: EmbeddedQueueOptions): Promise<EmbeddedQueue> {
    const now = options.clock.now();
    await options.store.commit((trx) => recoverJobs(trx, now, now - KEEP_FAILED_MS));
    return new EmbeddedQueue(options);
  }

  async enqueue(trx: StoreTx, { name, key, data, at }: NewJob): Promise<boolean> {
    trx.onCommit(() => this.#wake.abort());
    return insertJob(trx, { name, key, data, run_at: at ?? this.#options.clock.now() });
  }

  cancel(trx: StoreTx, name: string, key: string): Promise<boolean> {
    return cancelJob(trx, name, key);
  }

  async work(name: string, worker: Worker): Promise<void> {
    this.#workers.set(name, worker);
    this.#loop ??= this.#keepOn();
    this.#wake.abort();
  }

  async schedule(name: string, cron: string, zone = 'UTC'): Promise<void> {
    const { store, clock } = this.#options;
    const timetable = new Cron(cron, { timezone: zone, paused: true });
    const known = await findSchedule(store, name);
    if (known?.cron !== cron || known.zone !== zone) {
      const next_at = after(timetable, clock.now());
      await store.commit((trx) => putSchedule(trx, { name, cron, zone, next_at }));
    }
    this.#schedules.set(name, timetable);
    this.#wake.abort();
  }

  async drain(): Promise<void> {
    this.#stop.abort();
    this.#wake.abort();
    await this.#loop;
    const done = Promise.allSettled(this.#running.values());
    const over = new AbortController();
    await Promise.race([done, this.#options.clock.sleep(DRAIN_MS, over.signal).catch(() => {})]);
    over.abort();
  }

  async #keepOn(): Promise<void> {
    const { clock, log } = this.#options;
    while (!this.#stop.signal.aborted) {
      this.#wake = new AbortController();
      const next = await this.pass().catch((error: unknown) => {
        log.warn({ err: error }, 'the job queue could not be read');
        return undefined;
      });
      const wait = Math.min(LONGEST_WAIT_MS, (next ?? Number.POSITIVE_INFINITY) - clock.now());
      if (wait > 0) await clock.sleep(wait, this.#wake.signal).catch(() => {});
    }
  }

  /** Begins what is due; answers when something will be due next, in milliseconds of the clock. */
  async pass(): Promise<number | undefined> {
    const fired = await this.#fire();
    const idle = [...this.#workers.keys()].filter((name) => !this.#running.has(name));
    for (const name of idle) await this.#begin(name);
    // One that runs looks for the next of its name itself.
    const waiting = idle.filter((name) => !this.#running.has(name));
    const times = [fired, await nextJobAt(this.#options.store, waiting)].filter((time) => time !== undefined);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Enqueues for the schedules whose time has come; answers when the next one's comes. */
  async #fire(): Promise<number | undefined> {
    const { store, clock } = this.#options;
    let next: number | undefined;
    for (const [name, timetable] of this.#schedules) {
      const schedule = await findSchedule(store, name);
      if (schedule === undefined) continue;
      let { next_at } = schedule;
      if (next_at <= clock.now()) {
        next_at = after(timetable, clock.now());
        await store.commit(async (trx) => {
          await putSchedule(trx, { ...schedule, next_at });
          await this.enqueue(trx, { name, key: SCHEDULE_KEY });
        });
      }
      next = Math.min(next ?? next_at, next_at);
    }
    return next;
  }

  async #begin(name: string): Promise<void> {
    const { store, clock } = this.#options;
    const job = await store.commit((trx) => claimJob(trx, name, clock.now()));
    if (job === undefined) return;
    const work = this.#run(job).finally(() => {
      this.#running.delete(name);
      this.#wake.abort();
    });
    this.#running.set(name, work);
  }

  async #run(job: ClaimedJob): Promise<void> {
    const { store, clock, log } = this.#options;
    const { name, key, data, attempt } = job;
    try {
      await this.#workers.get(name)?.({ name, key, data, attempt, signal: this.#stop.signal });
      await store.commit((trx) => deleteJob(trx, job.id));
    } catch (error) {
      const { message } = toAgentError(error);
      log.warn({ err: error, job: name, key, attempt }, 'a job failed');
      await store
        .commit((trx) =>
          attempt >= ATTEMPTS
            ? failJob(trx, job.id, clock.now(), message)
            : postponeJob(trx, job, { run_at: clock.now() + retryDelay(attempt) * 1000, error: message }),
        )
        // It runs again at the next start: that it ran was never said to be over.
        .catch((again: unknown) => log.warn({ err: again, job: name, key }, 'a job’s end could not be stored'));
    }
  }
}

/** The first time of a timetable after `now`. Errors: of the expression, at `new Cron`. */
function after(timetable: Cron, now: number): number {
  return timetable.nextRun(new Date(now))?.getTime() ?? Number.MAX_SAFE_INTEGER;
}
