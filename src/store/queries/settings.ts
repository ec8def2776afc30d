import { fromJson, toJson } from '../columns.ts';
import type { StoreReader, StoreTx } from '../group.ts';

/** Small things that must survive a restart, as JSON. Keys and secrets are not among them: see `keys.ts`. */
export async function getSetting(reader: StoreReader, key: string): Promise<unknown> {
  const row = await reader.db.selectFrom('settings').select('value').where('key', '=', key).executeTakeFirst();
  return row === undefined ? undefined : fromJson<unknown>(row.value);
}

export async function putSetting(trx: StoreTx, key: string, value: unknown, at: number): Promise<void> {
  const row = { value: toJson(value), updated_at: at };
  const query = trx.db.insertInto('settings').values({ key, ...row });
  await query.onConflict((conflict) => conflict.column('key').doUpdateSet(row)).execute();
}

export async function deleteSetting(trx: StoreTx, key: string): Promise<void> {
  await trx.db.deleteFrom('settings').where('key', '=', key).execute();
}
