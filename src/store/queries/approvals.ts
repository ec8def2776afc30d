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
}

/** Answers false when this person had approved this plan already; a second yes does not count twice. */
export async function addApproval(trx: StoreTx, approval: ApprovalRecord): Promise<boolean> {
  const row = { ...approval, principal_id: approval.principal.id, principal: toJson(approval.principal) };
  const query = trx.db
    .insertInto('approvals')
    .values(row)
    .onConflict((conflict) => conflict.doNothing());
  return (await query.executeTakeFirst()).numInsertedOrUpdatedRows === 1n;
}

/** The approvals of a plan for exactly this hash, oldest first. */
export async function listApprovals(
  reader: StoreReader,
  plan_id: string,
  plan_hash: string,
): Promise<ApprovalRecord[]> {
  const query = reader.db
    .selectFrom('approvals')
    .select(['plan_id', 'plan_hash', 'principal', 'at', 'comment', 'method']);
  const rows = await query.where('plan_id', '=', plan_id).where('plan_hash', '=', plan_hash).orderBy('at').execute();
  return rows.map((row) => ({ ...row, principal: fromJson<Actor>(row.principal) }));
}
