import type { Selectable } from 'kysely';
import { fromJson, toJson } from '../columns.ts';
import type { StoreReader, StoreTx } from '../group.ts';
import type { Database } from '../schema.ts';

/**
 * A code of the authenticator counts once: true for the first use of a time step that is later than every one used
 * before.
 */
export async function useTotpStep(trx: StoreTx, person_id: string, step: number): Promise<boolean> {
  const query = trx.db.updateTable('people').set({ totp_step: step }).where('id', '=', person_id);
  const later = query.where((is) => is.or([is('totp_step', 'is', null), is('totp_step', '<', step)]));
  return (await later.executeTakeFirst()).numUpdatedRows === 1n;
}

/** Replaces all recovery codes of a person; an empty list takes them away. */
export async function putRecoveryCodes(trx: StoreTx, person_id: string, hashes: readonly string[]): Promise<void> {
  await trx.db.deleteFrom('recovery_codes').where('person_id', '=', person_id).execute();
  if (hashes.length === 0) return;
  const rows = hashes.map((hash) => ({ person_id, hash, used_at: null }));
  await trx.db.insertInto('recovery_codes').values(rows).execute();
}

/** True for the one use of a code. */
export async function useRecoveryCode(trx: StoreTx, person_id: string, hash: string, at: number): Promise<boolean> {
  const query = trx.db.updateTable('recovery_codes').set({ used_at: at }).where('person_id', '=', person_id);
  const result = await query.where('hash', '=', hash).where('used_at', 'is', null).executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

export async function countRecoveryCodes(reader: StoreReader, person_id: string): Promise<number> {
  const query = reader.db.selectFrom('recovery_codes').select('hash').where('person_id', '=', person_id);
  return (await query.where('used_at', 'is', null).execute()).length;
}

export interface PasskeyRecord extends Omit<Selectable<Database['passkeys']>, 'transports'> {
  readonly transports: readonly string[];
}
const toPasskey = (row: Selectable<Database['passkeys']>): PasskeyRecord => ({
  ...row,
  transports: fromJson<string[]>(row.transports),
});

/** Answers false when this key is known already, to whomever it belongs. */
export async function insertPasskey(trx: StoreTx, passkey: PasskeyRecord): Promise<boolean> {
  const query = trx.db.insertInto('passkeys').values({ ...passkey, transports: toJson(passkey.transports) });
  const result = await query.onConflict((conflict) => conflict.doNothing()).executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
}

export async function findPasskey(reader: StoreReader, id: string): Promise<PasskeyRecord | undefined> {
  const row = await reader.db.selectFrom('passkeys').selectAll().where('id', '=', id).executeTakeFirst();
  return row === undefined ? undefined : toPasskey(row);
}

export async function listPasskeys(reader: StoreReader, person_id: string): Promise<PasskeyRecord[]> {
  const query = reader.db.selectFrom('passkeys').selectAll().where('person_id', '=', person_id);
  return (await query.orderBy('created_at').orderBy('id').execute()).map(toPasskey);
}

/** Notes a use. False when the counter went on meanwhile: the same assertion came twice, or the key has a copy. */
export async function countPasskey(
  trx: StoreTx,
  id: string,
  counter: { readonly from: number; readonly to: number },
  at: number,
): Promise<boolean> {
  const query = trx.db.updateTable('passkeys').set({ counter: counter.to, last_used_at: at }).where('id', '=', id);
  return (await query.where('counter', '=', counter.from).executeTakeFirst()).numUpdatedRows === 1n;
}

/** True when there was one of this person. */
export async function deletePasskey(trx: StoreTx, person_id: string, id: string): Promise<boolean> {
  const query = trx.db.deleteFrom('passkeys').where('person_id', '=', person_id).where('id', '=', id);
  return (await query.executeTakeFirst()).numDeletedRows === 1n;
}

export async function deletePasskeysOf(trx: StoreTx, person_id: string): Promise<void> {
  await trx.db.deleteFrom('passkeys').where('person_id', '=', person_id).execute();
}
