import { ACTIONS } from '../../actions/index.ts';
import type { Decision } from '../plan.ts';
import type { DecidingRule, Policy, PolicyInput } from './types.ts';

export type { Policy, PolicyInput } from './types.ts';

/** Changes when the built-in rules do, so that a policy's version tells them apart as well. */
export const BASELINE_VERSION = 1;

/** The built-in rules that ask for something, by the ids that a rule with `overrides_baseline` names. */
export const BASELINE_RULES: Readonly<Record<string, string>> = {
  'baseline.high': 'a change of high risk needs the approval of a person',
  'baseline.production': 'a change of a production environment needs the approval of a person',
  'baseline.agent': 'what an agent proposes needs the approval of a person',
  'baseline.service': 'what a service proposes needs the approval of a person',
  'baseline.strict': 'in a strict environment every change needs the approval of another person',
  ...Object.fromEntries(
    ACTIONS.filter(({ risk }) => risk.approval === 'always').map(({ name, risk }) => [
      `baseline.${name}`,
      `${name} is always approved by a person: ${risk.why}`,
    ]),
  ),
};

/**
 * The built-in baseline: the risk matrix. Reads are free; what a person with the operator role asks for outside
 * production is that person's word; everything else needs a person's approval.
 */
export const baseline: Policy = {
  evaluate(input) {
    const { principal, environment, risk } = input;
    if (risk.level === 'low') return allowed('baseline.read', 'reads change nothing');
    const rules = asking(input);
    if (rules.length > 0)
      return {
        outcome: 'require_approval',
        approvals_required: 1,
        obligations:
          environment.strictness === 'strict'
            ? [
                {
                  obligation: 'other_approver',
                  text: 'the approval of another person than the one who asked',
                  rules: ['baseline.strict'],
                },
              ]
            : [],
        rules: unique(rules),
      };
    return allowed(
      'baseline.medium',
      risk.level === 'high'
        ? `${principal.name} is a person with the ${principal.role} role, ${environment.name} is not in production and its strictness is relaxed, where what raises a risk asks for nothing`
        : `${principal.name} is a person with the ${principal.role} role, the risk is medium and ${environment.name} is not in production`,
    );
  },
};

/** Every built-in rule that asks for an approval of this plan. */
function asking({ principal, environment, requests, risk }: PolicyInput): DecidingRule[] {
  const { strictness = 'standard', production, name } = environment;
  const rules: DecidingRule[] = [];
  // Relaxed looks at what the actions are, not at what they touch.
  const high = strictness === 'relaxed' && !production ? risk.base === 'high' : risk.level === 'high';
  if (high) rules.push(approval('baseline.high', `the risk is high: ${risk.raises[0]?.reason ?? risk.why}`));
  if (principal.class !== 'human')
    rules.push(
      approval(
        `baseline.${principal.class}`,
        `${principal.name} is ${principal.class === 'agent' ? 'an agent' : 'a service'}; a person has to approve what it proposes`,
      ),
    );
  if (production) rules.push(approval('baseline.production', `${name} is a production environment`));
  if (strictness === 'strict')
    rules.push(
      approval('baseline.strict', `${name} is strict: every change is approved by another person than who asked`),
    );
  for (const { action } of requests)
    if (action.risk.approval === 'always')
      rules.push(
        approval(`baseline.${action.name}`, `${action.name} is always approved by a person: ${action.risk.why}`),
      );
  return rules;
}

const allowed = (id: string, why: string): Decision => ({
  outcome: 'allow',
  approvals_required: 0,
  obligations: [],
  rules: [{ id, effect: 'allow', why }],
});
const approval = (id: string, why: string): DecidingRule => ({ id, effect: 'require_approval', why });
const unique = (rules: readonly DecidingRule[]): DecidingRule[] => [
  ...new Map(rules.map((rule) => [rule.id, rule])).values(),
];

/** Total: a policy that fails denies, and says so. */
export function decide(policy: Policy, input: PolicyInput): Decision {
  try {
    return policy.evaluate(input);
  } catch {
    return {
      outcome: 'deny',
      approvals_required: 0,
      obligations: [],
      rules: [{ id: 'policy.failed', effect: 'deny', why: 'the policy could not be evaluated, which denies' }],
    };
  }
}
