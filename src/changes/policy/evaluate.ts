import type { PreparedRequest } from '../../operations/index.ts';
import type { Decision, Obligation } from '../plan.ts';
import { baseline } from './baseline.ts';
import type { Scope } from './declaration.ts';
import { ExpressionError, type CelScope } from './expression.ts';
import { brokenBy, uniteObligations, type Match } from './obligations.ts';
import type { CompiledRule, Rule, RuleSet } from './rules.ts';
import { scopeOf } from './scope.ts';
import { riskOf, type DecidingRule, type PlanFacts, type PolicyInput } from './types.ts';

type Outcome = Decision['outcome'];
const STRICTNESS: readonly Outcome[] = ['allow', 'require_approval', 'deny'];
const strictest = (outcomes: readonly Outcome[]): Outcome =>
  outcomes.reduce((a, b) => (STRICTNESS.indexOf(a) >= STRICTNESS.indexOf(b) ? a : b), 'allow');

/** How one rule stood to one request. */
export interface Reading {
  readonly rule: CompiledRule;
  readonly request: PreparedRequest;
  /** Undefined for a rule of other environments or actions. */
  readonly scope: Scope | undefined;
  readonly result: 'matched' | 'not matched' | 'failed' | 'elsewhere';
  /** Why it failed. */
  readonly problem?: string;
}

/** What the rules say of each request on its own, before they are put together. */
interface OfRequest {
  readonly request: PreparedRequest;
  readonly readings: readonly Reading[];
  readonly matched: readonly CompiledRule[];
  readonly fromBaseline: Decision | undefined;
  /** Built-in rules that would have held, had no rule overridden them. */
  readonly lifted: readonly string[];
}

export interface Judgement {
  readonly decision: Decision;
  readonly readings: readonly Reading[];
}

/**
 * What a set of rules decides on a plan. Each request is judged on its own, with its own target, and the plan is as the
 * strictest of them: deny beats require_approval beats allow. Where no rule matches a request the baseline decides on
 * it; in production and in strict environments the baseline holds beside the rules, but for what a matching rule
 * overrides by name. A rule whose expression fails denies. `clock` tells the time in the lab's zone.
 */
export function judgeBy(rules: RuleSet, input: PolicyInput, clock: (at: number) => Scope['time']): Judgement {
  const { facts, at } = input;
  if (facts === undefined || at === undefined) throw new Error('rules need the facts of the plan and the time');
  const scopes = rules.rules.length === 0 ? undefined : scopesAt(input, facts, clock(at));
  const each = input.requests.map((request) => judgeRequest(rules, input, request, scopes));
  return { decision: putTogether(rules, input, each), readings: each.flatMap(({ readings }) => readings) };
}

/** What expressions see of each request. */
type Scopes = (request: PreparedRequest) => Scope;
const scopesAt =
  (input: PolicyInput, facts: PlanFacts, time: Scope['time']): Scopes =>
  (request) =>
    scopeOf(input, facts, request, time);

function judgeRequest(
  set: RuleSet,
  input: PolicyInput,
  request: PreparedRequest,
  scopes: Scopes | undefined,
): OfRequest {
  const readings = scopes === undefined ? [] : readAll(set, input.environment.name, request, scopes(request));
  const matched = readings.filter(({ result }) => result === 'matched').map(({ rule }) => rule);
  const failed = readings.some(({ result }) => result === 'failed');
  const { production, strictness } = input.environment;
  const asked = production || strictness === 'strict' || (matched.length === 0 && !failed);
  if (!asked) return { request, readings, matched, fromBaseline: undefined, lifted: [] };
  return { request, readings, matched, ...fromBaseline(input, request, matched) };
}

function readAll({ rules, celScope }: RuleSet, environment: string, request: PreparedRequest, scope: Scope): Reading[] {
  const cel = celScope(scope);
  return rules.map((rule) => read(rule, environment, request, scope, cel));
}

function read(rule: CompiledRule, environment: string, request: PreparedRequest, scope: Scope, cel: CelScope): Reading {
  const { environments = [environment], actions = [request.action.name] } = rule;
  if (!environments.includes(environment) || !actions.includes(request.action.name))
    return { rule, request, scope: undefined, result: 'elsewhere' };
  try {
    return { rule, request, scope, result: rule.expression.evaluate(cel) ? 'matched' : 'not matched' };
  } catch (error) {
    const problem = error instanceof ExpressionError ? error.message : 'it cannot be evaluated';
    return { rule, request, scope, result: 'failed', problem };
  }
}

