import type { Graph } from '../../estate/index.ts';
import type { PreparedRequest, Rehearsal } from '../../operations/index.ts';
import type { BlastRadius } from '../plan.ts';
import { dependentsOf } from './reach.ts';
import { scoreOf } from './score.ts';
import { touchedObjects } from './touched.ts';

const NOTHING: Graph = { objects: new Map(), edges: [], unread: [] };
const isGuest = (id: string): boolean => /^(vm|ct)\//.test(id);
const named = (ids: readonly string[], kind: string): string[] =>
  ids.filter((id) => id.startsWith(`${kind}/`)).map((id) => id.slice(kind.length + 1));
const sorted = (ids: readonly string[]): string[] => [...new Set(ids)].sort();

/** What a plan touches and what depends on that; nothing where it only reads. */
export function blastRadius(
  requests: readonly PreparedRequest[],
  rehearsal: Rehearsal,
  graph: Graph = NOTHING,
): BlastRadius {
  if (rehearsal.trace.length === 0) return { guests: [], services: [], nodes: [], score: 0 };
  const touched = touchedObjects(requests, rehearsal);
  const dependents = dependentsOf(graph, touched);
  const reached = [...touched, ...dependents.map(({ object }) => object)];
  const targets = requests.map(({ input }) => input.target.text).filter(isGuest);
  const called = rehearsal.trace.map(({ path }) => /^\/nodes\/([^/]+)/.exec(path)?.[1] ?? '').filter(Boolean);
  return {
    guests: sorted([...targets, ...reached.filter(isGuest)]),
    services: sorted(named(reached, 'service')),
    nodes: sorted([...called, ...named(reached, 'node')]),
    ...scoreOf(graph, reached),
    touched,
    dependents,
    ...(graph.unread.length === 0 ? {} : { unread: graph.unread }),
  };
}

/** A plan is read by people: so many dependents are kept by name, the others as a number. */
const KEPT = 200;

/** The radius as a plan keeps it. */
export function keptRadius(radius: BlastRadius): BlastRadius {
  const { dependents = [] } = radius;
  if (dependents.length <= KEPT) return radius;
  return { ...radius, dependents: dependents.slice(0, KEPT), dependents_omitted: dependents.length - KEPT };
}

/** The nodes and storages whose own reads the plan's reach needs. */
export const readsFor = (touched: readonly string[]) => ({
  networks: sorted([...named(touched, 'node'), ...named(touched, 'bridge').map((id) => id.split('/')[0] ?? '')]),
  storages: named(touched, 'storage'),
});
