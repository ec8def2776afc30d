import type { Selectable } from 'kysely';
import { fromJson, toJson, type JsonObject } from '../columns.ts';
import type { StoreReader, StoreTx } from '../group.ts';
import { insertLater } from '../texts.ts';
import type { Database } from '../schema.ts';

/** Something that happened, for those who watch. The newest are kept; the audit log is what is kept for good. */
export interface EventRecord {
  /** Grows by one with every event, in the order of the commits. */
  readonly id: number;
  readonly at: number;
  readonly type: string;
  readonly environment: string | null;
  readonly ids: JsonObject;
  readonly data: unknown;
}

export interface EventFilter {
  readonly types?: readonly string[] | undefined;
  readonly environment?: string | undefined;
}

const toEvent = (row: Selectable<Database['events']>): EventRecord => ({
  ...row,
  ids: fromJson<JsonObject>(row.ids),
  data: fromJson<unknown>(row.data),
});

const LAST = 'last event';

export async function insertEvent(trx: StoreTx, event: Omit<EventRecord, 'id'>): Promise<EventRecord> {
  const row = { ...event, ids: toJson(event.ids), data: toJson(event.data) };
  const last = trx.known.get(LAST) as number | undefined;
  if (last === undefined) {
    const stored = await trx.db.insertInto('events').values(row).returningAll().executeTakeFirstOrThrow();
    trx.known.set(LAST, stored.id);
    return toEvent(stored);
  }
  // The numbers after the first of a transaction are known: nobody else can take one before it ends.
  const id = last + 1;
  insertLater(trx, 'events', { ...row, id });
  trx.known.set(LAST, id);
  return toEvent({ ...row, id });
}

/** Events after `after` up to and including `upTo` that pass the filter, oldest first. */
export async function listEvents(
  reader: StoreReader,
  range: { readonly after: number; readonly upTo: number; readonly limit: number },
  filter: EventFilter = {},
): Promise<EventRecord[]> {
  const { types, environment } = filter;
  let query = reader.db.selectFrom('events').selectAll().where('id', '>', range.after).where('id', '<=', range.upTo);
  if (types !== undefined) query = query.where('type', 'in', [...types]);
  if (environment !== undefined) query = query.where('environment', '=', environment);
  return (await query.orderBy('id').limit(range.limit).execute()).map(toEvent);
}

/** First and last number that are kept; both 0 while there is nothing. */
export async function eventBounds(reader: StoreReader): Promise<{ first: number; last: number }> {
  const query = reader.db.selectFrom('events');
  const last = await query.select('id').orderBy('id', 'desc').limit(1).executeTakeFirst();
  const first = await query.select('id').orderBy('id').limit(1).executeTakeFirst();
  return { first: first?.id ?? 0, last: last?.id ?? 0 };
}

/** Forgets events up to and including `id`. */
export async function pruneEvents(trx: StoreTx, id: number): Promise<void> {
  await trx.db.deleteFrom('events').where('id', '<=', id).execute();
}
