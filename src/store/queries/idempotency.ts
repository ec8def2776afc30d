import { AgentError } from '../../kernel/errors.ts';
import { fromJson, toJson } from '../columns.ts';
import type { StoreTx } from '../group.ts';

/** An `Idempotency-Key` as one caller used it at one endpoint. */
export interface IdempotencyKey {
  readonly endpoint: string;
  readonly principal: string;
  readonly key: string;
}

/** What tells one payload from another. */
export interface PayloadHash {
  readonly hash: string;
  /** As a version beside this one writes it; taken for the same, never written. */
  readonly former?: string;
}

/** The first use; or a repeat, with the first answer, or without while the first is still being worked on. */
export type IdempotencyAnswer =
  | { readonly first: true }
  | { readonly first: false; readonly answer: { readonly status: number; readonly body: unknown } | undefined };

const TTL_MS = 24 * 3_600_000;

/**
 * Begins a request under a key. A key is forgotten 24 h after its first use. Errors: IDEMPOTENCY_CONFLICT when it was
 * used for another payload.
 */
export async function beginIdempotent(
  trx: StoreTx,
  key: IdempotencyKey,
  { hash, former }: PayloadHash,
  now: number,
): Promise<IdempotencyAnswer> {
  await trx.db
    .deleteFrom('idempotency_keys')
    .where('created_at', '<=', now - TTL_MS)
    .execute();
  const insert = trx.db.insertInto('idempotency_keys').values({ ...key, payload_hash: hash, created_at: now });
  const result = await insert.onConflict((conflict) => conflict.doNothing()).executeTakeFirst();
  if (result.numInsertedOrUpdatedRows === 1n) return { first: true };
  const row = await whose(trx, key).executeTakeFirstOrThrow();
  if (row.payload_hash !== hash && row.payload_hash !== former) {
    throw new AgentError('IDEMPOTENCY_CONFLICT', 'The Idempotency-Key was used for a request with another payload.');
  }
  if (row.status === null || row.body === null) return { first: false, answer: undefined };
  return { first: false, answer: { status: row.status, body: fromJson(row.body) } };
}

/** Keeps the answer for repeats. */
export async function endIdempotent(trx: StoreTx, key: IdempotencyKey, status: number, body: unknown): Promise<void> {
  const query = trx.db
    .updateTable('idempotency_keys')
    .set({ status, body: toJson(body) })
    .where('endpoint', '=', key.endpoint);
  await query.where('principal', '=', key.principal).where('key', '=', key.key).execute();
}

/** Forgets a key whose request came to nothing, so that it may be tried again. */
export async function dropIdempotent(trx: StoreTx, key: IdempotencyKey): Promise<void> {
  const query = trx.db.deleteFrom('idempotency_keys').where('endpoint', '=', key.endpoint);
  await query.where('principal', '=', key.principal).where('key', '=', key.key).execute();
}

const whose = (trx: StoreTx, { endpoint, principal, key }: IdempotencyKey) =>
  trx.db
    .selectFrom('idempotency_keys')
    .selectAll()
    .where('endpoint', '=', endpoint)
    .where('principal', '=', principal)
    .where('key', '=', key);
