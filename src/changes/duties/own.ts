import { AgentError } from '../../kernel/errors.ts';
import type { PlanRecord } from '../../store/index.ts';
import { bodyOf, type Decision, type PlanBody } from '../plan.ts';
import type { Principal } from '../principal.ts';
import { isBootstrap, obligationOf, samePerson } from './person.ts';
import type { Factors } from './seams.ts';

/** A step-up older than this is not fresh. */
const FRESH_MS = 5 * 60_000;
const SHORT_HASH = 8;

/** The first 8 digits of a plan's hash: what a person types to say that it is this plan. */
export const shortHash = (plan_hash: string): string => plan_hash.slice(0, SHORT_HASH);

interface OwnCase {
  readonly principal: Pick<Principal, 'enrolled' | 'method' | 'name'>;
  readonly production: boolean;
  readonly environment: string;
  readonly risk: PlanBody['risk'];
  readonly decision: Decision;
}

/** Why a person's approval of that person's own plan needs a second factor; undefined when it needs none. */
function ownNeeds({ principal, production, environment, risk, decision }: OwnCase): string | undefined {
  if (risk.level !== 'high') return undefined;
  if (production) return `${environment} is in production`;
  if (principal.enrolled === true) return `${principal.name} has a second factor enrolled`;
  const rule = obligationOf(decision, 'second_factor')?.rules[0];
  return rule === undefined ? undefined : `the rule ${rule} asks for it`;
}

/** What the decision says about the requester's own approval; nothing where that is no question. */
export function ownApprovalRule(own: OwnCase & { readonly principal: Principal }): Decision['rules'] {
  const { principal, environment, risk, decision } = own;
  if (decision.outcome !== 'require_approval' || risk.level !== 'high' || principal.class !== 'human') return [];
  const rule = (why: string): Decision['rules'] => [{ id: 'approval.own', effect: 'require_approval', why }];
  if (obligationOf(decision, 'other_approver') !== undefined)
    return rule(`${principal.name} asked for it, so another person has to approve it`);
  if (isBootstrap(principal))
    return rule(
      'the bootstrap token may approve what it asked for without a second factor; every use of it is audited',
    );
  const needs = ownNeeds(own);
  return rule(
    needs === undefined
      ? `${principal.name} may approve this as anybody else may: ${environment} is not in production, no second factor is enrolled and no rule asks for one`
      : `${principal.name}'s own approval needs a fresh second factor and the first ${SHORT_HASH} digits of the plan's hash, because ${needs}`,
  );
}

export interface Proof {
  readonly factor?: string | object | undefined;
  readonly confirm?: string | undefined;
}

/**
 * What a person has to bring along with an approval; answers the second factor that was given. Errors:
 * `APPROVAL_FORBIDDEN` when the policy wants another person, `SECOND_FACTOR_REQUIRED` naming `factor` and `confirm`,
 * `VALIDATION_FAILED` for a hash that is not this plan's, and what checking the factor says.
 */
export async function proveApproval(
  deps: { readonly factors: Factors; readonly clock: { now(): number } },
  { plan, production }: { readonly plan: PlanRecord; readonly production: boolean },
  proof: Proof,
  principal: Principal,
): Promise<{ readonly factor?: string }> {
  const { plan_id, plan_hash, environment, created_by } = plan;
  const { decision, risk } = bodyOf(plan);
  const own = samePerson(created_by, principal);
  const other = obligationOf(decision, 'other_approver');
  if (own && other !== undefined)
    throw new AgentError(
      'APPROVAL_FORBIDDEN',
      `${principal.name} asked for this change; another person has to approve it (rule ${other.rules.join(', ')}).`,
      { plan_id },
    );
  const short = shortHash(plan_hash);
  if (proof.confirm !== undefined && proof.confirm.toLowerCase() !== short)
    throw new AgentError('VALIDATION_FAILED', `confirm is not the beginning of this plan's hash.`, {
      plan_id,
      errors: { confirm: `must be the first ${SHORT_HASH} digits of the hash of the plan that is shown` },
    });
  if (isBootstrap(principal)) return {};
  const needs = own ? ownNeeds({ principal, production, environment, risk, decision }) : undefined;
  const obliged = obligationOf(decision, 'second_factor');
  const factor = await givenFactor(deps, plan_hash, proof, principal);
  const missing = {
    ...(factor === undefined && (needs !== undefined || obliged !== undefined)
      ? { factor: 'is needed: the code of your authenticator, or your passkey' }
      : {}),
    ...(needs !== undefined && proof.confirm === undefined
      ? { confirm: `is needed: the first ${SHORT_HASH} digits of the plan's hash` }
      : {}),
  };
  if (Object.keys(missing).length === 0) return factor === undefined ? {} : { factor };
  throw new AgentError(
    'SECOND_FACTOR_REQUIRED',
    needs === undefined
      ? `An approval of this plan needs a fresh second factor (rule ${obliged?.rules.join(', ')}).`
      : `${principal.name} asked for this change of high risk, and ${needs}: the own approval needs a fresh second factor and the first ${SHORT_HASH} digits of the plan's hash.${principal.enrolled === true ? '' : ' No second factor is enrolled for this caller; enrol one, or let another person approve.'}`,
    { plan_id, errors: missing },
  );
}

async function givenFactor(
  { factors, clock }: { readonly factors: Factors; readonly clock: { now(): number } },
  plan_hash: string,
  { factor }: Proof,
  principal: Principal,
): Promise<string | undefined> {
  if (factor !== undefined) return (await factors.verify({ principal, plan_hash, factor })).method;
  const { factorAt } = principal;
  return factorAt !== undefined && clock.now() - factorAt <= FRESH_MS ? 'step-up' : undefined;
}
