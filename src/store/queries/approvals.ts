import { fromJson, toJson, type Actor } from '../columns.ts';
import type { StoreReader, StoreTx } from '../group.ts';

/** One person's yes to one plan as it stood (`plan_hash`). */
export interface ApprovalRecord {
  readonly plan_id: string;
  readonly plan_hash: string;
  readonly principal: Actor;
  readonly at: number;
  readonly comment: string | null;
  /** How the person proved to be that person: `password+totp`, `passkey`, `token`, … */
  readonly method: string;
  /** The person's role at that moment; absent in approvals of older versions, which asked for `approver`. */
  readonly role?: string;
  /** The second factor that came with it: `totp`, `passkey`, …; absent without one. */
  readonly factor?: string;
}

/**
 * Answers false when this person had approved this plan already; a second yes does not count twice. One that brings a
 * second factor where the first brought none takes its place.
 */
export async function addApproval(trx: StoreTx, approval: ApprovalRecord): Promise<boolean> {
  const row = { ...approval, principal_id: approval.principal.id, principal: toJson(approval.principal) };
  const query = trx.db
    .insertInto('approvals')
    .values(row)
    .onConflict((conflict) => conflict.doNothing());
  if ((await query.executeTakeFirst()).numInsertedOrUpdatedRows === 1n) return true;
  const { plan_id, plan_hash, principal_id, factor, at, method } = { factor: undefined, ...row };
  if (factor !== undefined)
    await trx.db
      .updateTable('approvals')
      .set({ factor, at, method })
      .where('plan_id', '=', plan_id)
      .where('plan_hash', '=', plan_hash)
      .where('principal_id', '=', principal_id)
      .where('factor', 'is', null)
      .execute();
  return false;
}

/** The approvals of a plan for exactly this hash, oldest first. */
export async function listApprovals(
  reader: StoreReader,
  plan_id: string,
  plan_hash: string,
): Promise<ApprovalRecord[]> {
  const query = reader.db
    .selectFrom('approvals')
    .select(['plan_id', 'plan_hash', 'principal', 'at', 'comment', 'method', 'role', 'factor']);
  const rows = await query.where('plan_id', '=', plan_id).where('plan_hash', '=', plan_hash).orderBy('at').execute();
  return rows.map(({ role, factor, ...row }) => ({
    ...row,
    principal: fromJson<Actor>(row.principal),
    ...(role === null ? {} : { role }),
    ...(factor === null ? {} : { factor }),
  }));
}

/** Makes the approvals of a plan that were given at `since` or later those of another plan with the same hash. */
export async function moveApprovals(
  trx: StoreTx,
  {
    from,
    to,
    plan_hash,
    since,
  }: { readonly from: string; readonly to: string; readonly plan_hash: string; readonly since: number },
): Promise<void> {
  const query = trx.db.updateTable('approvals').set({ plan_id: to }).where('plan_id', '=', from);
  await query.where('plan_hash', '=', plan_hash).where('at', '>=', since).execute();
}
