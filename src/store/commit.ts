import type SQLite from 'better-sqlite3';
import type { Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/log.ts';
import { directConnection } from './dialect.ts';
import { storeError } from './errors.ts';
import { CommitQueue, type Commit, type Done, type Job, type Writer } from './group.ts';

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
  readonly #log: Logger;
  readonly #writer: Writer;
  readonly #queue: CommitQueue;
  /** Of what is durable; nobody else writes to this database. */
  #known: ReadonlyMap<string, unknown> = new Map();
  readonly #sql: Record<'begin' | 'commit' | 'savepoint' | 'release' | 'undo', SQLite.Statement>;
  readonly commit: Commit;

  constructor(options: { readonly sqlite: SQLite.Database; readonly clock: Clock; readonly log: Logger }) {
    const { sqlite, clock, log } = options;
    this.#sqlite = sqlite;
    this.#log = log;
    this.#queue = new CommitQueue({ clock, log, batch: (jobs) => this.#batch(jobs) });
    this.commit = this.#queue.commit;
    this.#writer = directConnection(sqlite, () => {
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

  /** Refuses new work from now on, with this error. */
  refuse(error: AgentError): void {
    this.#queue.refuse(error);
  }

  /** Refuses new work and resolves when what was accepted is done. */
  close(): Promise<void> {
    return this.#queue.close();
  }

  async #batch(jobs: readonly Job[]): Promise<void> {
    let known = this.#known;
    let done: Done[] = [];
    let shared = jobs.length > 1;
    for (const [index, job] of jobs.entries()) {
      try {
        if (!this.#sqlite.inTransaction) {
          this.#sql.begin.run();
          known = this.#known;
        }
      } catch (error) {
        for (const left of jobs.slice(index)) left.reject(storeError(error));
        return;
      }
      const outcome = await this.#one(job, shared, known);
      if (outcome !== undefined) {
        done.push(outcome);
        ({ known } = outcome);
      } else if (!this.#sqlite.inTransaction) {
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
  async #one(job: Job, shared: boolean, known: Done['known']): Promise<Done | undefined> {
    try {
      if (shared) this.#sql.savepoint.run();
      const done = await this.#queue.run(job, this.#writer, known);
      if (!this.#sqlite.inTransaction) throw new AgentError('STORE_FAILED', 'The transaction was undone.');
      if (shared) this.#sql.release.run();
      return done;
    } catch (error) {
      this.#undo(shared);
      job.reject(storeError(error));
      return undefined;
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
      this.#known = new Map();
      for (const { job } of done) job.reject(storeError(error));
      return;
    }
    this.#known = done.at(-1)?.known ?? this.#known;
    this.#queue.settle(done);
  }
}
