import type { StoreReader, StoreTx } from '../group.ts';

/** Sealed secret inputs of plans (see `keys.ts`); a trigger deletes them when their plan becomes terminal. */
export async function putSecrets(trx: StoreTx, plan_id: string, blob: Uint8Array): Promise<void> {
  const query = trx.db.insertInto('secrets').values({ plan_id, blob });
  await query.onConflict((conflict) => conflict.column('plan_id').doUpdateSet({ blob })).execute();
}

export async function getSecrets(reader: StoreReader, plan_id: string): Promise<Uint8Array | undefined> {
  const row = await reader.db.selectFrom('secrets').select('blob').where('plan_id', '=', plan_id).executeTakeFirst();
  return row?.blob;
}
