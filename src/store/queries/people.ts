import type { Selectable } from 'kysely';
import { AgentError } from '../../kernel/errors.ts';
import { fromJson, toJson } from '../columns.ts';
import type { StoreReader, StoreTx } from '../group.ts';
import type { Database } from '../schema.ts';

/** Role by environment; `*` is every environment that is not named. */
export type GrantsColumn = Readonly<Record<string, string>>;

export interface PersonRecord extends Omit<Selectable<Database['people']>, 'grants'> {
  readonly grants: GrantsColumn;
}

const toPerson = (row: Selectable<Database['people']>): PersonRecord => ({
  ...row,
  grants: fromJson<GrantsColumn>(row.grants),
});

/** Answers false when the name is taken. */
export async function insertPerson(trx: StoreTx, person: PersonRecord): Promise<boolean> {
  const row = { ...person, grants: toJson(person.grants) };
  const query = trx.db
    .insertInto('people')
    .values(row)
    .onConflict((conflict) => conflict.doNothing());
  return (await query.executeTakeFirst()).numInsertedOrUpdatedRows === 1n;
}

async function one(reader: StoreReader, by: 'id' | 'name', value: string): Promise<PersonRecord | undefined> {
  const row = await reader.db.selectFrom('people').selectAll().where(by, '=', value).executeTakeFirst();
  return row === undefined ? undefined : toPerson(row);
}
export const findPerson = (reader: StoreReader, id: string) => one(reader, 'id', id);
export const findPersonNamed = (reader: StoreReader, name: string) => one(reader, 'name', name);

/** Who an identity provider knows under this subject. */
export async function findPersonOf(
  reader: StoreReader,
  issuer: string,
  subject: string,
): Promise<PersonRecord | undefined> {
  const query = reader.db.selectFrom('people').selectAll().where('issuer', '=', issuer).where('subject', '=', subject);
  const row = await query.executeTakeFirst();
  return row === undefined ? undefined : toPerson(row);
}

export async function listPeople(reader: StoreReader): Promise<PersonRecord[]> {
  return (await reader.db.selectFrom('people').selectAll().orderBy('name').execute()).map(toPerson);
}

/** Errors: NOT_FOUND. */
export async function updatePerson(
  trx: StoreTx,
  id: string,
  change: Partial<Omit<PersonRecord, 'id' | 'name' | 'created_at'>>,
): Promise<void> {
  const { grants, ...rest } = change;
  const query = trx.db
    .updateTable('people')
    .set({ ...rest, ...(grants === undefined ? {} : { grants: toJson(grants) }) });
  const result = await query.where('id', '=', id).executeTakeFirst();
  if (result.numUpdatedRows !== 1n) throw new AgentError('NOT_FOUND', `There is no person ${id}.`);
}

/** A link that lets one person in once; only its SHA-256 is stored. A new one ends those before it. */
export async function insertInvitation(
  trx: StoreTx,
  invitation: {
    readonly hash: string;
    readonly person_id: string;
    readonly created_at: number;
    readonly expires_at: number;
  },
): Promise<void> {
  const { person_id, created_at } = invitation;
  const before = trx.db.updateTable('invitations').set({ used_at: created_at }).where('person_id', '=', person_id);
  await before.where('used_at', 'is', null).execute();
  await trx.db.insertInto('invitations').values(invitation).execute();
}

/** Whose link this is while it is good; undefined for one that was used, has expired or never was. */
export async function openInvitation(reader: StoreReader, hash: string, now: number): Promise<string | undefined> {
  const query = reader.db.selectFrom('invitations').select('person_id').where('hash', '=', hash);
  return (await query.where('used_at', 'is', null).where('expires_at', '>', now).executeTakeFirst())?.person_id;
}

/** When the open link of a person ends; undefined where there is none. */
export async function findOpenInvitation(
  reader: StoreReader,
  person_id: string,
  now: number,
): Promise<number | undefined> {
  const query = reader.db.selectFrom('invitations').select('expires_at').where('person_id', '=', person_id);
  return (await query.where('used_at', 'is', null).where('expires_at', '>', now).executeTakeFirst())?.expires_at;
}

/** The one use of a link; answers whose it was. */
export async function useInvitation(trx: StoreTx, hash: string, now: number): Promise<string | undefined> {
  const person_id = await openInvitation(trx, hash, now);
  if (person_id !== undefined)
    await trx.db.updateTable('invitations').set({ used_at: now }).where('hash', '=', hash).execute();
  return person_id;
}

/** Ends the links of a person that were not used. */
export async function endInvitations(trx: StoreTx, person_id: string, at: number): Promise<void> {
  const query = trx.db.updateTable('invitations').set({ used_at: at }).where('person_id', '=', person_id);
  await query.where('used_at', 'is', null).execute();
}
