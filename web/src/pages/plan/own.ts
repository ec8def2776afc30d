import type { Me, Plan } from '../../api/types.ts';

/** Whether the plan says already that the caller's own approval needs both; where this is wrong the server says so. */
export const ownNeedsProof = (
  { created_by, decision }: Pick<Plan, 'created_by' | 'decision'>,
  me: Me | undefined,
): boolean =>
  typeof created_by === 'object' &&
  created_by.id === me?.id &&
  decision?.rules?.some(({ id, why }) => id === 'approval.own' && why.includes('needs a fresh second factor')) === true;
