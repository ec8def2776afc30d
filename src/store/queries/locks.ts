import type { StoreReader, StoreTx } from '../group.ts';

/** What an operation needs to itself, and what it shares with a limited number of others. */
export interface LockRequest {
  readonly operation_id: string;
  readonly fence: number;
  /** Such as `home/vm/103`: one holder. */
  readonly locks: readonly string[];
  /** Such as `home/node/pve1` with how many operations may have it at a time. */
  readonly slots: readonly { readonly resource: string; readonly limit: number }[];
}

/** Taken, or the first resource that is not free with the operations that have it. */
export type LockAnswer =
  | { readonly taken: true }
  | { readonly taken: false; readonly resource: string; readonly held_by: readonly string[] };

/**
 * Takes everything or nothing, so two operations can never wait for each other. An operation that has a resource
 * already keeps it under its new fence (a resumed run). Errors: TARGET_BUSY `lost ownership` for a fence of the past.
 */
export async function takeLocks(trx: StoreTx, request: LockRequest, at: number): Promise<LockAnswer> {
  const { operation_id, fence, locks, slots } = request;
  for (const resource of locks) {
    const holders = await holdersOf(trx, 'locks', resource, operation_id);
    if (holders.length > 0) return { taken: false, resource, held_by: holders };
  }
  for (const { resource, limit } of slots) {
    const holders = await holdersOf(trx, 'slots', resource, operation_id);
    if (holders.length >= limit) return { taken: false, resource, held_by: holders };
  }
  const mine = { operation_id, fence, taken_at: at };
  for (const resource of locks) {
    const insert = trx.db.insertInto('locks').values({ resource, ...mine });
    await insert.onConflict((conflict) => conflict.column('resource').doUpdateSet({ fence })).execute();
  }
  for (const { resource } of slots) {
    const insert = trx.db.insertInto('slots').values({ resource, ...mine });
    await insert
      .onConflict((conflict) => conflict.columns(['resource', 'operation_id']).doUpdateSet({ fence }))
      .execute();
  }
  return { taken: true };
}

async function holdersOf(
  reader: StoreReader,
  table: 'locks' | 'slots',
  resource: string,
  except: string,
): Promise<string[]> {
  const query = reader.db.selectFrom(table).select('operation_id').where('resource', '=', resource);
  const rows = await query.where('operation_id', '<>', except).orderBy('taken_at').orderBy('operation_id').execute();
  return rows.map((row) => row.operation_id);
}

/** Frees all that an operation has; nothing when a later owner (a higher fence) has taken it over. */
export async function releaseLocks(trx: StoreTx, operation_id: string, fence: number): Promise<void> {
  for (const table of ['locks', 'slots'] as const) {
    await trx.db.deleteFrom(table).where('operation_id', '=', operation_id).where('fence', '<=', fence).execute();
  }
}

/** Frees some of the slots that an operation has, as `releaseLocks` does with all. */
export async function releaseSlots(
  trx: StoreTx,
  { operation_id, fence }: Pick<LockRequest, 'operation_id' | 'fence'>,
  resources: readonly string[],
): Promise<void> {
  const mine = trx.db.deleteFrom('slots').where('operation_id', '=', operation_id).where('fence', '<=', fence);
  await mine.where('resource', 'in', resources).execute();
}

export async function listLocks(
  reader: StoreReader,
): Promise<{ resource: string; operation_id: string; fence: number; taken_at: number }[]> {
  return reader.db.selectFrom('locks').selectAll().orderBy('resource').execute();
}
