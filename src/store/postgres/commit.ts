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

const SETUP = `SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE;
  SET idle_in_transaction_session_timeout = ${IDLE_MS}; SET lock_timeout = ${WAIT_MS};
  SET statement_timeout = ${STATEMENT_MS};
  SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`;

/**
 * Every writing transaction stands in line for this lock, on whichever replica. So commits have one order, in which the
 * audit head and the numbers of events are handed out; what a closure has read is still so when it commits (limits
 * of slots, fences); and no two batches can wait for each other's rows.
 */
const BEGIN = `BEGIN; SELECT pg_advisory_xact_lock(${advisory('commit')}); SAVEPOINT one;
  SELECT pg_current_xact_id()::text AS xid`;

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
      if (this.#session?.lost !== false) this.#session = await Session.open(this.#options.config, SETUP);
      return this.#session;
    });
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
    const opening = session.control(BEGIN);
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
    const xid = String((await opening).at(-1)?.rows[0]?.xid);
    if (done.length === 0) return void (await session.control('ROLLBACK'));
    if (await this.#end(session, xid)) this.#queue.settle(done);
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
  async #end(session: Session, xid: string): Promise<boolean> {
    try {
      const { command } = (await session.control('COMMIT')).at(-1) ?? { command: 'none' };
      // To the COMMIT of a transaction that is broken the server answers ROLLBACK.
      if (command !== 'COMMIT') throw failed(`PostgreSQL undid the shared transaction (${command}).`);
      return true;
    } catch (error) {
      if (!isLost(error)) throw error;
      session.end();
      const fate = await this.#fateOf(session, xid).catch(() => 'unknown');
      this.#options.log.warn({ err: error, fate }, 'the connection to PostgreSQL was lost during a COMMIT');
      if (fate === 'aborted') throw error;
      return fate === 'committed';
    }
  }

  /**
   * What became of a transaction whose COMMIT was not answered. A server on another timeline was made the primary since
   * (failover), and its numbers of transactions say nothing about ours.
   */
  async #fateOf(lost: Session, xid: string): Promise<string> {
    const ask = async (): Promise<string> => {
      const session = await this.#connected();
      if (session.timeline !== lost.timeline) return 'unknown';
      const { rows } = await session.run('SELECT pg_xact_status($1::text::xid8) AS fate', [xid]);
      const fate = (rows[0] as { fate: string | null }).fate ?? 'unknown';
      if (fate === 'in progress') throw Object.assign(new Error('still being committed'), { code: '57P03' });
      return fate;
    };
    return patiently(this.#options.clock, isLost, ask);
  }
}
