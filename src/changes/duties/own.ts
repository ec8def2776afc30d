import { AgentError } from '../../kernel/errors.ts';
import type { PlanRecord } from '../../store/index.ts';
import { bodyOf, type Decision, type PlanBody } from '../plan.ts';
import type { Factor, Principal } from '../../identity/index.ts';
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
  readonly factor?: Factor | undefined;
  readonly confirm?: string | undefined;
}

/** What an approval was given with. */
export interface Proven {
  /** How the second factor was shown; absent when none was. */
  readonly factor?: string;
  /** How the approver proved who it is, where that is more than the caller's own method. */
  readonly method?: string;
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
): Promise<Proven> {
  const { plan_hash, environment, created_by } = plan;
  const { decision, risk } = bodyOf(plan);
  const own = samePerson(created_by, principal);
  if (own) refuseWhereAnother(plan, principal);
  refuseOtherHash(plan, proof);
  if (isBootstrap(principal) && proof.factor === undefined) return {};
  const needs = own ? ownNeeds({ principal, production, environment, risk, decision }) : undefined;
  // Before the factor is looked at: a code that was looked at is used up.
  if (needs !== undefined && proof.confirm === undefined) throw unproven(plan, principal, needs, proof);
  if (proof.factor !== undefined) {
    const { method } = await deps.factors.verify({ principal, plan_hash, factor: proof.factor });
    return { factor: method, method };
  }
  const { factorAt } = principal;
  if (factorAt !== undefined && deps.clock.now() - factorAt <= FRESH_MS) return { factor: 'step-up' };
  if (needs !== undefined || obligationOf(decision, 'second_factor') !== undefined)
    throw unproven(plan, principal, needs, proof);
  return {};
}

function refuseWhereAnother(plan: PlanRecord, { name }: Principal): void {
  const other = obligationOf(bodyOf(plan).decision, 'other_approver');
  if (other === undefined) return;
  throw new AgentError(
    'APPROVAL_FORBIDDEN',
    `${name} asked for this change; another person has to approve it (rule ${other.rules.join(', ')}).`,
    { plan_id: plan.plan_id },
  );
}

function refuseOtherHash({ plan_id, plan_hash }: PlanRecord, { confirm }: Proof): void {
  if (confirm === undefined || confirm.toLowerCase() === shortHash(plan_hash)) return;
  throw new AgentError('VALIDATION_FAILED', "confirm is not the beginning of this plan's hash.", {
    plan_id,
    errors: { confirm: `must be the first ${SHORT_HASH} digits of the hash of the plan that is shown` },
  });
}

/** What is missing, by field; `needs` is why the own approval needs it. */
function unproven(
  plan: PlanRecord,
  { name, enrolled }: Principal,
  needs: string | undefined,
  proof: Proof,
): AgentError {
  const errors = {
    ...(proof.factor === undefined ? { factor: 'is needed: the code of your authenticator, or your passkey' } : {}),
    ...(needs !== undefined && proof.confirm === undefined
      ? { confirm: `is needed: the first ${SHORT_HASH} digits of the plan's hash` }
      : {}),
  };
  const rules = obligationOf(bodyOf(plan).decision, 'second_factor')?.rules ?? [];
  const nowhere =
    enrolled === true ? '' : ' No second factor is enrolled for this caller; enrol one, or let another person approve.';
  const why =
    needs === undefined
      ? `An approval of this plan needs a fresh second factor (rule ${rules.join(', ')}).`
      : `${name} asked for this change of high risk, and ${needs}: the own approval needs a fresh second factor and the first ${SHORT_HASH} digits of the plan's hash.`;
  return new AgentError('SECOND_FACTOR_REQUIRED', why + nowhere, { plan_id: plan.plan_id, errors });
}
