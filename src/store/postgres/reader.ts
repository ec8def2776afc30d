import type { Kysely } from 'kysely';
import pg from 'pg';
import type { Clock } from '../../kernel/clock.ts';
import { failed } from '../errors.ts';
import type { Database } from '../schema.ts';
import { runConnection } from './dialect.ts';
import { isLost, isStale, postgresError } from './errors.ts';
import { patiently } from './patience.ts';

/** Connections for reading, per replica. */
const MOST = 8;
const SETUP = `SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY; SET statement_timeout = 30000;
  SET idle_in_transaction_session_timeout = 60000`;

/** The pool waits for it, though its types do not say so. */
const setUp = ((client: pg.ClientBase) => client.query(SETUP)) as (client: pg.ClientBase) => void;

/** Reads of what is committed: a few connections, asked again when one is lost, because a read can be repeated. */
export class PostgresReader {
  readonly #pool: pg.Pool;
  readonly db: Kysely<Database>;

  constructor(config: pg.ClientConfig, clock: Clock, most = MOST) {
    // Settings of a session, not start parameters: poolers in between refuse those.
    this.#pool = new pg.Pool({ ...config, max: most, onConnect: setUp });
    // A connection that breaks while it lies idle leaves the pool by itself. While it is lent out the pool listens to it
    // no more, and an error that nobody listens to would end the process; the query that runs on it is rejected anyway.
    this.#pool.on('error', () => {});
    this.#pool.on('connect', (client) => void client.on('error', () => {}));
    const { db } = runConnection(async (text, values) => {
      try {
        return await patiently(clock, isLost, () => this.#query(text, values));
      } catch (error) {
        throw this.#explain(error);
      }
    });
    this.db = db;
  }

  async #query(text: string, values: readonly unknown[]): Promise<pg.QueryResult> {
    const client = await this.#pool.connect();
    let broken: Error | undefined;
    try {
      return await client.query(text, [...values]);
    } catch (error) {
      if (isLost(error) || isStale(error)) broken = error as Error;
      throw error;
    } finally {
      client.release(broken);
    }
  }

  #explain(error: unknown): unknown {
    // The pool's own words, which it says in both cases.
    if (!(error instanceof Error) || !error.message.startsWith('timeout exceeded when trying to connect'))
      return postgresError(error);
    const { max } = this.#pool.options;
    if (this.#pool.totalCount < max) return failed('PostgreSQL does not answer.', error);
    return failed(`All ${max} connections for reading are in use.`, error);
  }

  /** Runs `work` on one view of the database that does not change meanwhile. */
  async snapshot<T>(work: (db: Kysely<Database>) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw this.#explain(error);
    });
    let broken: Error | undefined;
    try {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      const result = await work(runConnection((text, values) => client.query(text, [...values])).db);
      await client.query('COMMIT');
      return result;
    } catch (error) {
      // The connection goes, and the transaction with it.
      broken = error as Error;
      throw postgresError(error);
    } finally {
      client.release(broken);
    }
  }

  close(): Promise<void> {
    return this.#pool.end();
  }
}
