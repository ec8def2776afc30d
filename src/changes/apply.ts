import { AgentError } from '../kernel/errors.ts';
import { findAction, parseParams, parseTarget, type Target } from '../actions/index.ts';
import type { ExecutablePlan, PreparedRequest } from '../operations/index.ts';
import {
  changeSchedule,
  extendReservations,
  getPlan,
  getSecrets,
  listApprovals,
  unseal,
  updatePlan,
  type OperationRecord,
  type PlanRecord,
} from '../store/index.ts';
import type { ChangesDeps } from './changes.ts';
import { calledGuests } from './blast/index.ts';
import { findPlanFor, requireState } from './decide.ts';
import { quorumOf, requireCooledDown, requireWindow, standing } from './duties/index.ts';
import { requireThawed } from './freeze.ts';
import { bodyOf, type Decision, type PinnedTarget, type PlanRequest } from './plan.ts';
import { decide } from './policy/baseline.ts';
import { unknownTarget } from './policy/scope.ts';
import type { PlanFacts, PolicyInput } from './policy/types.ts';
import { actorOf, requireRole, type Principal } from '../identity/index.ts';
import { beginChange, requireChange } from './records/index.ts';
import { readRequest } from './requests.ts';

/** A VMID stays reserved while its plan is being applied; crashes and long waits included. */
const APPLYING_MS = 7 * 86_400_000;

/**
 * Begins the one apply of an approved plan; answers its operation, which runs on by itself. `request`, when given, must
 * be the one that was planned. Errors: `APPROVAL_REQUIRED`, `PLAN_EXPIRED`, `PLAN_CONSUMED`, `PLAN_STATE`,
 * `REQUEST_HASH_MISMATCH`, `POLICY_DENIED`, `OBLIGATION_UNMET`, `ENVIRONMENT_FROZEN`, `FORBIDDEN`.
 */
export async function apply(deps: ChangesDeps, input: ApplyInput, principal: Principal): Promise<OperationRecord> {
  const plan = await approvedPlan(deps, input, principal);
  const { plan_id, environment } = plan;
  await requireThawed(deps, environment, plan_id);
  await requireChange(deps, plan, principal);
  await judgeAgain(deps, plan);
  const operation = await deps.store.commit(async (trx) => {
    const targets = lockedTargets(plan);
    const made = await deps.engine().create(trx, { plan_id, environment, targets }, actorOf(principal));
    await updatePlan(trx, { plan_id, from: 'approved' }, { state: 'applying', consumed_by: made.operation_id });
    await extendReservations(trx, plan_id, deps.clock.now() + APPLYING_MS);
    await changeSchedule(trx, plan_id, { state: 'begun', operation_id: made.operation_id });
    const ids = { plan_id, operation_id: made.operation_id };
    await deps.audit.append(trx, {
      actor: actorOf(principal),
      environment,
      event: 'operation.created',
      ids,
      payload: { plan_hash: plan.plan_hash },
    });
    await deps.events.publish(trx, { type: 'operation.created', environment, ids });
    await beginChange(deps, trx, plan, principal);
    return made;
  });
  deps.engine().start(operation.operation_id);
  return operation;
}

export interface ApplyInput {
  readonly plan_id: string;
  /** The request again. */
  readonly request?: unknown;
}

/** The plan, if this caller may apply it and it is approved. Errors: as `apply`, but for what depends on the time. */
export async function approvedPlan(deps: ChangesDeps, input: ApplyInput, principal: Principal): Promise<PlanRecord> {
  const plan = await findPlanFor(deps, input.plan_id, principal);
  const { plan_id, environment } = plan;
  requireRole(principal, 'operator', environment);
  if (input.request !== undefined && readRequest(input.request).request_hash !== plan.request_hash) {
    throw new AgentError(
      'REQUEST_HASH_MISMATCH',
      'The request in the body is not the one that this plan was made for.',
      { plan_id },
    );
  }
  if (plan.state === 'awaiting_approval') {
    const { rules } = bodyOf(plan).decision;
    throw new AgentError(
      'APPROVAL_REQUIRED',
      `A person has to approve this plan first: ${rules.map(({ why }) => why).join('; ')}.`,
      { plan_id },
    );
  }
  requireState(plan, ['approved']);
  return plan;
}

/** Policy may have changed since the plan was made: it has to hold now too, for the person who asked for it. */
async function judgeAgain(deps: ChangesDeps, plan: PlanRecord): Promise<void> {
  const { plan_id } = plan;
  const now = deps.clock.now();
  const decision = decide(deps.policy, await withChangeNow(deps, inputOf(deps, plan, now)));
  const { outcome, rules } = decision;
  if (outcome === 'deny') throw new AgentError('POLICY_DENIED', rules.map(({ why }) => why).join('; '), { plan_id });
  await requireApproved(deps, plan, decision);
  requireCooledDown(plan, decision, now);
  await requireWindow(deps.windows, plan, decision, now);
}

