import type { Clock } from '../kernel/clock.ts';
import { hashJson } from '../kernel/canonical.ts';
import { AgentError } from '../kernel/errors.ts';
import type { Ids } from '../kernel/ids.ts';
import { hasSecret, mapSecrets } from '../kernel/secret.ts';
import { nextVmid, type Estate, type Inventory } from '../estate/index.ts';
import {
  actorOf,
  inEnvironment,
  requireActions,
  requireRole,
  type FactorVerifier,
  type Principal,
} from '../identity/index.ts';
import type { Engine, StepForms } from '../operations/index.ts';
import type { Audit, Events, Metrics } from '../record/index.ts';
import {
  getPlan,
  insertPlan,
  listApprovals,
  listReservations,
  putSecrets,
  reserveVmid,
  seal,
  type Keys,
  type PlanRecord,
  type Store,
  type StoreTx,
} from '../store/index.ts';
import { draft, type Draft, type PlannerDeps } from './planner.ts';
import { planView, type PlanBody, type PlanRequest } from './plan.ts';
import { decide, type Policy } from './policy.ts';
import { predict } from './predict.ts';
import { readRequest, type ChangeRequest, type RequestItem } from './requests.ts';
import { assessRisk, blastRadius } from './risk.ts';

export interface ChangesDeps {
  readonly store: Store;
  readonly keys: Keys;
  readonly audit: Audit;
  readonly events: Events;
  readonly metrics?: Metrics;
  readonly estate: Estate;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly forms: StepForms;
  readonly policy: Policy;
  /** Verifies the second factor that an approval came with. */
  readonly factors: FactorVerifier;
  readonly engine: () => Engine;
}

const MINUTE = 60_000;
const TTL_MS = { high: 15 * MINUTE, medium: 60 * MINUTE, low: 60 * MINUTE } as const;

/**
 * The only door: every change, from whomever, begins here and becomes a plan. Rehearses on a twin, judges, stores.
 * Errors: `VALIDATION_FAILED`, `NOT_FOUND`, `FORBIDDEN`, `PVE_UNREACHABLE`; `PREFLIGHT_FAILED` with the id of the plan
 * that shows the failed step; `TARGET_BUSY` when the wished VMID is reserved by another plan.
 */
export async function submit(deps: ChangesDeps, body: unknown, principal: Principal): Promise<Record<string, unknown>> {
  const request = readRequest(body);
  requireRole(principal, 'operator', request.environment);
  requireActions(
    principal,
    request.items.map(({ action }) => action.name),
  );
  const environment = deps.estate.get(request.environment);
  requireRole(principal, 'operator', environment.name);
  const plan_id = deps.ids.uuid();
  const made = await draft(
    request,
    environment,
    (item, inventory) => reserve(deps, environment.name, plan_id, item, inventory),
    plannerDeps(deps),
  );
  const plan = await judge(deps, plan_id, request, made, principal);
  await store(deps, plan, made, request);
  if (plan.body.failure !== undefined) throw failed(plan_id, plan.body);
  return planView(await getPlan(deps.store, plan_id), await listApprovals(deps.store, plan_id, plan.record.plan_hash));
}

export const plannerDeps = ({ clock, forms }: ChangesDeps): PlannerDeps => ({ clock, forms });

interface Judged {
  readonly record: PlanRecord;
  readonly body: PlanBody;
  readonly principal: Principal;
}

async function judge(
  deps: ChangesDeps,
  plan_id: string,
  request: ChangeRequest,
  made: Draft,
  principal: Principal,
): Promise<Judged> {
  const environment = deps.estate.get(request.environment);
  const risk = assessRisk(made.requests, {
    production: environment.production,
    inventory: made.inventory,
    capture: made.capture,
  });
  const decision = decide(deps.policy, {
    principal: inEnvironment(principal, environment.name),
    environment,
    requests: made.requests,
    risk,
  });
  const { trace, diff, preflight, results, failure } = made.rehearsal;
  const after = new Map(made.requests.map((one) => [one.id, one.after]));
  const body: PlanBody = {
    requests: made.requests.map((one) => planRequest(request, one.id, one.input.newid)),
    dry_run: request.dry_run,
    reason: request.reason,
    targets: made.targets,
    trace,
    diff,
    predicted_seconds: await predict(deps.store, environment.name, trace, after),
    blast_radius: blastRadius(made.requests, made.rehearsal),
    risk,
    decision,
    preflight,
    permissions: made.permissions,
    irreversible: trace.flatMap(({ seq, title, undo }) =>
      undo.kind === 'irreversible' ? [{ seq, title, why: undo.why }] : [],
    ),
    results,
    ...(failure === undefined ? {} : { failure }),
  };
  const created_at = deps.clock.now();
  const record: PlanRecord = {
    plan_id,
    environment: environment.name,
    state: firstState(body),
    request_hash: request.request_hash,
    plan_hash: hashJson({ requests: body.requests, trace, targets: body.targets, decision }),
    created_at,
    expires_at: created_at + TTL_MS[risk.level],
    created_by: actorOf(principal),
    body: body as unknown as PlanRecord['body'],
    change_id: request.change_id,
    consumed_by: null,
  };
  return { record, body, principal };
}

