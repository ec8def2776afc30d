import { AsyncLocalStorage } from 'node:async_hooks';
import type SQLite from 'better-sqlite3';
import type { Kysely } from 'kysely';
import type { Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/log.ts';
import { directKysely } from './dialect.ts';
import { storeError } from './errors.ts';
import type { Database } from './schema.ts';

/** Where a query can be run: the store itself (what is committed), or a transaction (also what it wrote so far). */
export interface StoreReader {
  readonly db: Kysely<Database>;
}

/** The inside of one `commit`. It ends with its closure; what still uses it then is refused. */
export interface StoreTx extends StoreReader {
  /** Runs after the shared transaction is durable, before the `commit` resolves; not at all when it is rolled back. */
  onCommit(hook: () => void): void;
}

export type Commit = <T>(work: (trx: StoreTx) => Promise<T>) => Promise<T>;

/** Closures in one transaction; more would make the first ones wait long for their answer. */
const MAX_BATCH = 256;
/** Longer than this in one closure means it waits for something other than the database, and everybody with it. */
const SLOW_MS = 1_000;

interface Job {
  readonly work: (trx: StoreTx) => Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface Done {
  readonly job: Job;
  readonly value: unknown;
  readonly hooks: readonly (() => void)[];
}

class Transaction implements StoreTx {
  readonly hooks: (() => void)[] = [];
  open = true;
  readonly #db: Kysely<Database>;
  constructor(db: Kysely<Database>) {
    this.#db = db;
  }
  get db(): Kysely<Database> {
    if (!this.open) throw new AgentError('INTERNAL', 'A transaction was used after its commit had ended.');
    return this.#db;
  }
  onCommit(hook: () => void): void {
    this.hooks.push(hook);
  }
}

/**
 * Group commit: closures that are asked for in the same turn of the event loop share one durable transaction, each in a
 * savepoint of its own, in the order asked. A closure that throws is undone and rejected alone. No `commit` resolves
 * before the shared COMMIT is on disk. A closure awaits nothing but queries of its own `trx`: everybody else waits.
 *
 * When COMMIT itself fails, every closure of the batch is rejected with STORE_FAILED and none of them is visible; after
 * an I/O error a crash before the next commit may still bring the batch back, as with any database.
 */
export class GroupCommit {
  readonly #sqlite: SQLite.Database;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #db: Kysely<Database>;
  readonly #inside = new AsyncLocalStorage<Transaction>();
  readonly #sql: Record<'begin' | 'commit' | 'savepoint' | 'release' | 'undo', SQLite.Statement>;
  #queue: Job[] = [];
  #draining: Promise<void> | undefined;
  #closed = false;

  constructor(options: { readonly sqlite: SQLite.Database; readonly clock: Clock; readonly log: Logger }) {
    const { sqlite } = options;
    this.#sqlite = sqlite;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#db = directKysely(sqlite, () => {
      if (!sqlite.inTransaction) throw new AgentError('INTERNAL', 'A write was attempted outside of store.commit.');
    });
    this.#sql = {
      begin: sqlite.prepare('BEGIN IMMEDIATE'),
      commit: sqlite.prepare('COMMIT'),
      savepoint: sqlite.prepare('SAVEPOINT one'),
      release: sqlite.prepare('RELEASE one'),
      undo: sqlite.prepare('ROLLBACK TO one'),
    };
  }

  readonly commit: Commit = <T>(work: (trx: StoreTx) => Promise<T>): Promise<T> => {
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

  /** Refuses new work and resolves when what was accepted is done. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#draining;
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      // The next turn: whoever was resolved by the last batch has asked again by then, and shares the next one.
      await new Promise((resolve) => setImmediate(resolve));
      await this.#batch(this.#queue.splice(0, MAX_BATCH));
    }
    this.#draining = undefined;
  }

  async #batch(jobs: readonly Job[]): Promise<void> {
    let done: Done[] = [];
    let shared = jobs.length > 1;
    for (const [index, job] of jobs.entries()) {
      try {
        if (!this.#sqlite.inTransaction) this.#sql.begin.run();
      } catch (error) {
        for (const left of jobs.slice(index)) left.reject(storeError(error));
        return;
      }
      const outcome = await this.#one(job, shared);
      if (outcome !== undefined) done.push(outcome);
      if (outcome === undefined && !this.#sqlite.inTransaction) {
        // Some errors (disk full, I/O) make SQLite undo the whole transaction, and those before with it. Those after
        // run each in one of their own, so that what fits is not undone by what does not.
        for (const lost of done) lost.job.reject(new AgentError('STORE_FAILED', 'The shared transaction was undone.'));
        done = [];
        shared = false;
      }
      if (!shared && this.#sqlite.inTransaction) {
        this.#finish(done);
        done = [];
      }
    }
    if (this.#sqlite.inTransaction) this.#finish(done);
  }

  /** Runs one closure; undefined when it failed, was undone and rejected. */
  async #one(job: Job, shared: boolean): Promise<Done | undefined> {
    const trx = new Transaction(this.#db);
    const started = this.#clock.now();
    try {
      if (shared) this.#sql.savepoint.run();
      const value = await this.#inside.run(trx, job.work, trx);
      if (!this.#sqlite.inTransaction) throw new AgentError('STORE_FAILED', 'The transaction was undone.');
      if (shared) this.#sql.release.run();
      return { job, value, hooks: trx.hooks };
    } catch (error) {
      this.#undo(shared);
      job.reject(storeError(error));
      return undefined;
    } finally {
      trx.open = false;
      const took = this.#clock.now() - started;
      if (took > SLOW_MS) this.#log.warn({ milliseconds: took }, 'a commit held the store for long');
    }
  }

  #undo(shared: boolean): void {
    if (!this.#sqlite.inTransaction) return;
    try {
      if (!shared) return void this.#sqlite.exec('ROLLBACK');
      this.#sql.undo.run();
      this.#sql.release.run();
    } catch (error) {
      this.#log.error({ err: error }, 'a failed change could not be undone alone; the shared transaction is undone');
      if (this.#sqlite.inTransaction) this.#sqlite.exec('ROLLBACK');
    }
  }

  #finish(done: readonly Done[]): void {
    try {
      this.#sql.commit.run();
    } catch (error) {
      if (this.#sqlite.inTransaction) this.#sqlite.exec('ROLLBACK');
      for (const { job } of done) job.reject(storeError(error));
      return;
    }
    for (const { job, value, hooks } of done) {
      for (const hook of hooks) this.#runHook(hook);
      job.resolve(value);
    }
  }

  #runHook(hook: () => void): void {
    try {
      hook();
    } catch (error) {
      this.#log.error({ err: error }, 'what follows a commit failed');
    }
  }
}
