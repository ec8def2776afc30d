import type { Role } from '../../identity/index.ts';
import type { ApprovalRecord } from '../../store/index.ts';
import { rankOf } from './person.ts';

/** What who gave an approval may be in an environment now; undefined for nothing. */
export type RoleNow = (
  who: { readonly id: string; readonly method: string },
  environment: string,
) => Promise<Role | undefined>;

export interface Standing {
  /** Those that count, each with the lower of the role that it was given with and that of now. */
  readonly given: readonly ApprovalRecord[];
  /** Names of those whose approval counts no more. */
  readonly gone: readonly string[];
}

/** A yes of somebody who was disabled, or lost the rights to say it, is no yes any more. */
export async function standing(
  approvals: readonly ApprovalRecord[],
  environment: string,
  roleNow: RoleNow,
): Promise<Standing> {
  const given: ApprovalRecord[] = [];
  const gone: string[] = [];
  for (const approval of approvals) {
    const { principal, method, role = 'approver' } = approval;
    const now = await approverNow(roleNow, { id: principal.id, method }, environment);
    if (now === undefined) gone.push(principal.name ?? principal.id);
    else given.push({ ...approval, role: rankOf(now) < rankOf(role) ? now : role });
  }
  return { given, gone };
}

/** The role of somebody who may approve in an environment now; undefined for who may not. */
export async function approverNow(
  roleNow: RoleNow,
  who: { readonly id: string; readonly method: string },
  environment: string,
): Promise<Role | undefined> {
  const now = await roleNow(who, environment);
  return now !== undefined && rankOf(now) >= rankOf('approver') ? now : undefined;
}
