import {
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type CompiledQuery,
  type DatabaseConnection,
  type QueryResult,
} from 'kysely';
import type pg from 'pg';
import { oneConnection } from '../driver.ts';
import type { Writer } from '../group.ts';
import type { Database } from '../schema.ts';

export type Run = (text: string, values: readonly unknown[]) => Promise<pg.QueryResult>;

const COUNTED = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE']);

/** Who may write and when is decided by the group commit; a connection here is only a way to run one statement. */
class RunConnection implements DatabaseConnection {
  readonly #run: Run;
  constructor(run: Run) {
    this.#run = run;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const { command, rowCount, rows } = await this.#run(query.sql, query.parameters);
    const result = { rows: rows as R[] };
    return COUNTED.has(command) ? { ...result, numAffectedRows: BigInt(rowCount ?? 0) } : result;
  }

  async *streamQuery<R>(query: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
    yield await this.executeQuery<R>(query);
  }
}

/** A connection whose statements are handed to `run`. */
export function runConnection(run: Run): Writer {
  const connection = new RunConnection(run);
  const db = new Kysely<Database>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => oneConnection(connection),
      createIntrospector: (kysely) => new PostgresIntrospector(kysely),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  });
  return { db, send: (query) => connection.executeQuery(query) };
}
