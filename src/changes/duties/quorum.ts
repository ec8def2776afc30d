import type { ApprovalRecord } from '../../store/index.ts';
import type { Decision } from '../plan.ts';
import { ROLES, type Role } from '../principal.ts';
import { isBootstrap, obligationOf, samePerson, type Person } from './person.ts';

export interface Quorum {
  readonly given: number;
  /** What is missing, in words; nothing when it is enough. */
  readonly missing: readonly string[];
}

/** Whether a plan's approvals are enough for a decision: so many different persons, with the roles and proofs it asks for. */
export function quorumOf(decision: Decision, approvals: readonly ApprovalRecord[], requester: Person): Quorum {
  if (decision.outcome === 'allow') return { given: approvals.length, missing: [] };
  const others = obligationOf(decision, 'other_approver') !== undefined;
  const proven = obligationOf(decision, 'second_factor') !== undefined;
  const counted: ApprovalRecord[] = [];
  for (const approval of approvals) {
    const { principal, factor } = approval;
    if (others && samePerson(principal, requester)) continue;
    if (proven && factor === undefined && !isBootstrap(approval)) continue;
    if (!counted.some((one) => samePerson(one.principal, principal))) counted.push(approval);
  }
  const short = decision.approvals_required - counted.length;
  const kind =
    `${others ? 'of another person than the one who asked' : ''}${proven ? ' with a second factor' : ''}`.trim();
  const roles = (obligationOf(decision, 'roles')?.roles ?? []).filter(
    (role) => !counted.some((approval) => rank(approval.role) >= rank(role)),
  );
  return {
    given: counted.length,
    missing: [
      ...(short > 0 ? [`${short} more approval${short === 1 ? '' : 's'}${kind === '' ? '' : ` ${kind}`}`] : []),
      ...roles.map((role) => `the approval of somebody with the role ${role}`),
    ],
  };
}

const rank = (role = 'approver'): number => ROLES.indexOf(role as Role);
