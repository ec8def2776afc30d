import type { ApprovalRecord } from '../../store/index.ts';
import type { Decision } from '../plan.ts';
import { isBootstrap, obligationOf, rankOf, samePerson, type Person } from './person.ts';

export interface Quorum {
  readonly given: number;
  /** What is missing, in words; nothing when it is enough. */
  readonly missing: readonly string[];
}

/**
 * Whether a plan's approvals are enough for a decision: so many different persons, with the roles and proofs that it
 * asks for. What is allowed needs none.
 */
export function quorumOf(decision: Decision, approvals: readonly ApprovalRecord[], requester: Person): Quorum {
  if (decision.outcome === 'allow') return { given: approvals.length, missing: [] };
  const others = obligationOf(decision, 'other_approver') !== undefined;
  const proven = obligationOf(decision, 'second_factor') !== undefined;
  const counted = differentPersons(
    approvals.filter(
      (approval) =>
        !(others && samePerson(approval.principal, requester)) &&
        !(proven && approval.factor === undefined && !isBootstrap(approval)),
    ),
  );
  const short = decision.approvals_required - counted.length;
  const kind = `${others ? ' of another person than the one who asked' : ''}${proven ? ' with a second factor' : ''}`;
  const roles = (obligationOf(decision, 'roles')?.roles ?? []).filter(
    (role) => !counted.some((approval) => rankOf(approval.role) >= rankOf(role)),
  );
  return {
    given: counted.length,
    missing: [
      ...(short > 0 ? [`${short} more approval${short === 1 ? '' : 's'}${kind}`] : []),
      ...roles.map((role) => `the approval of somebody with the role ${role}`),
    ],
  };
}

/** Of each person one approval: the one with the highest role, so that the order in which tokens were used means nothing. */
function differentPersons(approvals: readonly ApprovalRecord[]): ApprovalRecord[] {
  const found: ApprovalRecord[] = [];
  for (const approval of [...approvals].sort((a, b) => rankOf(b.role) - rankOf(a.role)))
    if (!found.some((one) => samePerson(one.principal, approval.principal))) found.push(approval);
  return found;
}
