import { PostgresAdapter, type Compilable, type CompiledQuery, type Insertable, type QueryResult } from 'kysely';
import { AgentError } from '../kernel/errors.ts';
import type { StoreTx } from './group.ts';
import type { Database } from './schema.ts';

/** Texts of statements by a key of the caller's, for each way to write. */
const texts = new WeakMap<object, Map<string, string>>();

/**
 * The text of a statement, built once for each `key`, while its values are handed in ever after: for what every effect
 * writes several times building it each time costs a fifth of the effects a second (`npm run bench -- effects`).
 */
function textFor(trx: StoreTx, key: string, values: readonly unknown[], build: () => Compilable): string {
  const { adapter } = trx.db.getExecutor();
  const known = texts.get(adapter) ?? new Map<string, string>();
  texts.set(adapter, known);
  const text = known.get(key) ?? textOf(build().compile(), values);
  known.set(key, text);
  return text;
}

/** A value that Kysely writes into the text itself, or leaves out, would put all after it into the wrong place. */
function textOf({ sql, parameters }: CompiledQuery, values: readonly unknown[]): string {
  if (parameters.length === values.length && parameters.every((value, index) => value === values[index])) return sql;
  throw new AgentError('INTERNAL', `The values do not stand for those of ${sql}.`);
}

/** Adds a row whose columns are plain values; its answer is not waited for (`later`). */
export function insertLater<T extends keyof Database>(trx: StoreTx, table: T, row: Insertable<Database[T]>): void {
  const key = `insert ${table} ${Object.keys(row).join()}`;
  const values = Object.values(row);
  trx.later(
    textFor(trx, key, values, () => trx.db.insertInto(table).values(row)),
    values,
  );
}

/** What PostgreSQL answers where a statement of `changeOneLater` has changed nothing. */
const NOTHING_CHANGED = '22012';

/**
 * Changes one row, with values as `textFor`; its answer is not waited for (`later`). Where there is no such row the
 * commit fails with `missing`: on PostgreSQL the statement itself has to, because the COMMIT follows unseen.
 */
export function changeOneLater(
  trx: StoreTx,
  key: string,
  values: readonly unknown[],
  build: () => Compilable,
  missing: () => Error,
): void {
  const text = textFor(trx, key, values, build);
  const require = ({ numAffectedRows }: QueryResult<unknown>): void => {
    if (numAffectedRows !== 1n) throw missing();
  };
  if (!(trx.db.getExecutor().adapter instanceof PostgresAdapter)) return trx.later(text, values, { result: require });
  const counted = `with changed as (${text} returning 1) select 1 / count(*) from changed`;
  const error = (cause: unknown): unknown =>
    (cause as { code?: unknown } | null)?.code === NOTHING_CHANGED ? missing() : cause;
  trx.later(counted, values, { error });
}