/** The baseline on one request, without what the rules that match it override by name. */
function fromBaseline(
  input: PolicyInput,
  request: PreparedRequest,
  matched: readonly CompiledRule[],
): Pick<OfRequest, 'fromBaseline' | 'lifted'> {
  const own = { ...input.risk, level: riskOf(request, input.risk) };
  const decision = baseline.evaluate({ ...input, requests: [request], risk: own });
  const overridden = new Set(matched.flatMap(({ overrides }) => overrides ?? []));
  const rules = decision.rules.filter(({ id }) => !overridden.has(id));
  const lifted = decision.rules.map(({ id }) => id).filter((id) => overridden.has(id));
  if (rules.length === 0)
    return { fromBaseline: { outcome: 'allow', approvals_required: 0, obligations: [], rules: [] }, lifted };
  const obligations = decision.obligations.filter((one) => !one.rules.every((id) => overridden.has(id)));
  return { fromBaseline: { ...decision, rules, obligations }, lifted };
}

function putTogether(set: RuleSet, input: PolicyInput, each: readonly OfRequest[]): Decision {
  const matches = matchesOf(each);
  const failures = failuresOf(each);
  const broken = brokenBy(
    matches.filter(({ rule }) => rule.effect !== 'deny'),
    { requests: input.requests, change_id: input.change_id ?? null },
  );
  const base = tellingOnes(each.flatMap(({ fromBaseline: one }) => (one === undefined ? [] : [one])));
  const outcome = strictest([
    ...matches.map(({ rule }) => rule.effect),
    ...base.map((one) => one.outcome),
    ...[...failures, ...broken].map(() => 'deny' as const),
  ]);
  const named = { policy: set.hash };
  if (outcome === 'deny') {
    const denying = matches.filter(({ rule }) => rule.effect === 'deny').map(({ rule }) => asDeciding(rule, new Set()));
    return { outcome, approvals_required: 0, obligations: [], rules: [...denying, ...failures, ...broken], ...named };
  }
  const rules = matches.map(({ rule }) => rule);
  const obligations = unite([...uniteObligations(rules), ...base.flatMap((one) => one.obligations)]);
  const asking = rules.filter(({ effect }) => effect === 'require_approval').map(({ approvals = 1 }) => approvals);
  const bringing = new Set(obligations.flatMap((one) => one.rules));
  const lifted = new Set(each.flatMap((one) => one.lifted));
  const lifts = ({ overrides = [] }: Rule): boolean => overrides.some((id) => lifted.has(id));
  const deciding = rules.filter((rule) => rule.effect === outcome || bringing.has(rule.id) || lifts(rule));
  const fromBase = base.filter((one) => one.outcome === outcome).flatMap((one) => one.rules);
  return {
    outcome,
    approvals_required: outcome === 'allow' ? 0 : Math.max(1, ...asking, ...base.map((one) => one.approvals_required)),
    obligations,
    rules: [
      ...deciding.map((rule) => asDeciding(rule, lifted)),
      ...new Map(fromBase.map((rule) => [rule.id, rule])).values(),
    ],
    ...named,
  };
}

/** That reads are free is worth a word only where nothing else is done. */
function tellingOnes(decisions: readonly Decision[]): readonly Decision[] {
  const more = decisions.filter(({ rules }) => rules[0]?.id !== 'baseline.read');
  return more.length > 0 ? more : decisions;
}

/** Each rule that matched something, with what it matched; in the order of their ids. */
function matchesOf(each: readonly OfRequest[]): Match[] {
  const found = new Map<CompiledRule, PreparedRequest[]>();
  for (const { request, matched } of each)
    for (const rule of matched) found.set(rule, [...(found.get(rule) ?? []), request]);
  return [...found].map(([rule, requests]) => ({ rule, requests })).sort((a, b) => (a.rule.id < b.rule.id ? -1 : 1));
}

function failuresOf(each: readonly OfRequest[]): DecidingRule[] {
  const failed = each.flatMap(({ readings }) => readings.filter(({ result }) => result === 'failed'));
  const unique = new Map(failed.map((reading) => [reading.rule.id, reading]));
  return [...unique.values()].map(({ rule: { id }, problem }) => ({
    id,
    effect: 'deny',
    why: `the rule ${id} could not be evaluated (${problem}), which denies`,
  }));
}

function asDeciding({ id, effect, why, overrides = [] }: Rule, lifted: ReadonlySet<string>): DecidingRule {
  const instead = overrides.filter((one) => lifted.has(one));
  return { id, effect, why: instead.length === 0 ? why : `${why} (in place of ${instead.join(', ')})` };
}

/** One obligation of each kind, with the rules of all that ask for it. */
function unite(all: readonly Obligation[]): Obligation[] {
  const found = new Map<string, Obligation>();
  for (const one of all) {
    const before = found.get(one.obligation);
    const rules = [...new Set([...(before?.rules ?? []), ...one.rules])];
    found.set(one.obligation, before === undefined ? one : { ...before, rules });
  }
  return [...found.values()];
}
