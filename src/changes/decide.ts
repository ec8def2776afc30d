import { actorOf, inEnvironment, mayUse, requireRole, type Principal } from '../identity/index.ts';
import { AgentError } from '../kernel/errors.ts';
import {
  addApproval,
  changeSchedule,
  findPlanSchedule,
  getPlan,
  listApprovals,
  plansToExpire,
  releaseReservations,
  updatePlan,
  type PlanRecord,
  type PlanState,
  type StoreTx,
} from '../store/index.ts';
import type { ChangesDeps } from './changes.ts';
import { approvalNeeds, proveApproval, quorumOf, requireCooledDown, type Proof, type Proven } from './duties/index.ts';
import { bodyOf, planView } from './plan.ts';

const notFound = (plan_id: string): AgentError =>
  new AgentError('PLAN_NOT_FOUND', `There is no plan ${plan_id}.`, { plan_id });

/** A plan of an environment that the caller may see; overdue ones are expired first. Errors: `PLAN_NOT_FOUND`. */
export async function findPlanFor(deps: ChangesDeps, plan_id: string, principal: Principal): Promise<PlanRecord> {
  const plan = await getPlan(deps.store, plan_id);
  // Not FORBIDDEN: who may not see an environment learns nothing of what is in it.
  if (!mayUse(principal, plan.environment)) throw notFound(plan_id);
  return expireIfOverdue(deps, plan);
}

export async function expireIfOverdue(deps: ChangesDeps, plan: PlanRecord): Promise<PlanRecord> {
  const { plan_id, state, expires_at, environment } = plan;
  if ((state !== 'awaiting_approval' && state !== 'approved') || expires_at > deps.clock.now()) return plan;
  return deps.store.commit(async (trx) => {
    const expired = await updatePlan(trx, { plan_id, from: state }, { state: 'expired' });
    await releaseReservations(trx, plan_id);
    await changeSchedule(trx, plan_id, { state: 'failed' });
    await deps.audit.append(trx, {
      actor: { id: 'system', class: 'system' },
      environment,
      event: 'plan.expired',
      ids: { plan_id },
    });
    await deps.events.publish(trx, { type: 'plan.expired', environment, ids: { plan_id } });
    return expired;
  });
}

/** Plans whose time is over, so that those who watch learn of it although nobody asked. */
export async function expireOverdue(deps: ChangesDeps): Promise<void> {
  for (const plan of await plansToExpire(deps.store, deps.clock.now())) await expireIfOverdue(deps, plan);
}

/**
 * One person's yes, bound to the hash of the plan as that person saw it. Agents and services are refused whatever
 * their role. A `factor` that is given has to be right, whether or not it is asked for. Errors: `APPROVAL_FORBIDDEN`,
 * `FORBIDDEN`, `PLAN_HASH_MISMATCH`, `PLAN_EXPIRED`, `PLAN_STATE`, `FACTOR_INVALID`, `SECOND_FACTOR_REQUIRED`,
 * `OBLIGATION_UNMET` before the time from which it may be approved.
 */
export async function approve(
  deps: ChangesDeps,
  plan_id: string,
  input: { readonly plan_hash: string; readonly comment?: string | undefined } & Proof,
  principal: Principal,
): Promise<Record<string, unknown>> {
  requireHuman(principal);
  const plan = await findPlanFor(deps, plan_id, principal);
  requireRole(principal, 'approver', plan.environment);
  requireState(plan, ['awaiting_approval', 'approved']);
  if (input.plan_hash !== plan.plan_hash) {
    throw new AgentError(
      'PLAN_HASH_MISMATCH',
      `The plan's hash is ${plan.plan_hash.slice(0, 12)}…, not ${input.plan_hash.slice(0, 12)}….`,
      { plan_id },
    );
  }
  requireCooledDown(plan, bodyOf(plan).decision, deps.clock.now());
  const { production } = deps.estate.get(plan.environment);
  const proof = await proveApproval(deps, { plan, production }, input, principal);
  await grant(deps, plan, { comment: input.comment ?? null, ...proof }, principal);
  deps.metrics?.approvals.inc({ environment: plan.environment, result: 'granted' });
  return viewPlan(deps, plan_id, principal);
}

/** Writes an approval down, and the plan as approved once there are enough. */
async function grant(
  deps: ChangesDeps,
  plan: PlanRecord,
  { comment, factor, method }: Proven & { readonly comment: string | null },
  principal: Principal,
): Promise<void> {
  const { plan_id, plan_hash, environment } = plan;
  const { decision } = bodyOf(plan);
  const { role } = inEnvironment(principal, environment);
  const proof = { method: method ?? principal.method, role, ...(factor === undefined ? {} : { factor }) };
  await deps.store.commit(async (trx) => {
    const at = deps.clock.now();
    await addApproval(trx, { plan_id, plan_hash, principal: actorOf(principal), at, comment, ...proof });
    const { given, missing } = quorumOf(decision, await listApprovals(trx, plan_id, plan_hash), plan.created_by);
    const enough = missing.length === 0;
    if (enough && plan.state === 'awaiting_approval')
      await updatePlan(trx, { plan_id, from: 'awaiting_approval' }, { state: 'approved' });
    await deps.audit.append(trx, {
      actor: actorOf(principal),
      environment,
      event: 'approval.granted',
      ids: { plan_id },
      payload: { plan_hash, comment, ...proof, given, required: decision.approvals_required },
    });
    await deps.events.publish(trx, {
      type: enough ? 'plan.approved' : 'approval.granted',
      environment,
      ids: { plan_id },
      data: { by: principal.name },
    });
  });
}

