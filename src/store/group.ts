import { AsyncLocalStorage } from 'node:async_hooks';
import { CompiledQuery, type Kysely, type QueryResult } from 'kysely';
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
   * Sends a statement on the spot whose answer the closure does not need; the closure ends well only if the statement
   * does. On PostgreSQL nobody waits for it before COMMIT is sent, so what makes it fail must do so on the server.
   */
  later(text: string, values: readonly unknown[], check?: Check): void;
  /**
   * Heads of what is only ever added to (audit chain, events): what the next number is, known from before. A head that
   * somebody else has moved since makes a number that is taken, so the transaction is undone and run again without.
   */
  readonly known: Map<string, unknown>;
}

/** Looks at a statement's result, or turns its error into another one; throws what is to be thrown. */
export interface Check {
  readonly result?: (result: QueryResult<unknown>) => void;
  readonly error?: (error: unknown) => unknown;
}

/** The connection of a transaction: `send` has a statement on its way when it returns, `db` some turns later. */
export interface Writer {
  readonly db: Kysely<Database>;
  readonly send: (query: CompiledQuery) => Promise<QueryResult<unknown>>;
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
  /** What is known of heads after it; counts once everything in `pending` has ended well. */
  readonly known: ReadonlyMap<string, unknown>;
  /** Statements whose answers it did not wait for. */
  readonly pending: readonly Promise<unknown>[];
}

class Transaction implements StoreTx {
  readonly hooks: (() => void)[] = [];
  readonly pending: Promise<unknown>[] = [];
  readonly known: Map<string, unknown>;
  open = true;
  readonly #writer: Writer;
  constructor(writer: Writer, known: ReadonlyMap<string, unknown>) {
    this.#writer = writer;
    this.known = new Map(known);
  }
  get db(): Kysely<Database> {
    if (!this.open) throw new AgentError('INTERNAL', 'A transaction was used after its commit had ended.');
    return this.#writer.db;
  }
  onCommit(hook: () => void): void {
    this.hooks.push(hook);
  }
  later(text: string, values: readonly unknown[], check: Check = {}): void {
    const written = this.#writer.send(CompiledQuery.raw(text, [...values])).then(check.result, (error: unknown) => {
      throw check.error?.(error) ?? error;
    });
    // Awaited when the closure has ended; until then it is nobody's unhandled one.
    written.catch(() => {});
    this.pending.push(written);
  }
}

export interface QueueOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Runs the closures of one turn and settles every job; what it throws is the answer of those that are left. */
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
      const jobs = this.#queue.splice(0, MAX_BATCH);
      try {
        await this.#options.batch(jobs);
      } catch (error) {
        // A fault of ours; without an answer everybody who writes after it would wait for ever.
        for (const job of jobs) job.reject(error);
      }
    }
    this.#draining = undefined;
  }

  /**
   * Runs one closure on `writer`, whose transaction (or savepoint) the engine has opened; what it left `pending` is still
   * under way. Errors: the closure's own.
   */
  async begin(job: Job, writer: Writer, known: ReadonlyMap<string, unknown>): Promise<Done> {
    return doneOf(job, await this.#inTransaction(job, writer, known));
  }

  /** The same, and everything that it wrote has ended well. */
  async run(job: Job, writer: Writer, known: ReadonlyMap<string, unknown>): Promise<Done> {
    const ran = await this.#inTransaction(job, writer, known);
    // A statement that failed unseen is why those after it failed, so its error comes first.
    await allOf(ran.trx.pending);
    return doneOf(job, ran);
  }

  async #inTransaction(job: Job, writer: Writer, known: ReadonlyMap<string, unknown>): Promise<Ran> {
    const trx = new Transaction(writer, known);
    const started = this.#options.clock.now();
    const [outcome] = await Promise.allSettled([this.#inside.run(trx, job.work, trx)]);
    trx.open = false;
    const took = this.#options.clock.now() - started;
    if (took > SLOW_MS) this.#options.log.warn({ milliseconds: took }, 'a commit held the store for long');
    return { trx, outcome };
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

interface Ran {
  readonly trx: Transaction;
  readonly outcome: PromiseSettledResult<unknown>;
}

function doneOf(job: Job, { trx: { hooks, known, pending }, outcome }: Ran): Done {
  if (outcome.status === 'rejected') throw outcome.reason;
  return { job, value: outcome.value, hooks, known, pending };
}

/** In the order asked, so that the error is that of the first that failed. */
export async function allOf(pending: readonly Promise<unknown>[]): Promise<void> {
  for (const written of pending) await written;
}
