import { AgentError } from '../../kernel/errors.ts';
import { fromJson, toJson } from '../columns.ts';
import type { StoreReader, StoreTx } from '../group.ts';

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

/** What was made under a key, and the answer of then; either is missing while it is still being worked on. */
export interface EarlierUse {
  readonly answer: { readonly status: number; readonly body: unknown } | undefined;
  readonly made: string | undefined;
}

/** The first use; or a repeat, with what came of the uses before. */
export type IdempotencyAnswer = { readonly first: true } | ({ readonly first: false } & EarlierUse);

/**
 * Called by what creates a record, inside the commit that does: notes the record's id where a repeat of the request
 * finds it. Throws where the record must not be made after all.
 */
export type MadeNote = (trx: StoreTx, id: string) => Promise<void>;

const TTL_MS = 24 * 3_600_000;

/**
 * Begins a request under a key. A key is forgotten 24 h after its first use. Errors: IDEMPOTENCY_CONFLICT when it was
 * used for another payload.
 */
export async function beginIdempotent(
  trx: StoreTx,
  key: IdempotencyKey,
  payload: PayloadHash,
  now: number,
): Promise<IdempotencyAnswer> {
  await trx.db
    .deleteFrom('idempotency_keys')
    .where('created_at', '<=', now - TTL_MS)
    .execute();
  const insert = trx.db.insertInto('idempotency_keys').values({ ...key, payload_hash: payload.hash, created_at: now });
  const result = await insert.onConflict((conflict) => conflict.doNothing()).executeTakeFirst();
  if (result.numInsertedOrUpdatedRows === 1n) return { first: true };
  const earlier = await findIdempotent(trx, key, payload);
  if (earlier === undefined) {
    throw new AgentError('IDEMPOTENCY_CONFLICT', 'The Idempotency-Key was used for a request with another payload.');
  }
  return { first: false, ...earlier };
}

/** What came of the uses of a key for this payload; undefined where there were none. */
export async function findIdempotent(
  reader: StoreReader,
  { endpoint, principal, key }: IdempotencyKey,
  payload: PayloadHash,
): Promise<EarlierUse | undefined> {
  const row = await reader.db
    .selectFrom('idempotency_keys')
    .selectAll()
    .where('endpoint', '=', endpoint)
    .where('principal', '=', principal)
    .where('key', '=', key)
    .where('payload_hash', 'in', hashesOf(payload))
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const { status, body, made } = row;
  const answer = status === null || body === null ? undefined : { status, body: fromJson(body) };
  return { answer, made: made ?? undefined };
}

/**
 * Notes what is made under a key, in the commit that makes it. Errors: TARGET_BUSY where another attempt of the same
 * request was faster, or the key was forgotten meanwhile; the commit must fail with it.
 */
export async function noteMade(trx: StoreTx, key: IdempotencyKey, payload: PayloadHash, id: string): Promise<void> {
  const query = open(trx, key).set({ made: id }).where('payload_hash', 'in', hashesOf(payload));
  const { numUpdatedRows } = await query.where('made', 'is', null).executeTakeFirst();
  if (numUpdatedRows !== 1n) {
    throw new AgentError(
      'TARGET_BUSY',
      'Another attempt of the request with this Idempotency-Key ended at the same time. Send it again to get its answer.',
    );
  }
}

/** Keeps the answer for repeats; the first one stays. */
export async function endIdempotent(trx: StoreTx, key: IdempotencyKey, status: number, body: unknown): Promise<void> {
  await open(trx, key)
    .set({ status, body: toJson(body) })
    .execute();
}

/** Forgets a key whose request came to nothing, so that it may be tried again. One under which something was made stays. */
export async function dropIdempotent(trx: StoreTx, { endpoint, principal, key }: IdempotencyKey): Promise<void> {
  const query = trx.db.deleteFrom('idempotency_keys').where('endpoint', '=', endpoint);
  const own = query.where('principal', '=', principal).where('key', '=', key);
  await own.where('made', 'is', null).where('status', 'is', null).execute();
}

/** A key that has no answer yet. */
const open = (trx: StoreTx, { endpoint, principal, key }: IdempotencyKey) =>
  trx.db
    .updateTable('idempotency_keys')
    .where('endpoint', '=', endpoint)
    .where('principal', '=', principal)
    .where('key', '=', key)
    .where('status', 'is', null);

const hashesOf = ({ hash, former = hash }: PayloadHash): string[] => [hash, former];
