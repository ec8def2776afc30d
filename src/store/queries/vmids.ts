import type { StoreReader, StoreTx } from '../group.ts';

export interface VmidReservation {
  readonly environment: string;
  readonly vmid: number;
  readonly plan_id: string;
  readonly expires_at: number;
}

/**
 * Reserves a VMID for a plan; false when another plan has it. One that expired before `now` is taken over, and a plan
 * that reserves its own again prolongs it.
 */
export async function reserveVmid(trx: StoreTx, wanted: VmidReservation, now: number): Promise<boolean> {
  const { plan_id, expires_at } = wanted;
  const query = trx.db.insertInto('vmid_reservations').values(wanted);
  const taken = query.onConflict((conflict) =>
    conflict
      .columns(['environment', 'vmid'])
      .doUpdateSet({ plan_id, expires_at })
      .where((where) =>
        where.or([where('vmid_reservations.expires_at', '<=', now), where('vmid_reservations.plan_id', '=', plan_id)]),
      ),
  );
  return (await taken.executeTakeFirst()).numInsertedOrUpdatedRows === 1n;
}

/** Reservations of an environment that hold at `now`, by VMID. */
export async function listReservations(
  reader: StoreReader,
  environment: string,
  now: number,
): Promise<VmidReservation[]> {
  const query = reader.db.selectFrom('vmid_reservations').selectAll().where('environment', '=', environment);
  return query.where('expires_at', '>', now).orderBy('vmid').execute();
}

/** Prolongs all reservations of a plan, for a plan that is being applied. */
export async function extendReservations(trx: StoreTx, plan_id: string, expires_at: number): Promise<void> {
  await trx.db.updateTable('vmid_reservations').set({ expires_at }).where('plan_id', '=', plan_id).execute();
}

export async function releaseReservations(trx: StoreTx, plan_id: string): Promise<void> {
  await trx.db.deleteFrom('vmid_reservations').where('plan_id', '=', plan_id).execute();
}
