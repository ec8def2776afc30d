import type { Selectable } from 'kysely';
import { AgentError } from '../../kernel/errors.ts';
import { fromJsonOrNull, toJsonOrNull } from '../columns.ts';
import type { StoreReader, StoreTx } from '../group.ts';
import type { Database } from '../schema.ts';

export interface TokenRecord {
  readonly id: string;
  readonly name: string;
  /** SHA-256 of the whole token; the token itself is never stored. */
  readonly hash: string;
  readonly role: string;
  readonly class: string;
  /** Null: all environments. */
  readonly environments: readonly string[] | null;
  readonly created_at: number;
  readonly expires_at: number | null;
  readonly last_used_at: number | null;
  readonly revoked_at: number | null;
  /** The person whose it is, and with whom it ends; null for one that stands for itself. */
  readonly person_id: string | null;
  /** Patterns of the actions that it may plan; null: all. */
  readonly actions: readonly string[] | null;
}

const toToken = (row: Selectable<Database['tokens']>): TokenRecord => ({
  ...row,
  environments: fromJsonOrNull<string[]>(row.environments),
  actions: fromJsonOrNull<string[]>(row.actions),
});

export async function insertToken(trx: StoreTx, token: TokenRecord): Promise<void> {
  await trx.db
    .insertInto('tokens')
    .values({
      ...token,
      environments: toJsonOrNull(token.environments),
      actions: toJsonOrNull(token.actions),
    })
    .execute();
}

/** The token with this hash if it is neither revoked nor expired at `now`. */
export async function validToken(reader: StoreReader, hash: string, now: number): Promise<TokenRecord | undefined> {
  const row = await reader.db.selectFrom('tokens').selectAll().where('hash', '=', hash).executeTakeFirst();
  if (row === undefined || row.revoked_at !== null) return undefined;
  return row.expires_at !== null && row.expires_at <= now ? undefined : toToken(row);
}

export async function listTokens(reader: StoreReader): Promise<TokenRecord[]> {
  return (await reader.db.selectFrom('tokens').selectAll().orderBy('created_at').orderBy('id').execute()).map(toToken);
}

/** Notes the use of a token; callers do this at most once a minute per token, it is not worth a commit each time. */
export async function touchToken(trx: StoreTx, id: string, at: number): Promise<void> {
  await trx.db.updateTable('tokens').set({ last_used_at: at }).where('id', '=', id).execute();
}

/** Errors: NOT_FOUND. Revoking twice keeps the first time. */
export async function revokeToken(trx: StoreTx, id: string, at: number): Promise<void> {
  const query = trx.db.updateTable('tokens').set((set) => ({ revoked_at: set.fn.coalesce('revoked_at', set.val(at)) }));
  const result = await query.where('id', '=', id).executeTakeFirst();
  if (result.numUpdatedRows !== 1n) throw new AgentError('NOT_FOUND', `There is no token ${id}.`);
}

/** Ends every token of a person. */
export async function revokeTokensOf(trx: StoreTx, person_id: string, at: number): Promise<void> {
  const query = trx.db.updateTable('tokens').set({ revoked_at: at }).where('person_id', '=', person_id);
  await query.where('revoked_at', 'is', null).execute();
}

/** A link that makes the owner once; only its SHA-256 is stored. */
export async function insertOwnerLink(
  trx: StoreTx,
  hash: string,
  created_at: number,
  expires_at: number,
): Promise<void> {
  await trx.db.insertInto('owner_links').values({ hash, created_at, expires_at }).execute();
}

/** True for the one use that a link allows, before it expires. */
export async function useOwnerLink(trx: StoreTx, hash: string, now: number): Promise<boolean> {
  const query = trx.db.updateTable('owner_links').set({ used_at: now }).where('hash', '=', hash);
  const result = await query.where('used_at', 'is', null).where('expires_at', '>', now).executeTakeFirst();
  return result.numUpdatedRows === 1n;
}
