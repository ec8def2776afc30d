import { AgentError, CATALOGUE, isAgentError, toAgentError, type ErrorCode } from '../kernel/errors.ts';
import {
  changeSchedule,
  dueSchedules,
  extendReservations,
  findPlanSchedule,
  getPlan,
  putPlanSchedule,
  updatePlan,
  type Actor,
  type JsonObject,
  type PlanRecord,
  type ScheduleRecord,
  type StoreTx,
} from '../store/index.ts';
import { apply, approvedPlan, executable, type ApplyInput } from './apply.ts';
import { plannerDeps, type ChangesDeps } from './changes.ts';
import { findPlanFor, viewPlan } from './decide.ts';
import { obligationOf, windowScope } from './duties/index.ts';
import { TTL_MS } from './judge.ts';
import { bodyOf } from './plan.ts';
import { actorOf, requireRole, type Principal } from '../identity/index.ts';
import { checkTargets } from './targets.ts';

/** The job that looks for schedules whose time has come; its key is the plan's id. */
export const SCHEDULED_JOB = 'plans.scheduled';

const SYSTEM: Actor = { id: 'system', class: 'system' };
const MOST_AHEAD_MS = 366 * 86_400_000;
/** Beside what the catalogue says: these pass by themselves too. */
const PASSING: ReadonlySet<ErrorCode> = new Set(['ENVIRONMENT_FROZEN', 'OBLIGATION_UNMET']);

/** In the next window (at once when one is open), or at a time of RFC 3339. */
export type When = 'window' | (string & {});

/**
 * Lets an approved plan be applied later, by itself, as if the caller did it then; answers the plan. It stays approved,
 * and lives until the window ends. An earlier schedule is replaced. Errors: as `apply`; `OBLIGATION_UNMET` when the policy asks
 * for a window and none is open then, or none is planned; `VALIDATION_FAILED` for a time that is none or has been.
 */
export async function schedulePlan(
  deps: ChangesDeps,
  input: ApplyInput & { readonly when: When },
  principal: Principal,
): Promise<Record<string, unknown>> {
  const plan = await approvedPlan(deps, input, principal);
  const { plan_id, environment } = plan;
  const span = await spanOf(deps, plan, input.when);
  await deps.store.commit(async (trx) => {
    const { at, until, window } = span;
    const before = await findPlanSchedule(trx, plan_id);
    const planned_expiry = before?.state === 'waiting' ? before.planned_expiry : plan.expires_at;
    await putPlanSchedule(trx, {
      plan_id,
      environment,
      at,
      until,
      planned_expiry,
      window_name: window ?? null,
      principal: principal as unknown as JsonObject,
      created_at: deps.clock.now(),
    });
    await updatePlan(trx, { plan_id, from: 'approved' }, { expires_at: until });
    await extendReservations(trx, plan_id, until);
    await deps.remind?.(trx, plan_id, at);
    const payload = { at: iso(at), until: iso(until), ...(window === undefined ? {} : { window }) };
    await note(deps, trx, plan, 'plan.scheduled', actorOf(principal), payload);
  });
  return viewPlan(deps, plan_id, principal);
}

interface Span {
  readonly at: number;
  readonly until: number;
  readonly window?: string;
}

async function spanOf({ windows, clock }: ChangesDeps, plan: PlanRecord, when: When): Promise<Span> {
  const { plan_id, environment } = plan;
  const body = bodyOf(plan);
  const now = clock.now();
  const at = when === 'window' ? now : timeOf(when, now);
  const check = (time: number) => windows.check(environment, time, windowScope(body));
  if (when !== 'window' && obligationOf(body.decision, 'window') === undefined)
    return { at, until: at + TTL_MS[body.risk.level] };
  const state = await check(at);
  if (!state.open && (when !== 'window' || state.next === null))
    throw new AgentError(
      'OBLIGATION_UNMET',
      `At ${iso(at)} ${state.why}; ${state.next === null ? 'none is planned' : `the next one opens at ${iso(state.next)}`}.`,
      { plan_id, more: state.next === null ? {} : { from: iso(state.next) } },
    );
  const begin = state.open ? at : (state.next ?? at);
  const { until = begin + TTL_MS[body.risk.level], window } = state.open ? state : await check(begin);
  return { at: begin, until, ...(window === undefined ? {} : { window }) };
}

function timeOf(when: string, now: number): number {
  const at = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/.test(when) ? Date.parse(when) : NaN;
  const problem = Number.isNaN(at)
    ? 'must be window, or a time with its zone such as 2026-12-24T02:00:00+01:00'
    : at <= now
      ? 'must be in the future'
      : at - now > MOST_AHEAD_MS
        ? 'must be within a year'
        : undefined;
  if (problem === undefined) return at;
  throw new AgentError('VALIDATION_FAILED', 'The request is not valid.', { errors: { when: problem } });
}

