import type { Selectable } from 'kysely';
import { fromJson, toJson, type Actor } from '../columns.ts';
import type { StoreReader, StoreTx } from '../group.ts';
import type { Database } from '../schema.ts';

export interface StoredSecretRecord {
  readonly name: string;
  /** Sealed with the name as context; see `keys.ts`. */
  readonly blob: Uint8Array;
  /** Of the key that sealed it. */
  readonly key_id: string;
  readonly created_at: number;
  readonly updated_at: number;
  readonly updated_by: Actor;
}

const toSecret = (row: Selectable<Database['stored_secrets']>): StoredSecretRecord => ({
  ...row,
  updated_by: fromJson<Actor>(row.updated_by),
});

export async function listStoredSecrets(reader: StoreReader): Promise<StoredSecretRecord[]> {
  return (await reader.db.selectFrom('stored_secrets').selectAll().orderBy('name').execute()).map(toSecret);
}

/** A new value under the name; when it was first set stays. */
export async function putStoredSecret(trx: StoreTx, secret: StoredSecretRecord): Promise<void> {
  const row = { ...secret, updated_by: toJson(secret.updated_by) };
  const { name: _, created_at: __, ...rest } = row;
  const query = trx.db.insertInto('stored_secrets').values(row);
  await query.onConflict((conflict) => conflict.column('name').doUpdateSet(rest)).execute();
}

/** Answers whether there was one. */
export async function deleteStoredSecret(trx: StoreTx, name: string): Promise<boolean> {
  const result = await trx.db.deleteFrom('stored_secrets').where('name', '=', name).executeTakeFirst();
  return result.numDeletedRows > 0n;
}
