import { useMe } from '../api/queries.ts';
import type { Me } from '../api/types.ts';

/**
 * Why the caller cannot do something, or undefined. This only explains buttons: the server decides, and asks nobody
 * here.
 */
export const mayNotPropose = (me: Me | undefined): string | undefined =>
  me?.role === 'viewer' ? 'Your role is viewer: it can look, not change.' : undefined;

export function mayNotApprove(me: Me | undefined): string | undefined {
  if (me === undefined) return 'Reading who you are…';
  if (me.class !== 'human') return `Only a person can approve; this token is of class ${me.class}.`;
  if (me.role === 'viewer' || me.role === 'operator') return `Your role is ${me.role}; approving needs approver.`;
  return undefined;
}

export const useMayPropose = (): string | undefined => mayNotPropose(useMe().data);
