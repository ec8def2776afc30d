import type SQLite from 'better-sqlite3';
import {
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type QueryResult,
} from 'kysely';
import { oneConnection } from './driver.ts';
import { storeError } from './errors.ts';
import type { Writer } from './group.ts';
import type { Database } from './schema.ts';

/** Statements kept ready; our queries have far fewer shapes, the bound only guards against one that varies. */
const MAX_STATEMENTS = 500;

/**
 * Kysely's own SQLite driver prepares every statement anew and hands its connection out under a mutex, which is why a
 * query awaited outside an open transaction deadlocks there. Ours runs on the spot, keeps statements prepared, and has
 * no mutex: who may write and when is decided by the group commit alone, through `guard`.
 */
class DirectConnection implements DatabaseConnection {
  readonly #sqlite: SQLite.Database;
  readonly #guard: () => void;
  readonly #statements = new Map<string, SQLite.Statement>();

  constructor(sqlite: SQLite.Database, guard: () => void) {
    this.#sqlite = sqlite;
    this.#guard = guard;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    try {
      this.#guard();
      const statement = this.#prepare(query.sql);
      if (statement.reader) return { rows: statement.all(...query.parameters) as R[] };
      const { changes, lastInsertRowid } = statement.run(...query.parameters);
      return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
    } catch (error) {
      throw storeError(error) as Error;
    }
  }

  // Statements that stay open across turns would hold a read mark and stop the WAL from being reset.
  async *streamQuery<R>(query: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
    yield await this.executeQuery<R>(query);
  }

  #prepare(sql: string): SQLite.Statement {
    const ready = this.#statements.get(sql);
    if (ready !== undefined) return ready;
    const statement = this.#sqlite.prepare(sql);
    if (this.#statements.size >= MAX_STATEMENTS) this.#statements.clear();
    this.#statements.set(sql, statement);
    return statement;
  }
}

/** Calls of one connection never overlap, so Kysely need not queue them. */
class DirectAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true;
  }
}

/**
 * One better-sqlite3 connection. `guard` throws when a query is not allowed now; queries run synchronously inside the
 * returned promise, in the order in which they were asked for.
 */
export function directConnection(sqlite: SQLite.Database, guard: () => void = () => {}): Writer {
  const connection = new DirectConnection(sqlite, guard);
  const dialect: Dialect = {
    createAdapter: () => new DirectAdapter(),
    createDriver: () => oneConnection(connection),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
  return { db: new Kysely<Database>({ dialect }), send: (query) => connection.executeQuery(query) };
}
