import type pg from 'pg';
import type { Clock } from '../../kernel/clock.ts';
import { AgentError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/log.ts';
import { failed } from '../errors.ts';
import { allOf, CommitQueue, type Commit, type Done, type Job, type Writer } from '../group.ts';
import { runConnection } from './dialect.ts';
import { isHeadTaken, isLost, isStale, isTransient, postgresError } from './errors.ts';
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
/** For so long after another replica was heard of the heads are read by every transaction itself. */
const SHARED_MS = 60_000;
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
const LOCK = `pg_advisory_xact_lock(${advisory('commit')})`;
/**
 * Stands in line, then leaves the mark of the transaction: with its changes or, undone, without them. (What a statement
 * sees was settled before it waited; that does no harm here, as a replica writes only its own row.)
 */
const MARK = `WITH line AS MATERIALIZED (SELECT ${LOCK}) INSERT INTO commit_marks (replica, mark, at)
  SELECT $1::text, $2::bigint, $3::bigint FROM line ON CONFLICT (replica) DO UPDATE SET mark = excluded.mark, at = excluded.at`;
/** Marks of replicas that have not written for this long are forgotten; one that writes again makes its own anew. */
const FORGET_MS = 7 * 24 * 3_600_000;

const UNKNOWN =
  'The connection to PostgreSQL was lost while the change was being committed: it is not known whether it is stored.';

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
  readonly #writer: Writer;
  #session: Session | undefined;
  /** Names this process among the replicas, once it has connected. */
  #replica: string | undefined;
  #mark = 0;
  #inTransaction = false;
  /** Of what we committed last; counts from `#aloneFrom` on. */
  #known: ReadonlyMap<string, unknown> = new Map();
  #aloneFrom = 0;
  readonly commit: Commit;

  constructor(options: PostgresCommitOptions) {
    this.#options = options;
    const { clock, log } = options;
    this.#queue = new CommitQueue({ clock, log, batch: (jobs) => this.#batch(jobs) });
    this.commit = this.#queue.commit;
    this.#writer = runConnection(async (text, values) => {
      if (this.#session === undefined || !this.#inTransaction)
        throw new AgentError('INTERNAL', 'A write was attempted outside of store.commit.');
      return this.#session.run(text, values);
    });
  }

  /** The server's process behind this connection; what it announces are our own commits. */
  get pid(): number | undefined {
    return this.#session?.pid;
  }

  /** Another replica writes as well, so heads that we remember would as often as not be behind. */
  heardOfOthers(): void {
    this.#aloneFrom = this.#options.clock.now() + SHARED_MS;
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
      // It may lead to a server that took over without what the last one had committed at the end.
      this.#known = new Map();
      return session;
    });
  }

  async #register(session: Session): Promise<string> {
    const now = this.#options.clock.now();
    await session.run('DELETE FROM commit_marks WHERE at < $1', [now - FORGET_MS]);
    const { rows } = await session.run('SELECT gen_random_uuid()::text AS replica', []);
    return (rows[0] as { replica: string }).replica;
  }

  /** Not waited for before the first closure's queries are on their way; a failure of it shows there first. */
  #begin(session: Session): Promise<unknown> {
    this.#mark += 1;
    const marked = [this.#replica, this.#mark, this.#options.clock.now()];
    const opening = Promise.all([session.control('BEGIN'), session.run(MARK, marked)]);
    opening.catch(() => {});
    return opening;
  }

  async #batch(jobs: readonly Job[]): Promise<void> {
    const waiting = new Set(jobs);
    let together = true;
    let attempt = 1;
    while (waiting.size > 0) {
      let session: Session | undefined;
      try {
        session = await this.#connected();
        this.#inTransaction = true;
        if (together) together = await this.#together(session, waiting);
        else await this.#apart(session, waiting);
      } catch (error) {
        // Whatever state the transaction was left in ends with its connection; nothing of it is stored.
        session?.end();
        if (session !== undefined && attempt++ < ATTEMPTS && (isLost(error) || isTransient(error))) continue;
        for (const job of waiting) job.reject(postgresError(error));
        return;
      } finally {
        this.#inTransaction = false;
      }
    }
  }

  /**
   * Runs closures in one transaction on the assumption that none of them fails, which nearly always holds: no savepoints,
   * and only the COMMIT waits for what they wrote. False when it does not hold: nothing is stored and nobody was told.
   */
  async #together(session: Session, waiting: Set<Job>): Promise<boolean> {
    const opening = this.#begin(session);
    const done: Done[] = [];
    try {
      let known = this.#heads();
      for (const job of waiting) {
        const ran = await this.#queue.begin(job, this.#writer, known);
        ({ known } = ran);
        done.push(ran);
      }
    } catch (error) {
      return this.#undone(session, opening, error, waiting);
    }
    // COMMIT goes out behind what is still under way; where that fails, the server undoes all instead.
    const statements = allOf([opening, ...done.flatMap(({ pending }) => pending)]);
    const [written, ended] = await Promise.allSettled([statements, this.#end(session)]);
    if (ended.status === 'rejected') {
      const cause: unknown = written.status === 'rejected' && !session.lost ? written.reason : ended.reason;
      return this.#undone(session, opening, cause, waiting);
    }
    // A COMMIT that went well although something before it did not was that of no transaction of ours.
    this.#tell(ended.value && (written.status === 'fulfilled' || session.lost), done, waiting);
    return true;
  }

  /** Undoes what was run together; true when everybody was told. Throws what makes the transaction as a whole impossible. */
  async #undone(session: Session, opening: Promise<unknown>, error: unknown, waiting: Set<Job>): Promise<boolean> {
    await this.#requireOpen(session, opening, error);
    if (isHeadTaken(error)) this.heardOfOthers();
    await session.control('ROLLBACK');
    // What a closure that was alone has said itself needs no second run.
    if (waiting.size > 1 || !(error instanceof AgentError)) return false;
    for (const job of waiting) job.reject(error);
    waiting.clear();
    return true;
  }

  #heads(): Done['known'] {
    return this.#options.clock.now() < this.#aloneFrom ? new Map() : this.#known;
  }

  /**
   * The same with a savepoint for each closure: one that fails is undone alone. Takes those from `waiting` that are
   * settled. Throws when nothing is stored.
   */
  async #apart(session: Session, waiting: Set<Job>): Promise<void> {
    const opening = this.#begin(session);
    void session.control('SAVEPOINT one').catch(() => {});
    const done: Done[] = [];
    for (const job of waiting) {
      try {
        done.push(await this.#one(session, job, opening, done.at(-1)?.known ?? new Map()));
        void session.control('RELEASE one; SAVEPOINT one').catch(() => {});
      } catch (error) {
        if (session.lost) throw error;
        waiting.delete(job);
        job.reject(postgresError(error));
        void session.control('ROLLBACK TO one').catch(() => {});
      }
    }
    await opening;
    if (done.length === 0) await session.control('ROLLBACK');
    else this.#tell(await this.#end(session), done, waiting);
  }

  /** One closure; tried again where the server undid it for another's sake. Errors: its own, or of the opening. */
  async #one(session: Session, job: Job, opening: Promise<unknown>, known: Done['known']): Promise<Done> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#queue.run(job, this.#writer, known);
      } catch (error) {
        await this.#requireOpen(session, opening, error);
        if (attempt >= ATTEMPTS || !isTransient(error)) throw error;
        await session.control('ROLLBACK TO one');
      }
    }
  }

  /** After an error: throws what made the transaction as a whole impossible, if that is why, and ends its connection. */
  async #requireOpen(session: Session, opening: Promise<unknown>, error: unknown): Promise<void> {
    const [opened] = await Promise.allSettled([opening]);
    if (opened.status === 'rejected' || isLost(error)) session.end();
    if (session.lost) throw opened.status === 'rejected' ? opened.reason : error;
    if (isStale(error)) session.forget();
  }

  /** Tells everybody that is left what became of the COMMIT. */
  #tell(stored: boolean, done: readonly Done[], waiting: Set<Job>): void {
    this.#known = (stored ? done.at(-1)?.known : undefined) ?? new Map();
    if (stored) this.#queue.settle(done);
    else for (const { job } of done) job.reject(failed(UNKNOWN));
    waiting.clear();
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
      await session.control(`BEGIN; SELECT ${LOCK}`);
      const { rows } = await session.run('SELECT mark FROM commit_marks WHERE replica = $1', [this.#replica]);
      await session.control('ROLLBACK');
      return (rows[0] as { mark: number } | undefined)?.mark === this.#mark;
    });
  }
}
