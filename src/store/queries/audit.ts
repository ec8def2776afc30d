import type { Selectable } from 'kysely';
import { fromJson, fromJsonOrNull, toJson, toJsonOrNull, type Actor, type JsonObject } from '../columns.ts';
import type { StoreReader, StoreTx } from '../group.ts';
import { insertLater } from '../texts.ts';
import type { Database } from '../schema.ts';

/** One link of the chain; `record/audit.ts` makes them. Rows are never changed or deleted (triggers). */
export interface AuditRecord {
  readonly seq: number;
  readonly at: number;
  readonly actor: Actor;
  readonly environment: string | null;
  readonly event: string;
  readonly ids: JsonObject;
  readonly decision: unknown;
  readonly payload: unknown;
  readonly prev_hash: string;
  readonly hash: string;
}

/** A signature over the chain up to `seq`: `count` records, of which the last has `head_hash`. */
export interface CheckpointRecord {
  readonly seq: number;
  readonly at: number;
  readonly head_hash: string;
  readonly count: number;
  /** Ed25519, base64. */
  readonly signature: string;
  readonly key_id: string;
}

export interface AuditFilter {
  /** Only records after this number. */
  readonly after: number;
  readonly limit: number;
  readonly environment?: string | undefined;
  readonly event?: string | undefined;
}

const toRecord = (row: Selectable<Database['audit']>): AuditRecord => ({
  ...row,
  actor: fromJson<Actor>(row.actor),
  ids: fromJson<JsonObject>(row.ids),
  decision: fromJsonOrNull<unknown>(row.decision),
  payload: fromJson<unknown>(row.payload),
});

export async function insertAuditRecord(trx: StoreTx, record: AuditRecord): Promise<void> {
  const { actor, ids, decision, payload } = record;
  const json = { actor: toJson(actor), ids: toJson(ids), decision: toJsonOrNull(decision), payload: toJson(payload) };
  insertLater(trx, 'audit', { ...record, ...json });
  trx.known.set(HEAD, { seq: record.seq, hash: record.hash, at: record.at });
}

/** In order of the chain. */
export async function listAudit(reader: StoreReader, filter: AuditFilter): Promise<AuditRecord[]> {
  const { after, limit, environment, event } = filter;
  let query = reader.db.selectFrom('audit').selectAll().where('seq', '>', after).orderBy('seq').limit(limit);
  if (environment !== undefined) query = query.where('environment', '=', environment);
  if (event !== undefined) query = query.where('event', '=', event);
  return (await query.execute()).map(toRecord);
}

const HEAD = 'audit head';
type Head = { readonly seq: number; readonly hash: string; readonly at: number };

/** The head within a commit, which nobody else can move before it ends. */
export async function headToExtend(trx: StoreTx): Promise<Head | undefined> {
  return (trx.known.get(HEAD) as Head | undefined) ?? auditHead(trx);
}

/** The last record's number, hash and time; undefined while there is none. */
export async function auditHead(reader: StoreReader): Promise<Head | undefined> {
  return reader.db.selectFrom('audit').select(['seq', 'hash', 'at']).orderBy('seq', 'desc').limit(1).executeTakeFirst();
}

export async function insertCheckpoint(trx: StoreTx, checkpoint: CheckpointRecord): Promise<void> {
  await trx.db.insertInto('checkpoints').values(checkpoint).execute();
}

export async function lastCheckpoint(reader: StoreReader): Promise<CheckpointRecord | undefined> {
  return reader.db.selectFrom('checkpoints').selectAll().orderBy('seq', 'desc').limit(1).executeTakeFirst();
}

/** Checkpoints of the records after `after` up to and including `upTo`. */
export async function listCheckpoints(reader: StoreReader, after: number, upTo: number): Promise<CheckpointRecord[]> {
  const query = reader.db.selectFrom('checkpoints').selectAll().where('seq', '>', after).where('seq', '<=', upTo);
  return query.orderBy('seq').execute();
}