/** A person's no. Errors as `approve`. */
export async function reject(
  deps: ChangesDeps,
  plan_id: string,
  input: { readonly comment?: string | undefined },
  principal: Principal,
): Promise<Record<string, unknown>> {
  requireHuman(principal);
  const plan = await findPlanFor(deps, plan_id, principal);
  requireRole(principal, 'approver', plan.environment);
  requireState(plan, ['awaiting_approval']);
  await end(deps, plan, { state: 'denied', event: 'approval.rejected', comment: input.comment }, principal);
  deps.metrics?.approvals.inc({ environment: plan.environment, result: 'rejected' });
  return viewPlan(deps, plan_id, principal);
}

/** Takes a plan back before it is applied. Whoever may plan may do this; it only ever does less. */
export async function cancelPlan(
  deps: ChangesDeps,
  plan_id: string,
  input: { readonly comment?: string | undefined },
  principal: Principal,
): Promise<Record<string, unknown>> {
  const plan = await findPlanFor(deps, plan_id, principal);
  requireRole(principal, 'operator', plan.environment);
  requireState(plan, ['awaiting_approval', 'approved']);
  await end(deps, plan, { state: 'canceled', event: 'plan.canceled', comment: input.comment }, principal);
  return viewPlan(deps, plan_id, principal);
}

/** A plan; to a person with what that person's approval takes (`approval_needs`). */
export async function viewPlan(
  deps: ChangesDeps,
  plan_id: string,
  principal: Principal,
): Promise<Record<string, unknown>> {
  const plan = await findPlanFor(deps, plan_id, principal);
  const shown = await shownPlan(deps, plan);
  if (plan.state !== 'awaiting_approval' || principal.class !== 'human') return shown;
  // A plan can be looked at whose environment is no longer there.
  const { production = false } = deps.estate.list().find(({ name }) => name === plan.environment) ?? {};
  return { ...shown, approval_needs: approvalNeeds({ plan, production }, deps.clock.now(), principal) };
}

/** A plan with what is kept beside it. */
export async function shownPlan({ store }: ChangesDeps, plan: PlanRecord): Promise<Record<string, unknown>> {
  const { plan_id, plan_hash } = plan;
  return planView(plan, await listApprovals(store, plan_id, plan_hash), await findPlanSchedule(store, plan_id));
}

function requireHuman(principal: Principal): void {
  if (principal.class === 'human') return;
  throw new AgentError(
    'APPROVAL_FORBIDDEN',
    `${principal.name} is ${principal.class === 'agent' ? 'an agent' : 'a service'}; only a person can approve or reject.`,
  );
}

/** Errors: the one that says best why the plan cannot be used any more. */
export function requireState(plan: PlanRecord, allowed: readonly PlanState[]): void {
  const { plan_id, state } = plan;
  if (allowed.includes(state)) return;
  if (state === 'expired')
    throw new AgentError('PLAN_EXPIRED', `The plan expired at ${new Date(plan.expires_at).toISOString()}.`, {
      plan_id,
    });
  if (plan.consumed_by !== null)
    throw new AgentError('PLAN_CONSUMED', `The plan was applied by operation ${plan.consumed_by} (${state}).`, {
      plan_id,
      operation_id: plan.consumed_by,
    });
  if (state === 'planned' && bodyOf(plan).dry_run)
    throw new AgentError('PLAN_STATE', 'This plan was made as a dry run; make it again without dry_run.', { plan_id });
  throw new AgentError('PLAN_STATE', `The plan is ${state}; this needs one that is ${allowed.join(' or ')}.`, {
    plan_id,
  });
}

interface Ending {
  readonly state: 'denied' | 'canceled';
  readonly event: string;
  readonly comment: string | undefined;
}

const end = (deps: ChangesDeps, plan: PlanRecord, ending: Ending, principal: Principal): Promise<void> =>
  deps.store.commit((trx) => endIn(deps, trx, plan, ending, principal));

/** Ends a plan that could still be applied, and what is kept for it. Errors: those of the store's transitions. */
export async function endIn(
  { audit, events }: ChangesDeps,
  trx: StoreTx,
  { plan_id, environment, state: from }: PlanRecord,
  { state, event, comment }: Ending,
  principal: Principal,
): Promise<void> {
  await updatePlan(trx, { plan_id, from }, { state });
  await releaseReservations(trx, plan_id);
  await changeSchedule(trx, plan_id, { state: 'canceled' });
  const payload = { comment: comment ?? null };
  await audit.append(trx, { actor: actorOf(principal), environment, event, ids: { plan_id }, payload });
  await events.publish(trx, { type: event, environment, ids: { plan_id } });
}
