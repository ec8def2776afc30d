import { AsyncLocalStorage } from 'node:async_hooks';
import type { Kysely } from 'kysely';
import type { Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/log.ts';
import type { Database } from './schema.ts';

/** Where a query can be run: the store itself (what is committed), or a transaction (also what it wrote so far). */
export interface StoreReader {
  readonly db: Kysely<Database>;
}

/** The inside of one `commit`. It ends with its closure; what still uses it then is refused. */
export interface StoreTx extends StoreReader {
  /** Runs after the shared transaction is durable, before the `commit` resolves; not at all when it is rolled back. */
  onCommit(hook: () => void): void;
  /**
   * For a statement whose answer the closure does not need: it is on its way, and the closure ends well only if it does.
   * On PostgreSQL this saves the wait for the server's answer.
   */
  later(written: Promise<unknown>): void;
  /** What closures of this shared transaction know of rows that nobody else can change before it commits. */
  readonly known: Map<string, unknown>;
}

export type Commit = <T>(work: (trx: StoreTx) => Promise<T>) => Promise<T>;

/** Closures in one transaction; more would make the first ones wait long for their answer. */
const MAX_BATCH = 256;
/** Longer than this in one closure means it waits for something other than the database, and everybody with it. */
const SLOW_MS = 1_000;

export interface Job {
  readonly work: (trx: StoreTx) => Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** A closure that ran well and waits for the shared COMMIT. */
export interface Done {
  readonly job: Job;
  readonly value: unknown;
  readonly hooks: readonly (() => void)[];
}

class Transaction implements StoreTx {
  readonly hooks: (() => void)[] = [];
  readonly pending: Promise<unknown>[] = [];
  readonly known: Map<string, unknown>;
  open = true;
  readonly #db: Kysely<Database>;
  constructor(db: Kysely<Database>, known: ReadonlyMap<string, unknown>) {
    this.#db = db;
    this.known = new Map(known);
  }
  get db(): Kysely<Database> {
    if (!this.open) throw new AgentError('INTERNAL', 'A transaction was used after its commit had ended.');
    return this.#db;
  }
  onCommit(hook: () => void): void {
    this.hooks.push(hook);
  }
  later(written: Promise<unknown>): void {
    // Awaited when the closure has ended; until then it is nobody's unhandled one.
    written.catch(() => {});
    this.pending.push(written);
  }
}

export interface QueueOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Runs the closures of one turn, settles every job, and never rejects. */
  readonly batch: (jobs: readonly Job[]) => Promise<void>;
}

/** What group commit is on every engine: closures asked for in one turn of the event loop, one batch at a time. */
export class CommitQueue {
  readonly #options: QueueOptions;
  readonly #inside = new AsyncLocalStorage<Transaction>();
  #queue: Job[] = [];
  #draining: Promise<void> | undefined;
  #closed = false;
  #refused: AgentError | undefined;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  readonly commit: Commit = <T>(work: (trx: StoreTx) => Promise<T>): Promise<T> => {
    if (this.#refused !== undefined) return Promise.reject(this.#refused);
    if (this.#closed) return Promise.reject(new AgentError('STORE_FAILED', 'The store is closed.'));
    if (this.#inside.getStore()?.open === true) {
      // It would wait for the transaction that waits for it.
      return Promise.reject(new AgentError('INTERNAL', 'store.commit was called inside a commit; use its trx.'));
    }
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ work, resolve: resolve as (value: unknown) => void, reject });
      this.#draining ??= this.#drain();
    });
  };

  /** Refuses new work from now on, with this error. */
  refuse(error: AgentError): void {
    this.#refused = error;
  }

  /** Refuses new work and resolves when what was accepted is done. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#draining;
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      // The next turn: whoever was resolved by the last batch has asked again by then, and shares the next one.
      await new Promise((resolve) => setImmediate(resolve));
      await this.#options.batch(this.#queue.splice(0, MAX_BATCH));
    }
    this.#draining = undefined;
  }

  /**
   * Runs one closure on `db`, whose transaction (or savepoint) the engine has opened. `known` is of the transaction; it
   * takes up what a closure that ended well has learned. Errors: the closure's own.
   */
  async run(job: Job, db: Kysely<Database>, known: Map<string, unknown>): Promise<Done> {
    const trx = new Transaction(db, known);
    const started = this.#options.clock.now();
    try {
      const [outcome] = await Promise.allSettled([this.#inside.run(trx, job.work, trx)]);
      // A statement that failed unseen is why those after it failed, so its error comes first.
      for (const written of trx.pending) await written;
      if (outcome.status === 'rejected') throw outcome.reason;
      for (const [name, value] of trx.known) known.set(name, value);
      return { job, value: outcome.value, hooks: trx.hooks };
    } finally {
      trx.open = false;
      const took = this.#options.clock.now() - started;
      if (took > SLOW_MS) this.#options.log.warn({ milliseconds: took }, 'a commit held the store for long');
    }
  }

  /** Tells those whose COMMIT is durable. */
  settle(done: readonly Done[]): void {
    for (const { job, value, hooks } of done) {
      for (const hook of hooks) this.#runHook(hook);
      job.resolve(value);
    }
  }

  #runHook(hook: () => void): void {
    try {
      hook();
    } catch (error) {
      this.#options.log.error({ err: error }, 'what follows a commit failed');
    }
  }
}