/** Takes a schedule back; the plan stays as it was. Errors: `PLAN_NOT_FOUND`, `FORBIDDEN`, `NOT_FOUND` where none waits. */
export async function unschedule(
  deps: ChangesDeps,
  plan_id: string,
  principal: Principal,
): Promise<Record<string, unknown>> {
  const plan = await findPlanFor(deps, plan_id, principal);
  requireRole(principal, 'operator', plan.environment);
  await deps.store.commit(async (trx) => {
    const schedule = await findPlanSchedule(trx, plan_id);
    if (schedule === undefined || !(await changeSchedule(trx, plan_id, { state: 'canceled' })))
      throw new AgentError('NOT_FOUND', 'This plan is not scheduled.', { plan_id });
    await updatePlan(trx, { plan_id, from: 'approved' }, { expires_at: schedule.planned_expiry });
    await note(deps, trx, plan, 'plan.schedule_canceled', actorOf(principal), {});
  });
  return viewPlan(deps, plan_id, principal);
}

/**
 * Applies what is due. Safe to run again and in several places at once: a plan is begun once, whoever is first. What
 * passes by itself (a freeze, a cluster that does not answer) is tried again until the window ends.
 */
export async function applyDue(deps: ChangesDeps): Promise<void> {
  for (const schedule of await dueSchedules(deps.store, deps.clock.now())) await applyOne(deps, schedule);
}

async function applyOne(deps: ChangesDeps, schedule: ScheduleRecord): Promise<void> {
  const { plan_id, until } = schedule;
  const now = deps.clock.now();
  try {
    if (now >= until) throw tooLate(schedule);
    const principal = await whoScheduled(deps, schedule);
    await requireSame(deps, await getPlan(deps.store, plan_id));
    await apply(deps, { plan_id }, principal);
  } catch (error) {
    const { code, message } = toAgentError(error);
    // Somebody else was first; what the schedule says was written together with that.
    if ((await findPlanSchedule(deps.store, plan_id))?.state !== 'waiting') return;
    // Nothing is known of the plan then.
    if (isAgentError(error, 'STORE_FAILED')) throw error;
    const passing = now < until && (CATALOGUE[code].retryable || PASSING.has(code));
    await missed(deps, schedule, { code, detail: message, passing });
  }
}

/** What it waited for last is why it came to nothing. */
const tooLate = ({ plan_id, until, detail }: ScheduleRecord): AgentError =>
  new AgentError(
    'PLAN_EXPIRED',
    `It could not be applied until ${iso(until)}${detail === null ? '.' : `: ${detail.replace(/\.?$/, '.')}`}`,
    { plan_id },
  );

/** The one who scheduled it, with the rights of now. Errors: `FORBIDDEN`. */
async function whoScheduled({ stillKnown }: ChangesDeps, schedule: ScheduleRecord): Promise<Principal> {
  const then = schedule.principal as unknown as Principal;
  const now = stillKnown === undefined ? then : await stillKnown(then);
  if (now !== undefined) return now;
  throw new AgentError('FORBIDDEN', `The token with which ${then.name} scheduled this is not valid any more.`);
}

/** Nobody is there to read an operation that failed at once, so what would make it fail is looked at before it begins. */
async function requireSame(deps: ChangesDeps, plan: PlanRecord): Promise<void> {
  if (plan.state !== 'approved') return;
  const environment = deps.estate.get(plan.environment);
  await environment.api.get('/version');
  await checkTargets(await executable(deps, plan.plan_id), bodyOf(plan), environment, plannerDeps(deps));
}

/** Writes down why it was not applied; the same reason again is no news. */
async function missed(
  deps: ChangesDeps,
  { plan_id, code: before }: ScheduleRecord,
  { code, detail, passing }: { readonly code: ErrorCode; readonly detail: string; readonly passing: boolean },
): Promise<void> {
  await deps.store.commit(async (trx) => {
    const change = { tried_at: deps.clock.now(), code, detail, state: passing ? 'waiting' : 'failed' } as const;
    if (!(await changeSchedule(trx, plan_id, change)) || (passing && before === code)) return;
    const event = passing ? 'plan.schedule_waits' : 'plan.schedule_failed';
    await note(deps, trx, await getPlan(trx, plan_id), event, SYSTEM, { code, detail });
  });
}

async function note(
  { audit, events }: ChangesDeps,
  trx: StoreTx,
  { plan_id, environment }: PlanRecord,
  event: string,
  actor: Actor,
  payload: JsonObject,
): Promise<void> {
  await audit.append(trx, { actor, environment, event, ids: { plan_id }, payload });
  await events.publish(trx, { type: event, environment, ids: { plan_id }, data: payload });
}

const iso = (ms: number): string => new Date(ms).toISOString();
