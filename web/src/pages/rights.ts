import type { Me, Role } from '../api/types.ts';

/**
 * Why the caller cannot do something, or undefined. This only explains buttons: the server decides, and asks nobody
 * here.
 */
export const mayNotPropose = (me: Me | undefined, environment?: string): string | undefined =>
  roleOf(me, environment) === 'viewer' ? 'Your role is viewer: it can look, not change.' : undefined;

/** People may have another role in each environment. */
const roleOf = (me: Me | undefined, environment: string | undefined): Role | undefined =>
  environment === undefined || me?.grants === undefined ? me?.role : (me.grants[environment] ?? me.grants['*']);

export function mayNotApprove(me: Me | undefined, environment: string): string | undefined {
  if (me === undefined) return 'Reading who you are…';
  if (me.class !== 'human') return `Only a person can approve; this token is of class ${me.class}.`;
  const role = roleOf(me, environment);
  if (role === 'viewer' || role === 'operator') return `Your role is ${role}; approving needs approver.`;
  return undefined;
}
