import type { Clock } from '../kernel/clock.ts';
import { AgentError, isAgentError } from '../kernel/errors.ts';
import type { Ids } from '../kernel/ids.ts';
import { hasSecret, mapSecrets } from '../kernel/secret.ts';
import type { ServiceConfig } from '../kernel/config_services.ts';
import { nextVmid, type Environment, type Estate, type Inventory } from '../estate/index.ts';
import { actorOf, requireActions, requireRole, type Principal } from '../identity/index.ts';
import type { Engine, StepForms } from '../operations/index.ts';
import type { Audit, Events, Metrics } from '../record/index.ts';
import {
  extendReservations,
  getPlan,
  insertPlan,
  listApprovals,
  listReservations,
  putSecrets,
  releaseReservations,
  reserveVmid,
  seal,
  type Keys,
  type MadeNote,
  type PlanRecord,
  type Store,
  type StoreTx,
} from '../store/index.ts';
import { findPlanFor, shownPlan } from './decide.ts';
import { draft, type Draft, type PlannerDeps } from './planner.ts';
import { judge, TTL_MS, type Judged } from './judge.ts';
import { bodyOf, planView, type PlanBody } from './plan.ts';
import { requirePlannable } from './records/gate.ts';
import type { Factors, RoleNow, Windows } from './duties/index.ts';
import type { ChangeFacts, Policy } from './policy/types.ts';
import { readRequest, type ChangeRequest, type RequestItem } from './requests.ts';

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
  readonly factors: Factors;
  readonly windows: Windows;
  /** Declared services; what is on the guests beside their tags. */
  readonly services?: readonly ServiceConfig[];
  /** The change record that a plan names, as far as rules look at it; none are kept without it. */
  readonly changeFacts?: (change_id: string) => Promise<ChangeFacts | undefined>;
  /** Makes sure that somebody looks at the schedules at a time; without it only those who look anyway do. */
  readonly remind?: (trx: StoreTx, plan_id: string, at: number) => Promise<void>;
  /** Who scheduled something, as far as this caller still may; undefined for one who may not do anything any more. */
  readonly stillKnown?: (principal: Principal) => Promise<Principal | undefined>;
  /** What who approved may be now; without it whoever approved may still. */
  readonly roleNow?: RoleNow;
  readonly engine: () => Engine;
}

export interface SubmitOptions {
  /** For who has to know it before the plan is made; of two plans with one id the second is not stored. */
  readonly plan_id?: string;
  /** Also of a plan whose rehearsal failed. */
  readonly note?: MadeNote | undefined;
}

/**
 * The only door: every change, from whomever, begins here and becomes a plan. Rehearses on a twin, judges, stores.
 * Errors: `VALIDATION_FAILED`, `NOT_FOUND`, `FORBIDDEN`, `PVE_UNREACHABLE`; `CHANGE_STATE` for a change that is about
 * another environment; `PREFLIGHT_FAILED` with the id of the plan
 * that shows the failed step; `TARGET_BUSY` when the wished VMID is reserved by another plan.
 */
export async function submit(
  deps: ChangesDeps,
  body: unknown,
  principal: Principal,
  { plan_id = deps.ids.uuid(), note }: SubmitOptions = {},
): Promise<Record<string, unknown>> {
  const request = readRequest(body);
  requireRole(principal, 'operator', request.environment);
  requireActions(
    principal,
    request.items.map(({ action }) => action.name),
  );
  const environment = deps.estate.get(request.environment);
  requireRole(principal, 'operator', environment.name);
  await requirePlannable(deps.store, { change_id: request.change_id, environment: environment.name }, principal);
  const plan = await planned(deps, plan_id, { request, environment, note }, principal);
  if (plan.body.failure !== undefined) throw failed(plan_id, plan.body);
  return planView(await getPlan(deps.store, plan_id), await listApprovals(deps.store, plan_id, plan.record.plan_hash));
}

interface Asked extends Pick<SubmitOptions, 'note'> {
  readonly request: ChangeRequest;
  readonly environment: Environment;
}

/** Rehearsed, judged and stored. What came to nothing holds no VMID. */
async function planned(
  deps: ChangesDeps,
  plan_id: string,
  { request, environment, note }: Asked,
  principal: Principal,
): Promise<Judged> {
  let reserved = false;
  try {
    const made = await draft(
      request,
      environment,
      async (item, inventory) => {
        const vmid = await reserve(deps, environment.name, plan_id, item, inventory);
        reserved = true;
        return vmid;
      },
      plannerDeps(deps),
    );
    const plan = await judge(deps, plan_id, request, made, principal);
    await store(deps, plan, { made, request, note, reserved });
    return plan;
  } catch (error) {
    // Where the store failed the plan may stand all the same; what it holds ends with its time then.
    if (reserved && !isAgentError(error, 'STORE_FAILED'))
      await deps.store.commit((trx) => releaseReservations(trx, plan_id)).catch(() => undefined);
    throw error;
  }
}

/** What `submit` answered of a plan, as the plan is now. Errors: `PREFLIGHT_FAILED` as then, `PLAN_NOT_FOUND`. */
export async function submitted(
  deps: ChangesDeps,
  plan_id: string,
  principal: Principal,
): Promise<Record<string, unknown>> {
  const plan = await findPlanFor(deps, plan_id, principal);
  if (bodyOf(plan).failure !== undefined) throw failed(plan_id, bodyOf(plan));
  return shownPlan(deps, plan);
}

export const plannerDeps = ({ clock, forms }: ChangesDeps): PlannerDeps => ({ clock, forms });

/** The states in which a plan may still be applied. */
const LIVING: readonly PlanRecord['state'][] = ['awaiting_approval', 'approved'];

interface ToStore extends Pick<SubmitOptions, 'note'> {
  readonly made: Draft;
  readonly request: ChangeRequest;
  /** Whether it holds VMIDs. */
  readonly reserved: boolean;
}

async function store(
  deps: ChangesDeps,
  { record, body, principal }: Judged,
  { made, request, note, reserved }: ToStore,
): Promise<void> {
  const { plan_id, environment, plan_hash, request_hash, state, created_at: at } = record;
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
    if (reserved && !LIVING.includes(state)) await releaseReservations(trx, plan_id);
    // A plan that waits for its time keeps its VMIDs as long.
    else if (reserved) await extendReservations(trx, plan_id, Math.max(record.expires_at, at + TTL_MS.medium));
    await note?.(trx, plan_id);
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

/** How long making a plan may take: a crash in the middle of it leaves its VMIDs held for no longer. */
const DRAFT_MS = 10 * 60_000;

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
  const expires_at = clock.now() + DRAFT_MS;
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
