import type { Selectable } from 'kysely';
import { fromJson, toJson } from '../columns.ts';
import type { StoreReader, StoreTx } from '../group.ts';
import type { Database } from '../schema.ts';

/** A person's sign-in on one device. `hash` is of the secret in the cookie, which is never stored. */
export type SessionRecord = Readonly<Selectable<Database['sessions']>>;

const KEPT_MS = 30 * 24 * 3_600_000;

/** Those that were over a month ago are swept out; the audit log still tells of them. */
export async function insertSession(trx: StoreTx, session: SessionRecord): Promise<void> {
  const old = session.created_at - KEPT_MS;
  await trx.db.deleteFrom('sessions').where('expires_at', '<=', old).execute();
  await trx.db.insertInto('sessions').values(session).execute();
}

/** The session with this hash if it has not ended, nor its absolute time, nor was idle since `idleBefore`. */
export async function validSession(
  reader: StoreReader,
  hash: string,
  { now, idleBefore }: { readonly now: number; readonly idleBefore: number },
): Promise<SessionRecord | undefined> {
  const query = reader.db.selectFrom('sessions').selectAll().where('hash', '=', hash).where('ended_at', 'is', null);
  return query.where('expires_at', '>', now).where('seen_at', '>', idleBefore).executeTakeFirst();
}

/** Sessions of a person that may still be good, newest first. */
export async function openSessions(reader: StoreReader, person_id: string, now: number): Promise<SessionRecord[]> {
  const query = reader.db.selectFrom('sessions').selectAll().where('person_id', '=', person_id);
  return query.where('ended_at', 'is', null).where('expires_at', '>', now).orderBy('created_at', 'desc').execute();
}

export async function updateSession(
  trx: StoreTx,
  id: string,
  change: Partial<Pick<SessionRecord, 'hash' | 'method' | 'seen_at' | 'factor_at'>>,
): Promise<void> {
  await trx.db.updateTable('sessions').set(change).where('id', '=', id).execute();
}

/** Ends one session of a person; true when it was open. */
export async function endSession(trx: StoreTx, person_id: string, id: string, at: number): Promise<boolean> {
  const query = trx.db.updateTable('sessions').set({ ended_at: at }).where('person_id', '=', person_id);
  return (await query.where('id', '=', id).where('ended_at', 'is', null).executeTakeFirst()).numUpdatedRows === 1n;
}

/** Ends all sessions of a person but `except`; answers how many. */
export async function endSessionsOf(trx: StoreTx, person_id: string, at: number, except = ''): Promise<number> {
  const query = trx.db.updateTable('sessions').set({ ended_at: at }).where('person_id', '=', person_id);
  const result = await query.where('id', '<>', except).where('ended_at', 'is', null).executeTakeFirst();
  return Number(result.numUpdatedRows);
}

/** Something that is handed out to be brought back once, such as a passkey's challenge; expired ones are swept out. */
export async function insertChallenge(
  trx: StoreTx,
  challenge: { readonly hash: string; readonly purpose: string; readonly body: unknown; readonly expires_at: number },
  now: number,
): Promise<void> {
  await trx.db.deleteFrom('challenges').where('expires_at', '<=', now).execute();
  await trx.db
    .insertInto('challenges')
    .values({ ...challenge, body: toJson(challenge.body) })
    .execute();
}

/** Takes it back: what was kept with it, the first time and in time; undefined otherwise. */
export async function takeChallenge<T>(
  trx: StoreTx,
  hash: string,
  purpose: string,
  now: number,
): Promise<T | undefined> {
  const row = await trx.db.selectFrom('challenges').selectAll().where('hash', '=', hash).executeTakeFirst();
  if (row === undefined || row.purpose !== purpose) return undefined;
  await trx.db.deleteFrom('challenges').where('hash', '=', hash).execute();
  return row.expires_at > now ? fromJson<T>(row.body) : undefined;
}
