import { CompiledQuery, type Insertable, type Kysely, type QueryResult } from 'kysely';
import { AgentError } from '../kernel/errors.ts';
import type { StoreTx } from './group.ts';
import type { Database } from './schema.ts';

/** Texts of statements by a key of the caller's, for each way to write. */
const texts = new WeakMap<object, Map<string, string>>();

/**
 * Runs a statement whose text is built once for each `key`, and its values handed in ever after: for what every effect
 * writes several times building it each time costs a fifth of the effects a second (`npm run bench -- effects`).
 */
export function runText(
  db: Kysely<Database>,
  key: string,
  values: readonly unknown[],
  build: () => { compile(): CompiledQuery },
): Promise<QueryResult<unknown>> {
  const { adapter } = db.getExecutor();
  const known = texts.get(adapter) ?? new Map<string, string>();
  texts.set(adapter, known);
  const text = known.get(key) ?? textOf(build().compile(), values);
  known.set(key, text);
  return db.executeQuery(CompiledQuery.raw(text, [...values]));
}

/** A value that Kysely writes into the text itself, or leaves out, would put all after it into the wrong place. */
function textOf({ sql, parameters }: CompiledQuery, values: readonly unknown[]): string {
  if (parameters.length === values.length && parameters.every((value, index) => value === values[index])) return sql;
  throw new AgentError('INTERNAL', `The values do not stand for those of ${sql}.`);
}

/** Adds a row whose columns are plain values; its answer is not waited for (`later`). */
export function insertLater<T extends keyof Database>(trx: StoreTx, table: T, row: Insertable<Database[T]>): void {
  const key = `insert ${table} ${Object.keys(row).join()}`;
  trx.later(runText(trx.db, key, Object.values(row), () => trx.db.insertInto(table).values(row)));
}
