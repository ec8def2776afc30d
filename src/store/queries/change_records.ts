import type { Selectable } from 'kysely';
import { AgentError } from '../../kernel/errors.ts';
import { fromJson, toJson, type JsonObject } from '../columns.ts';
import type { StoreReader, StoreTx } from '../group.ts';
import type { Database } from '../schema.ts';

export interface ChangeRecordRow {
  /** `CC-001`. */
  readonly id: string;
  readonly number: number;
  readonly category: string;
  readonly status: string;
  readonly created_at: number;
  readonly updated_at: number;
  readonly body: JsonObject;
}

const toRow = (row: Selectable<Database['change_records']>): ChangeRecordRow => ({
  ...row,
  body: fromJson<JsonObject>(row.body),
});

/** False when there is one with this number already. */
export async function insertChangeRecord(trx: StoreTx, row: ChangeRecordRow): Promise<boolean> {
  const query = trx.db.insertInto('change_records').values({ ...row, body: toJson(row.body) });
  const made = await query.onConflict((conflict) => conflict.doNothing()).executeTakeFirst();
  return made.numInsertedOrUpdatedRows === 1n;
}

export async function findChangeRecord(reader: StoreReader, id: string): Promise<ChangeRecordRow | undefined> {
  const row = await reader.db.selectFrom('change_records').selectAll().where('id', '=', id).executeTakeFirst();
  return row === undefined ? undefined : toRow(row);
}

/** Errors: NOT_FOUND. */
export async function getChangeRecord(reader: StoreReader, id: string): Promise<ChangeRecordRow> {
  const found = await findChangeRecord(reader, id);
  if (found === undefined) throw new AgentError('NOT_FOUND', `There is no change record ${id}.`);
  return found;
}

export async function updateChangeRecord(
  trx: StoreTx,
  id: string,
  change: Pick<ChangeRecordRow, 'category' | 'status' | 'updated_at' | 'body'>,
): Promise<void> {
  const set = { ...change, body: toJson(change.body) };
  await trx.db.updateTable('change_records').set(set).where('id', '=', id).execute();
}

export interface ChangeRecordFilter {
  readonly limit: number;
  /** Only numbers below this. */
  readonly before?: number | undefined;
  readonly status?: string | undefined;
}

/** Newest first. */
export async function listChangeRecords(reader: StoreReader, filter: ChangeRecordFilter): Promise<ChangeRecordRow[]> {
  let query = reader.db.selectFrom('change_records').selectAll().orderBy('number', 'desc').limit(filter.limit);
  if (filter.before !== undefined) query = query.where('number', '<', filter.before);
  if (filter.status !== undefined) query = query.where('status', '=', filter.status);
  return (await query.execute()).map(toRow);
}

/** The highest number so far; 0 before the first. */
export async function lastChangeNumber(reader: StoreReader): Promise<number> {
  const query = reader.db.selectFrom('change_records').select('number').orderBy('number', 'desc').limit(1);
  return (await query.executeTakeFirst())?.number ?? 0;
}
