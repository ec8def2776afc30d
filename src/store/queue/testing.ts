import { TestClock } from 'pg-boss';
import type { Clock } from '../../kernel/clock.ts';
import { systemIds } from '../../kernel/ids.ts';
import { silentLogger } from '../../kernel/log.ts';
import type { Store } from '../open.ts';
import { openStore } from '../open.ts';
import { openPostgres } from '../postgres.ts';
import type { TestServer } from '../postgres/testing.ts';
import { temporaryDirectory } from '../testing.ts';
import { BossQueue } from './boss.ts';
import { EmbeddedQueue } from './embedded.ts';
import type { Queue } from './queue.ts';

/** For tests: a clock whose sleepers wake only when it is moved past their time. */
export class SteppedClock implements Clock {
  #now: number;
  readonly #sleepers = new Set<{ readonly at: number; readonly wake: () => void }>();
  constructor(start: number) {
    this.#now = start;
  }
  now(): number {
    return this.#now;
  }
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason as Error);
      const sleeper = { at: this.#now + ms, wake: resolve };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', () => {
        this.#sleepers.delete(sleeper);
        reject(signal.reason as Error);
      });
      return undefined;
    });
  }
  async tick(ms: number): Promise<void> {
    const target = this.#now + ms;
    await turns();
    for (;;) {
      const [next] = [...this.#sleepers].sort((a, b) => a.at - b.at);
      if (next === undefined || next.at > target) break;
      this.#now = Math.max(this.#now, next.at);
      this.#sleepers.delete(next);
      next.wake();
      await turns();
    }
    this.#now = target;
    await turns();
  }
}

/** Long enough for what one wake-up does on an embedded database: some commits, each of a turn or two. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** For tests: one kind of queue, whose time moves only by `pass`. */
export interface QueueWorld {
  readonly store: Store;
  /** Another one on the same database; the embedded kind allows one at a time. */
  open(): Promise<Queue>;
  now(): number;
  /** Moves the time, and lets the queue do what is due meanwhile. */
  pass(seconds: number): Promise<void>;
  end(): Promise<void>;
}

const HOUR_MS = 3_600_000;
/** Five past the hour to come: jobs of our own sessions, whose time is the real one, are due already. */
const start = (): number => (Math.floor(Date.now() / HOUR_MS) + 1) * HOUR_MS + 300_000;

export async function embeddedWorld(): Promise<QueueWorld> {
  const clock = new SteppedClock(start());
  const store = openStore({ directory: temporaryDirectory(), clock, log: silentLogger });
  return {
    store,
    open: () => EmbeddedQueue.open({ store, clock, log: silentLogger }),
    now: () => clock.now(),
    pass: (seconds) => clock.tick(seconds * 1000),
    end: () => store.close(),
  };
}

export async function bossWorld(server: TestServer): Promise<QueueWorld> {
  const clock = new TestClock(start());
  const now = { now: () => clock.now(), sleep: () => Promise.reject(new Error('nothing sleeps here')) };
  const url = await server.create();
  const store = await openPostgres({ url, directory: temporaryDirectory(), clock: now, log: silentLogger });
  return {
    store,
    open: () => BossQueue.open({ url, ids: systemIds(now), log: silentLogger, clock }),
    now: () => clock.now(),
    pass: (seconds) => clock.tick(seconds * 1000),
    end: () => store.close(),
  };
}
