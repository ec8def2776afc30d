import { AgentError } from '../kernel/errors.ts';
import { REDACTED } from '../kernel/secret.ts';
import {
  getPlan,
  listApprovals,
  moveApprovals,
  updatePlan,
  type MadeNote,
  type PlanRecord,
  type StoreTx,
} from '../store/index.ts';
import { actorOf, type Principal } from '../identity/index.ts';
import { sealedParams } from './apply.ts';
import { submit, type ChangesDeps } from './changes.ts';
import { endIn, findPlanFor, requireState, shownPlan } from './decide.ts';
import { quorumOf, samePerson } from './duties/index.ts';
import { TTL_MS } from './judge.ts';
import { bodyOf, type PlanRequest } from './plan.ts';
import { readRequest } from './requests.ts';

/**
 * Makes a plan again, on the lab as it is now; the old one is taken back where it could still be applied. Where all
 * comes out the same (`plan_hash`) and the same caller asks, its approvals go over to the new plan: each is good for one
 * apply, and for no longer than a plan of that risk lives. Errors: those of `submit`; `PLAN_STATE` and `PLAN_CONSUMED`
 * for one that is being applied or was; `VALIDATION_FAILED` for one with secrets that has ended, as they are gone.
 */
export async function replan(
  deps: ChangesDeps,
  plan_id: string,
  principal: Principal,
  note?: MadeNote,
): Promise<Record<string, unknown>> {
  const old = await findPlanFor(deps, plan_id, principal);
  requireState(old, ['awaiting_approval', 'approved', 'planned', 'expired', 'canceled', 'denied', 'failed']);
  const made = await submit(deps, await requestOf(deps, old), principal, {
    note: async (trx, id) => {
      await goOver(deps, trx, await getPlan(trx, plan_id), await getPlan(trx, id), principal);
      await note?.(trx, id);
    },
  });
  return shownPlan(deps, await getPlan(deps.store, String(made['plan_id'])));
}

/** The request as it was sent. Errors: `VALIDATION_FAILED`. */
async function requestOf(deps: ChangesDeps, plan: PlanRecord): Promise<Record<string, unknown>> {
  const { plan_id, environment, change_id, request_hash } = plan;
  const { requests, dry_run, reason } = bodyOf(plan);
  const raw = await sealedParams(deps, plan_id);
  const notes = { ...(reason === null ? {} : { reason }), ...(change_id === null ? {} : { change_id }) };
  const actions = requests.map((request) => ({ ...sent(plan_id, request, raw[request.id]), environment }));
  const [first] = requests;
  if (first !== undefined && requests.length === 1) {
    const { action, target, params } = sent(plan_id, first, raw[first.id]);
    const alone = { environment, action, target, params, dry_run, ...notes };
    // One action may have been sent as a list of one, which is another request by its hash.
    if (readRequest(alone).request_hash === request_hash) return alone;
  }
  return { actions, ...notes };
}

function sent(plan_id: string, { id, action, target, params, after }: PlanRequest, raw: unknown) {
  if (raw === undefined && JSON.stringify(params).includes(REDACTED))
    throw new AgentError(
      'VALIDATION_FAILED',
      'The secrets of a plan are gone when it ends; plan this anew, with them.',
      {
        plan_id,
        errors: { params: 'hold secrets that are not kept' },
      },
    );
  return { id, action, target, params: raw ?? params, after };
}

/**
 * `old` as it stands by now: it may have been applied meanwhile. In the moment in which the new plan is stored, so that a
 * yes is never good for both and a crash leaves nothing between: the old plan ends, and its approvals are those of the new
 * one. Where the rehearsal of the new one failed, the old one stays as it is.
 */
async function goOver(
  deps: ChangesDeps,
  trx: StoreTx,
  old: PlanRecord,
  plan: PlanRecord,
  principal: Principal,
): Promise<void> {
  const { plan_id: made } = plan;
  if (bodyOf(plan).failure !== undefined) return;
  const open = old.state === 'awaiting_approval' || old.state === 'approved';
  if (open)
    await endIn(
      deps,
      trx,
      old,
      { state: 'canceled', event: 'plan.canceled', comment: `planned again as ${made}` },
      principal,
    );
  const same = plan.plan_hash === old.plan_hash && samePerson(old.created_by, principal);
  if (!same || plan.state !== 'awaiting_approval' || !(open || old.state === 'expired')) return;
  const since = deps.clock.now() - TTL_MS[bodyOf(plan).risk.level];
  await moveApprovals(trx, { from: old.plan_id, to: made, plan_hash: plan.plan_hash, since });
  const kept = await listApprovals(trx, made, plan.plan_hash);
  if (kept.length > 0)
    await tellKept(deps, trx, { old, plan, given: kept.map(({ principal: { name } }) => name) }, principal);
  if (quorumOf(bodyOf(plan).decision, kept, plan.created_by).missing.length === 0)
    await updatePlan(trx, { plan_id: made, from: 'awaiting_approval' }, { state: 'approved' });
}

async function tellKept(
  { audit, events }: ChangesDeps,
  trx: StoreTx,
  { old, plan, given }: { readonly old: PlanRecord; readonly plan: PlanRecord; readonly given: readonly unknown[] },
  principal: Principal,
): Promise<void> {
  const { plan_id, plan_hash, environment } = plan;
  const payload = { from: old.plan_id, plan_hash, given };
  await audit.append(trx, {
    actor: actorOf(principal),
    environment,
    event: 'approval.kept',
    ids: { plan_id },
    payload,
  });
  await events.publish(trx, { type: 'approval.kept', environment, ids: { plan_id }, data: payload });
}
