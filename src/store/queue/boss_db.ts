import pg from 'pg';
import type { Db } from 'pg-boss';
import { clientConfig } from '../postgres/session.ts';

/** pg-boss looks and works little; more would only wait for the same locks. */
const MOST = 3;

/**
 * The connections of pg-boss. Not its own pool: a connection that breaks while it is lent out emits an error that nobody
 * listens to there, and that ends the process (seen with a database that crashes in the middle of a look for jobs).
 */
export class BossDatabase implements Db {
  readonly #pool: pg.Pool;
  #session: readonly string[] = [];

  /** Errors: CONFIGURATION_INVALID for what is not a URL of PostgreSQL. */
  constructor(url: string) {
    const config = { ...clientConfig(url), application_name: 'proxmox-agent jobs', max: MOST };
    this.#pool = new pg.Pool({ ...config, pipeline: false });
    this.#pool.on('error', () => {});
    this.#pool.on('connect', (client) => {
      client.on('error', () => {});
      // Queued before whatever the connection was opened for.
      for (const statement of this.#session) client.query(statement).catch(() => {});
    });
  }

  executeSql(text: string, values: unknown[] = []): Promise<{ rows: unknown[] }> {
    return this.#pool.query(text, values);
  }

  async setSessionStatements(statements: string[]): Promise<void> {
    this.#session = statements;
  }

  close(): Promise<void> {
    return this.#pool.end();
  }
}
