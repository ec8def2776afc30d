import { hashJson } from '../kernel/canonical.ts';
import { readGraph, type Environment, type Graph } from '../estate/index.ts';
import { blastRadius, keptRadius, proposeCategory, reachRaises, readsFor, touchedObjects } from './blast/index.ts';
import type { ChangesDeps } from './changes.ts';
import { obligationOf, ownApprovalRule, windowScope } from './duties/index.ts';
import type { PlanRecord } from '../store/index.ts';
import type { PlanBody, PlanRequest } from './plan.ts';
import type { Draft } from './planner.ts';
import { decide } from './policy/baseline.ts';
import { factsOf } from './policy/facts.ts';
import { predict } from './predict.ts';
import { actorOf, inEnvironment, type Principal } from '../identity/index.ts';
import type { ChangeRequest, RequestItem } from './requests.ts';
import { assessRisk } from './risk.ts';

const MINUTE = 60_000;
export const TTL_MS = { high: 15 * MINUTE, medium: 60 * MINUTE, low: 60 * MINUTE } as const;

export interface Judged {
  readonly record: PlanRecord;
  readonly body: PlanBody;
  readonly principal: Principal;
}

/** Everything that is said about a rehearsed request before anybody is asked: reach, risk, decision. Stores nothing. */
export async function judge(
  deps: ChangesDeps,
  plan_id: string,
  request: ChangeRequest,
  made: Draft,
  principal: Principal,
): Promise<Judged> {
  const environment = deps.estate.get(request.environment);
  const { trace, diff, preflight, results, failure } = made.rehearsal;
  const after = new Map(made.requests.map((one) => [one.id, one.after]));
  const predicted_seconds = await predict(deps.store, environment.name, trace, after);
  const assessed = await assess(deps, environment, request, made, principal, predicted_seconds);
  const irreversible = trace.flatMap(({ seq, title, undo }) =>
    undo.kind === 'irreversible' ? [{ seq, title, why: undo.why }] : [],
  );
  const { blast_radius, risk, decision } = assessed;
  const body: PlanBody = {
    requests: made.requests.map((one) => planRequest(request, one.id, one.input.newid)),
    dry_run: request.dry_run,
    reason: request.reason,
    targets: made.targets,
    trace,
    diff,
    predicted_seconds,
    ...assessed,
    ...(trace.length === 0
      ? {}
      : { change_category: proposeCategory(risk, blast_radius, decision, irreversible.length) }),
    preflight,
    permissions: made.permissions,
    irreversible,
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
    expires_at: await expiryOf(deps, environment.name, body, created_at),
    created_by: actorOf(principal),
    body: body as unknown as PlanRecord['body'],
    change_id: request.change_id,
    consumed_by: null,
  };
  return { record, body, principal };
}

async function assess(
  deps: ChangesDeps,
  environment: Environment,
  request: ChangeRequest,
  made: Draft,
  principal: Principal,
  seconds: number,
): Promise<Pick<PlanBody, 'blast_radius' | 'risk' | 'decision' | 'facts'>> {
  const graph = await graphOf(deps, environment, made);
  const blast_radius = blastRadius(made.requests, made.rehearsal, graph);
  const risk = assessRisk(made.requests, {
    production: environment.production,
    inventory: made.inventory,
    capture: made.capture,
    reach: graph === undefined ? [] : reachRaises(graph, blast_radius),
  });
  const { change_id } = request;
  const found = change_id === null ? undefined : await deps.changeFacts?.(change_id);
  const now = deps.clock.now();
  const facts = await factsOf(made, environment, graph, {
    blast: blast_radius,
    // What a plan names is there, even where no records are kept: rules then see its id alone.
    change: change_id === null ? null : (found ?? { id: change_id, category: '', status: '', risk: '' }),
    seconds,
    wants: deps.policy.wants ?? new Set(),
    now,
  });
  // What counts is what the caller may be here.
  const requester = inEnvironment(principal, environment.name);
  const input = { principal: requester, environment, requests: made.requests, risk, at: now, facts, change_id };
  const decision = decide(deps.policy, input);
  const { name, production } = environment;
  const own = ownApprovalRule({ principal, production, environment: name, risk, decision });
  return {
    blast_radius: keptRadius(blast_radius),
    risk,
    decision: { ...decision, rules: [...decision.rules, ...own] },
    facts: { ...facts, requester: { role: requester.role, method: principal.method } },
  };
}

/** What depends on what; not read for a plan that changes nothing. */
async function graphOf(
  { services = [] }: ChangesDeps,
  { name, api }: Environment,
  { requests, rehearsal, inventory, capture }: Draft,
): Promise<Graph | undefined> {
  if (rehearsal.trace.length === 0) return undefined;
  return readGraph(api, inventory, capture, servicesOf(services, name), readsFor(touchedObjects(requests, rehearsal)));
}

/** The services of one environment. */
export const servicesOf = (
  services: NonNullable<ChangesDeps['services']>,
  name: string,
): NonNullable<ChangesDeps['services']> =>
  services.filter(({ environment }) => environment === undefined || environment === name);

/** A plan that has to wait lives long enough for what it waits for. */
async function expiryOf(
  { windows }: ChangesDeps,
  environment: string,
  body: PlanBody,
  created_at: number,
): Promise<number> {
  const { risk, decision } = body;
  const waits = (obligationOf(decision, 'cool_down')?.minutes ?? 0) * MINUTE;
  const usual = created_at + waits + TTL_MS[risk.level];
  if (obligationOf(decision, 'window') === undefined) return usual;
  const scope = windowScope(body);
  const now = await windows.check(environment, created_at, scope);
  const next = now.next === null ? now : await windows.check(environment, now.next, scope);
  return Math.max(usual, next.until ?? (now.next === null ? usual : now.next + TTL_MS[risk.level]));
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
