import { AgentError } from '../../kernel/errors.ts';
import type { PlanRecord } from '../../store/index.ts';
import { bodyOf, type Decision, type PlanBody } from '../plan.ts';
import type { Principal } from '../../identity/index.ts';
import { isBootstrap, obligationOf, samePerson } from './person.ts';
import { neededOf, prove, SHORT_HASH, type Approved, type Proof, type Proven } from './prove.ts';
import type { Factors } from './seams.ts';

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

interface Asked {
  readonly plan: PlanRecord;
  readonly production: boolean;
}

/** What an approval of a plan takes of this person. */
function approvedBy({ plan, production }: Asked, principal: Principal): Approved {
  const { plan_id, plan_hash, environment, created_by } = plan;
  const { decision, risk } = bodyOf(plan);
  const own = samePerson(created_by, principal);
  const needs = own ? ownNeeds({ principal, production, environment, risk, decision }) : undefined;
  const wanted = obligationOf(decision, 'second_factor');
  return {
    mark: "plan's hash",
    hash: plan_hash,
    plan_id,
    own:
      needs === undefined
        ? undefined
        : `${principal.name} asked for this change of high risk, and ${needs}: the own approval needs a fresh second factor and the first ${SHORT_HASH} digits of the plan's hash.`,
    all:
      wanted === undefined
        ? undefined
        : `An approval of this plan needs a fresh second factor (rule ${wanted.rules.join(', ')}).`,
  };
}

/** What `proveApproval` would ask this person for now. */
export const approvalNeeds = (asked: Asked, now: number, principal: Principal): readonly ('factor' | 'confirm')[] =>
  neededOf(approvedBy(asked, principal), now, principal);

/**
 * What a person has to bring along with an approval; answers the second factor that was given. Errors:
 * `APPROVAL_FORBIDDEN` when the policy wants another person, `SECOND_FACTOR_REQUIRED` naming `factor` and `confirm`,
 * `VALIDATION_FAILED` for a hash that is not this plan's, and what checking the factor says.
 */
export async function proveApproval(
  deps: { readonly factors: Factors; readonly clock: { now(): number } },
  asked: Asked,
  proof: Proof,
  principal: Principal,
): Promise<Proven> {
  if (samePerson(asked.plan.created_by, principal)) refuseWhereAnother(asked.plan, principal);
  return prove(deps, approvedBy(asked, principal), proof, principal);
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
