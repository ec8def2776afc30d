import type { Graph, GraphObject, ObjectKind } from '../../estate/index.ts';

/** Points of a service or guest by its tier; those without one count as tier 3. */
const SERVICE = [25, 12, 6] as const;
const GUEST = [10, 5, 2] as const;
const OTHER: Partial<Record<ObjectKind, number>> = { node: 15, storage: 10, bridge: 10, vlan: 10 };
const REST = 2;
export const MAX_SCORE = 100;

export interface Score {
  readonly score: number;
  readonly parts: readonly { readonly part: string; readonly count: number; readonly points: number }[];
}

function pointsOf({ kind, tier = 3 }: GraphObject): number {
  if (kind === 'service') return SERVICE[tier - 1] ?? SERVICE[2];
  if (kind === 'guest') return GUEST[tier - 1] ?? GUEST[2];
  return OTHER[kind] ?? REST;
}

const partOf = ({ kind, tier }: GraphObject): string =>
  (kind === 'service' || kind === 'guest') && tier !== undefined ? `${kind} of tier ${tier}` : kind;

/** Points for everything that is reached, 100 at the most: more that is reached never scores less. */
export function scoreOf({ objects }: Graph, reached: readonly string[]): Score {
  const parts = new Map<string, { count: number; points: number }>();
  for (const id of [...new Set(reached)].sort()) {
    // A guest that the plan makes is not in the lab yet.
    const object = objects.get(id) ?? { id, kind: 'guest' as const, name: '' };
    const part = parts.get(partOf(object)) ?? { count: 0, points: 0 };
    parts.set(partOf(object), { count: part.count + 1, points: part.points + pointsOf(object) });
  }
  const listed = [...parts].map(([part, sums]) => ({ part, ...sums })).sort((a, b) => (a.part < b.part ? -1 : 1));
  return {
    score: Math.min(
      MAX_SCORE,
      listed.reduce((sum, { points }) => sum + points, 0),
    ),
    parts: listed,
  };
}