/** There may be too few approvals now: the rules have changed, or somebody who said yes may not say it any more. */
async function requireApproved(deps: ChangesDeps, plan: PlanRecord, decision: Decision): Promise<void> {
  const { plan_id, plan_hash, environment, created_by } = plan;
  const all = await listApprovals(deps.store, plan_id, plan_hash);
  const { given, gone } =
    deps.roleNow === undefined ? { given: all, gone: [] } : await standing(all, environment, deps.roleNow);
  const { missing } = quorumOf(decision, given, created_by);
  if (missing.length === 0) return;
  const why = gone.length === 0 ? '' : ` ${gone.join(', ')} may not approve in ${environment} any more.`;
  const words = `Policy asks for more now than this plan has: ${missing.join('; ')}.${why}`;
  throw new AgentError('APPROVAL_REQUIRED', words, { plan_id });
}

/** Of the facts, the change record alone is looked up again: people work on it while a plan waits. */
async function withChangeNow({ changeFacts }: ChangesDeps, input: PolicyInput): Promise<PolicyInput> {
  const { facts, change_id = null } = input;
  if (facts === undefined || change_id === null || changeFacts === undefined) return input;
  return { ...input, facts: { ...facts, change: (await changeFacts(change_id)) ?? facts.change } };
}

/** A stored plan as the policy sees it at a time: with the facts as they were when it was made. */
export function inputOf(deps: ChangesDeps, plan: PlanRecord, at: number): PolicyInput {
  const { environment, created_by, change_id } = plan;
  const { requests: stored, targets, risk, facts: kept } = bodyOf(plan);
  // What rules see of parameters is kept with the facts; secrets are gone once a plan has ended.
  const requests = stored.map((request) => unparsed(request, targets));
  const facts = kept ?? factsWithout(requests);
  const { class: kind } = created_by;
  return {
    principal: {
      id: created_by.id,
      name: created_by.name ?? created_by.id,
      class: kind === 'human' || kind === 'service' ? kind : 'agent',
      role: facts.requester.role,
      method: facts.requester.method,
    },
    environment: deps.estate.get(environment),
    requests,
    risk,
    at,
    facts,
    change_id,
  };
}

/** For a plan of a version that kept no facts. */
const factsWithout = (
  requests: readonly PreparedRequest[],
): PlanFacts & { requester: { role: 'operator'; method: '' } } => ({
  targets: Object.fromEntries(requests.map(({ input }) => [input.target.text, unknownTarget(input.target)])),
  change: null,
  blast_radius: { guests: [], services: [], nodes: [], score: 0 },
  rehearsal: { result: 'pass', steps: 0, irreversible: 0, seconds: 0 },
  requester: { role: 'operator', method: '' },
});

/** What the operation holds for itself: its targets, unless it only reads or clones them, and the guests it makes. */
function lockedTargets(plan: PlanRecord): string[] {
  const { requests, trace } = bodyOf(plan);
  const touched = calledGuests(trace);
  const targets = requests.map(({ target }) => target).filter((target) => touched.has(target));
  const made = requests.flatMap(({ newid }) => (newid === undefined ? [] : [`vm/${newid}`]));
  return [...new Set([...targets, ...made])].sort();
}

/** A stored plan as something that can run. Parameters pass their schema again; secrets come from the sealed copy. */
export async function executable(deps: ChangesDeps, plan_id: string): Promise<ExecutablePlan> {
  const plan = await getPlan(deps.store, plan_id);
  const { requests, targets, trace } = bodyOf(plan);
  const raw = await sealedParams(deps, plan_id);
  return {
    plan_id,
    environment: plan.environment,
    requests: requests.map((request) => prepared(request, targets, raw[request.id] ?? request.params)),
    trace,
  };
}

/** Parameters as sent, by request, where secrets are among them; they are gone when a plan has ended. */
export async function sealedParams({ store, keys }: ChangesDeps, plan_id: string): Promise<Record<string, unknown>> {
  const sealed = await getSecrets(store, plan_id);
  return sealed === undefined ? {} : (JSON.parse(unseal(keys.data, plan_id, sealed)) as Record<string, unknown>);
}

function prepared(request: PlanRequest, targets: readonly PinnedTarget[], params: unknown): PreparedRequest {
  const { input, ...rest } = unparsed(request, targets);
  return { ...rest, input: { ...input, params: parseParams(rest.action, params) } };
}

function unparsed(request: PlanRequest, targets: readonly PinnedTarget[]): PreparedRequest {
  const { id, action, after, newid = 0 } = request;
  const { node = '' } = targets.find(({ target }) => target === request.target)?.pinned ?? {};
  const target: Target = { ...parseTarget(request.target), node };
  return { id, action: findAction(action), input: { target, params: {}, newid }, after };
}
