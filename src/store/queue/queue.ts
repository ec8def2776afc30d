import type { StoreTx } from '../group.ts';

/** A job as its worker gets it. */
export interface Job {
  readonly name: string;
  readonly key: string;
  readonly data: unknown;
  /** From 1; more than 1 when it failed, or when the process that had it ended in the middle. */
  readonly attempt: number;
  /** Aborted when the queue is drained; what is not done by then is done again elsewhere. */
  readonly signal: AbortSignal;
}

export type Worker = (job: Job) => Promise<void>;

export interface NewJob {
  readonly name: string;
  /** Of the jobs of one name and key at most one waits. */
  readonly key: string;
  readonly data?: unknown;
  /** Milliseconds; at once when left out. */
  readonly at?: number;
}

/**
 * Work for later, done by one process of all: at least once, and again after a failure or a crash, so what a worker does
 * must bear repetition. A job is a reminder and never the only record of something: whoever enqueues one has the truth in
 * a table of their own, and a schedule that looks there for what was missed.
 */
export interface Queue {
  /** Adds a job in the transaction of what it is for; false when one with its name and key waits already. */
  enqueue(trx: StoreTx, job: NewJob): Promise<boolean>;
  /** Does the jobs of a name in this process, one at a time. Jobs of a name that nobody works on wait. */
  work(name: string, worker: Worker): Promise<void>;
  /**
   * Enqueues a job of this name (with the key `schedule`) whenever the cron expression of five fields says so, in the
   * time zone. Times that went by while nobody ran are made up for by one job.
   */
  schedule(name: string, cron: string, zone?: string): Promise<void>;
  /** Takes back a job that waits; false when there is none. */
  cancel(trx: StoreTx, name: string, key: string): Promise<boolean>;
  /** Takes no more jobs, tells those that run to stop, and waits for them, at most `DRAIN_MS`. Safe to call twice. */
  drain(): Promise<void>;
}

export const SCHEDULE_KEY = 'schedule';
/** A job that failed so often is left alone; it stays visible for a week. */
export const ATTEMPTS = 10;
export const DRAIN_MS = 5_000;
export const KEEP_FAILED_MS = 7 * 86_400_000;
const LONGEST_DELAY_S = 300;

/** Seconds until a job that failed `attempt` times is tried again: 2, 4, 8, … 300. */
export const retryDelay = (attempt: number): number => Math.min(LONGEST_DELAY_S, 2 ** attempt);
