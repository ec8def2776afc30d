import { AgentError } from '../../kernel/errors.ts';
import { findPolicyRules, type PlanRecord } from '../../store/index.ts';
import { inputOf } from '../apply.ts';
import type { ChangesDeps } from '../changes.ts';
import { findPlanFor } from '../decide.ts';
import { windowScope } from '../duties/index.ts';
import { bodyOf, type Decision } from '../plan.ts';
import { mayUse, type Principal } from '../../identity/index.ts';
import type { PolicyBook } from './book.ts';
import type { Scope } from './declaration.ts';
import type { Reading } from './evaluate.ts';
import { ruleSetOf, type Rule, type RuleSet } from './rules.ts';

export interface Explanation {
  readonly plan_id: string;
  /** As it was made and is part of the plan's hash. */
  readonly decision: Decision;
  /** Whose rules these are, and whether they are in force still. */
  readonly policy: { readonly hash: string | null; readonly in_force: boolean; readonly at: string };
  readonly rules: readonly {
    readonly id: string;
    readonly effect: string;
    readonly request: string;
    readonly target: string;
    readonly result: Reading['result'];
    readonly when: string;
    /** What the expression read, by name. */
    readonly values: Readonly<Record<string, unknown>>;
    /** All of it in one sentence. */
    readonly words: string;
  }[];
  /** What the rules in force would say if it were asked for now. */
  readonly now: Pick<Decision, 'outcome' | 'approvals_required' | 'rules'>;
  /** The change window, where one is asked for, as it is now. */
  readonly window?: { readonly open: boolean; readonly why: string; readonly next: string | null };
}

/** Why a plan was decided as it was: every rule with what it read. Errors: `PLAN_NOT_FOUND`. */
export async function explainPlan(
  deps: ChangesDeps,
  book: PolicyBook,
  plan_id: string,
  principal: Principal,
): Promise<Explanation> {
  const plan = await findPlanFor(deps, plan_id, principal);
  const { decision } = bodyOf(plan);
  const rules = await rulesOf(deps, book, decision.policy);
  const input = inputOf(deps, plan, plan.created_at);
  const then = book.judge(input, rules);
  const {
    outcome,
    approvals_required,
    obligations,
    rules: deciding,
  } = book.evaluate({ ...input, at: deps.clock.now() });
  return {
    plan_id,
    decision,
    policy: {
      hash: decision.policy ?? null,
      in_force: decision.policy === book.current.hash,
      at: new Date(plan.created_at).toISOString(),
    },
    rules: then.readings.filter(({ rule }) => mayKnow(rule, principal)).map(explainReading),
    now: { outcome, approvals_required, rules: deciding },
    ...(await windowNow(deps, plan, obligations)),
  };
}

async function windowNow(
  { windows, clock }: ChangesDeps,
  plan: PlanRecord,
  obligations: Decision['obligations'],
): Promise<Pick<Explanation, 'window'>> {
  if (!obligations.some(({ obligation }) => obligation === 'window')) return {};
  const { open, why, next } = await windows.check(plan.environment, clock.now(), windowScope(bodyOf(plan)));
  return { window: { open, why, next: next === null ? null : new Date(next).toISOString() } };
}

/** Who may not see an environment learns no name of it from the rules that are for it alone. */
export const mayKnow = ({ environments }: Pick<Rule, 'environments'>, principal: Principal): boolean =>
  environments === undefined || environments.some((name) => mayUse(principal, name));

/** The rules that decided, which may not be in force any more. */
async function rulesOf(deps: ChangesDeps, book: PolicyBook, hash: string | undefined): Promise<RuleSet> {
  if (hash === undefined || hash === book.current.hash) return book.current;
  const text = await findPolicyRules(deps.store, hash);
  if (text === undefined)
    throw new AgentError(
      'NOT_FOUND',
      'The rules that decided on this plan are not kept any more; make the plan again.',
    );
  return ruleSetOf(text);
}

function explainReading({ rule, request, scope, result, problem }: Reading): Explanation['rules'][number] {
  const { id, effect, when, why, expression, environments = [], actions = [] } = rule;
  const target = request.input.target.text;
  const reads = scope === undefined ? [] : expression.reads.map((name) => [name, valueOf(scope, name)] as const);
  const values = Object.fromEntries(reads.filter(([, value]) => value !== undefined));
  const read = Object.entries(values).map(([name, value]) => `${name} is ${shown(value)}`);
  const reasons = read.length === 0 ? '' : ` (${read.join(', ')})`;
  const words = {
    matched: `${id} applies to ${target}${reasons}, so ${EFFECTS[effect]}: ${why}`,
    'not matched': `${id} does not apply to ${target}${reasons}`,
    failed: `${id} could not be evaluated for ${target}, which denies: ${problem ?? ''}${reasons}`,
    elsewhere: `${id} is for ${[actions.join(', '), environments.join(', ')].filter(Boolean).join(' in ')} only`,
  }[result];
  return { id, effect, request: request.id, target, result, when, values, words };
}

const EFFECTS = {
  allow: 'it is allowed',
  require_approval: 'it needs an approval',
  deny: 'it is denied',
} as const;

/** Undefined for a field of what there is none of. */
const valueOf = (scope: Scope, name: string): unknown =>
  name.split('.').reduce<unknown>((value, part) => (value as Record<string, unknown> | null)?.[part], scope);

/** Short enough for a sentence. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length <= 120 ? text : `${text.slice(0, 117)}…`;
}