function firstState({ failure, dry_run, decision }: PlanBody): PlanRecord['state'] {
  if (failure !== undefined || decision.outcome === 'deny') return 'denied';
  if (dry_run) return 'planned';
  return decision.outcome === 'allow' ? 'approved' : 'awaiting_approval';
}

function planRequest(request: ChangeRequest, id: string, newid: number): PlanRequest {
  const item = request.items.find((one) => one.id === id) as RequestItem;
  return {
    id,
    environment: request.environment,
    action: item.name,
    target: item.target.text,
    params: item.shown,
    after: item.after,
    ...(newid > 0 ? { newid } : {}),
  };
}

async function store(
  deps: ChangesDeps,
  { record, body, principal }: Judged,
  made: Draft,
  request: ChangeRequest,
): Promise<void> {
  const { plan_id, environment, plan_hash, request_hash, state } = record;
  const ids = { plan_id, ...(record.change_id === null ? {} : { change_id: record.change_id }) };
  const payload = {
    request_hash,
    plan_hash,
    requests: body.requests,
    risk: body.risk,
    reason: body.reason,
    steps: made.rehearsal.trace.length,
    ...(body.failure ? { failure: body.failure } : {}),
  };
  await deps.store.commit(async (trx) => {
    await insertPlan(trx, record);
    if (state !== 'denied' && request.items.some(({ params }) => hasSecret(params)))
      await keepSecrets(deps, trx, plan_id, request);
    const event = state === 'denied' ? 'plan.denied' : 'plan.created';
    await deps.audit.append(trx, {
      actor: actorOf(principal),
      environment,
      event,
      ids,
      decision: body.decision,
      payload,
    });
    await deps.events.publish(trx, {
      type: event,
      environment,
      ids,
      data: { state, risk: body.risk.level, titles: made.rehearsal.trace.slice(0, 5).map(({ title }) => title) },
    });
  });
  for (const { action } of made.requests) deps.metrics?.plans.inc({ environment, action: action.name, state });
}

/** The parameters as sent, encrypted, for the apply; a trigger deletes them when the plan ends. */
async function keepSecrets(
  { keys, ids }: ChangesDeps,
  trx: StoreTx,
  plan_id: string,
  request: ChangeRequest,
): Promise<void> {
  const raw = Object.fromEntries(
    request.items.map(({ id, raw }) => [id, mapSecrets(raw, (secret) => secret.reveal())]),
  );
  await putSecrets(trx, plan_id, seal(keys.data, ids, plan_id, JSON.stringify(raw)));
}

function failed(plan_id: string, { failure, requests }: PlanBody): AgentError {
  const step = failure?.step === undefined ? '' : ` at step ${failure.step}`;
  return new AgentError('PREFLIGHT_FAILED', `The rehearsal failed${step}, "${failure?.title}": ${failure?.detail}`, {
    plan_id,
    more: { failure, requests },
  });
}

/**
 * The VMID of a guest to be made: the one asked for, else the next that is free in the lab and in all other plans. Held
 * in the database until the plan ends or expires, so two plans never take the same one.
 */
async function reserve(
  deps: ChangesDeps,
  environment: string,
  plan_id: string,
  { params }: RequestItem,
  inventory: Inventory,
): Promise<number> {
  const { store, clock } = deps;
  const wished = (params as { newid?: number }).newid;
  const expires_at = clock.now() + TTL_MS.medium;
  for (;;) {
    const reserved = new Set((await listReservations(store, environment, clock.now())).map(({ vmid }) => vmid));
    const vmid = wished ?? nextVmid(inventory, reserved);
    if (wished !== undefined && reserved.has(wished))
      throw new AgentError('TARGET_BUSY', `VMID ${wished} is reserved by another plan.`);
    if (wished !== undefined && inventory.guests.has(wished)) {
      throw new AgentError('VALIDATION_FAILED', `VMID ${wished} is taken by ${inventory.guests.get(wished)?.name}.`, {
        errors: { 'params.newid': 'is taken; leave it out for the next free one' },
      });
    }
    const now = clock.now();
    if (await store.commit((trx) => reserveVmid(trx, { environment, vmid, plan_id, expires_at }, now))) return vmid;
  }
}
