import type { PreparedRequest } from '../operations/index.ts';
import type { Decision, Risk } from './plan.ts';
import type { Principal } from '../identity/index.ts';

export interface PolicyInput {
  readonly principal: Pick<Principal, 'class' | 'role' | 'name'>;
  readonly environment: { readonly name: string; readonly production: boolean };
  readonly requests: readonly PreparedRequest[];
  readonly risk: Risk;
}

/** Decides on a plan when it is made and again when it is applied. A policy that throws denies (see `decide`). */
export interface Policy {
  evaluate(input: PolicyInput): Decision;
}

type Rule = Decision['rules'][number];

/**
 * The built-in baseline: the risk matrix. Reads are free; what a person with the operator role asks for outside
 * production is that person's word; everything else needs a person's approval.
 */
export const baseline: Policy = {
  evaluate({ principal, environment, requests, risk }) {
    if (risk.level === 'low')
      return {
        outcome: 'allow',
        approvals_required: 0,
        obligations: [],
        rules: [{ id: 'baseline.read', effect: 'allow', why: 'reads change nothing' }],
      };
    const rules: Rule[] = [];
    if (risk.level === 'high')
      rules.push(approval('baseline.high', `the risk is high: ${risk.raises[0]?.reason ?? risk.why}`));
    if (principal.class !== 'human')
      rules.push(
        approval(
          `baseline.${principal.class}`,
          `${principal.name} is ${principal.class === 'agent' ? 'an agent' : 'a service'}; a person has to approve what it proposes`,
        ),
      );
    if (environment.production)
      rules.push(approval('baseline.production', `${environment.name} is a production environment`));
    for (const { action } of requests)
      if (action.risk.approval === 'always')
        rules.push(
          approval(`baseline.${action.name}`, `${action.name} is always approved by a person: ${action.risk.why}`),
        );
    if (rules.length > 0)
      return { outcome: 'require_approval', approvals_required: 1, obligations: [], rules: unique(rules) };
    return {
      outcome: 'allow',
      approvals_required: 0,
      obligations: [],
      rules: [
        {
          id: 'baseline.medium',
          effect: 'allow',
          why: `${principal.name} is a person with the ${principal.role} role, the risk is medium and ${environment.name} is not in production`,
        },
      ],
    };
  },
};

const approval = (id: string, why: string): Rule => ({ id, effect: 'require_approval', why });
const unique = (rules: readonly Rule[]): Rule[] => [...new Map(rules.map((rule) => [rule.id, rule])).values()];

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
