import type { Kysely } from 'kysely';
import type pg from 'pg';
import type { Clock } from '../../kernel/clock.ts';
import { AgentError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/log.ts';
import { failed } from '../errors.ts';
import { CommitQueue, type Commit, type Done, type Job } from '../group.ts';
import type { Database } from '../schema.ts';
import { runKysely } from './dialect.ts';
import { isLost, isStale, isTransient, postgresError } from './errors.ts';
import { patiently } from './patience.ts';
import { advisory, Session } from './session.ts';

/**
 * Milliseconds. A replica that stops in the middle of a transaction (SIGSTOP, a dead network) holds up all others until
 * the server ends its session after this; well below the length of a lease.
 */
const IDLE_MS = 3_000;
/** How long a commit waits for those of other replicas. */
const WAIT_MS = 10_000;
const STATEMENT_MS = 30_000;
/** How often a closure is run that the server undid for another's sake, or with a connection that was lost. */
const ATTEMPTS = 3;

/**
 * Statements are prepared once and their plans kept, also those that were made when a table had a few rows and reading
 * all of it looked cheap; everything that is written is found by a key (measured after 1,500 entries of a journal:
 * 0.24 against 0.58 ms for the next).
 */
const SETUP = `SET enable_seqscan = off; SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE;
  SET idle_in_transaction_session_timeout = ${IDLE_MS}; SET lock_timeout = ${WAIT_MS};
  SET statement_timeout = ${STATEMENT_MS};
  SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`;

/**
 * Every writing transaction stands in line for this lock, on whichever replica. So commits have one order, in which the
 * audit head and the numbers of events are handed out; what a closure has read is still so when it commits (limits
 * of slots, fences); and no two batches can wait for each other's rows.
 */
const BEGIN = `BEGIN; SELECT pg_advisory_xact_lock(${advisory('commit')})`;
/** Marks of replicas that have not written for this long are forgotten; one that writes again makes its own anew. */
const FORGET_MS = 7 * 24 * 3_600_000;

const UNKNOWN =
  'The connection to PostgreSQL was lost while the change was being committed: it is not known whether it is stored.';

interface Running {
  readonly opening: Promise<unknown>;
  readonly known: Map<string, unknown>;
}

export interface PostgresCommitOptions {
  readonly config: pg.ClientConfig;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Group commit as on SQLite (`../commit.ts`), on one connection that is opened again when it is lost. A closure may be
 * run again, with a new `trx`, when the server undid it for another's sake or the connection was lost before COMMIT.
 * When it is lost during COMMIT, the server is asked what became of the transaction; only when it cannot be asked in
 * time is the outcome not known, and STORE_FAILED says so.
 */
export class PostgresCommit {
  readonly #options: PostgresCommitOptions;
  readonly #queue: CommitQueue;
  readonly #db: Kysely<Database>;
  #session: Session | undefined;
  /** Names this process among the replicas, once it has connected. */
  #replica: string | undefined;
  #mark = 0;
  #inTransaction = false;
  readonly commit: Commit;

  constructor(options: PostgresCommitOptions) {
    this.#options = options;
    const { clock, log } = options;
    this.#queue = new CommitQueue({ clock, log, batch: (jobs) => this.#batch(jobs) });
    this.commit = this.#queue.commit;
    this.#db = runKysely(async (text, values) => {
      if (this.#session === undefined || !this.#inTransaction)
        throw new AgentError('INTERNAL', 'A write was attempted outside of store.commit.');
      return this.#session.run(text, values);
    });
  }

  /** The server's process behind this connection; what it announces are our own commits. */
  get pid(): number | undefined {
    return this.#session?.pid;
  }

  /** Finishes what was accepted and ends the connection. */
  async close(): Promise<void> {
    await this.#queue.close();
    this.#session?.end();
  }

  #connected(): Promise<Session> {
    return patiently(this.#options.clock, isLost, async () => {
      if (this.#session?.lost === false) return this.#session;
      const session = await Session.open(this.#options.config, SETUP);
      this.#replica ??= await this.#register(session);
      this.#session = session;
      return session;
    });
  }

  async #register(session: Session): Promise<string> {
    const now = this.#options.clock.now();
    await session.run('DELETE FROM commit_marks WHERE at < $1', [now - FORGET_MS]);
    const { rows } = await session.run('SELECT gen_random_uuid()::text AS replica', []);
    return (rows[0] as { replica: string }).replica;
  }

  /** Opens a transaction that leaves its mark: with its changes or, undone, without them. */
  #begin(session: Session): Promise<unknown> {
    this.#mark += 1;
    const values = `'${this.#replica}', ${this.#mark}, ${this.#options.clock.now()}`;
    return session.control(`${BEGIN}; INSERT INTO commit_marks (replica, mark, at) VALUES (${values})
      ON CONFLICT (replica) DO UPDATE SET mark = excluded.mark, at = excluded.at; SAVEPOINT one`);
  }

  async #batch(jobs: readonly Job[]): Promise<void> {
    const waiting = new Set(jobs);
    for (let attempt = 1; waiting.size > 0; attempt += 1) {
      let session: Session | undefined;
      try {
        session = await this.#connected();
        this.#inTransaction = true;
        await this.#transaction(session, waiting);
      } catch (error) {
        // Whatever state the transaction was left in ends with its connection; nothing of it is stored.
        session?.end();
        if (session !== undefined && attempt < ATTEMPTS && (isLost(error) || isTransient(error))) continue;
        for (const job of waiting) job.reject(postgresError(error));
        return;
      } finally {
        this.#inTransaction = false;
      }
    }
  }

  /** Runs closures in one transaction and takes those from `waiting` that are settled. Throws when nothing is stored. */
  async #transaction(session: Session, waiting: Set<Job>): Promise<void> {
    const opening = this.#begin(session);
    // Not waited for before the first closure's queries are on their way; a failure of it shows there first.
    opening.catch(() => {});
    const done: Done[] = [];
    const known = new Map<string, unknown>();
    for (const job of waiting) {
      try {
        done.push(await this.#one(session, job, { opening, known }));
        void session.control('RELEASE one; SAVEPOINT one').catch(() => {});
      } catch (error) {
        if (session.lost) throw error;
        waiting.delete(job);
        job.reject(postgresError(error));
        void session.control('ROLLBACK TO one').catch(() => {});
      }
    }
    await opening;
    if (done.length === 0) return void (await session.control('ROLLBACK'));
    if (await this.#end(session)) this.#queue.settle(done);
    else for (const { job } of done) job.reject(failed(UNKNOWN));
    waiting.clear();
  }

  /** One closure; tried again where the server undid it for another's sake. Errors: its own, or of the opening. */
  async #one(session: Session, job: Job, transaction: Running): Promise<Done> {
    const { opening, known } = transaction;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#queue.run(job, this.#db, known);
      } catch (error) {
        try {
          await opening;
        } catch (fault) {
          // No transaction, so no closure of it can do anything: end it as a whole.
          session.end();
          throw fault;
        }
        if (isLost(error)) session.end();
        if (session.lost || attempt >= ATTEMPTS || !isTransient(error)) throw error;
        if (isStale(error)) session.forget();
        await session.control('ROLLBACK TO one');
      }
    }
  }

  /** COMMIT. True when it is stored, false when nobody can tell. Throws when it is not stored. */
  async #end(session: Session): Promise<boolean> {
    try {
      const { command } = (await session.control('COMMIT')).at(-1) ?? { command: 'none' };
      // To the COMMIT of a transaction that is broken the server answers ROLLBACK.
      if (command !== 'COMMIT') throw failed(`PostgreSQL undid the shared transaction (${command}).`);
      return true;
    } catch (error) {
      if (!isLost(error)) throw error;
      session.end();
      const stored = await this.#isStored().catch(() => undefined);
      this.#options.log.warn({ err: error, stored }, 'the connection to PostgreSQL was lost during a COMMIT');
      if (stored === false) throw error;
      return stored === true;
    }
  }

  /**
   * Whether the transaction whose COMMIT was not answered is stored: its mark says so, on this server or on the one that
   * took over. (Not `pg_xact_status`: after a crash the number of a transaction that was lost is used again.)
   */
  #isStored(): Promise<boolean> {
    return patiently(this.#options.clock, isLost, async () => {
      const session = await this.#connected();
      // The lock is held by the transaction in question while it can still end either way.
      await session.control(BEGIN);
      const { rows } = await session.run('SELECT mark FROM commit_marks WHERE replica = $1', [this.#replica]);
      await session.control('ROLLBACK');
      return (rows[0] as { mark: number } | undefined)?.mark === this.#mark;
    });
  }
}
