import type { Graph } from '../../estate/index.ts';
import type { BlastRadius, Risk } from '../plan.ts';

type Raise = Risk['raises'][number];

/** From this score on a change is of high risk whatever it does. */
const WIDE = 60;
const SHARED_KINDS = new Set(['storage', 'bridge', 'vlan', 'pool', 'node', 'firewall-group']);

/** What the graph says about a plan's risk, each with its reason. */
export function reachRaises(graph: Graph, { touched = [], dependents = [], score }: BlastRadius): Raise[] {
  const raises: Raise[] = [];
  const high = (reason: string): void => void raises.push({ to: 'high', reason });
  for (const { object, by } of dependents) {
    const { kind, tier, name } = graph.objects.get(object) ?? {};
    if (kind === 'service' && tier === 1) high(`the tier-1 service ${name} depends on ${by}`);
  }
  for (const id of touched) raises.push(...touchedRaises(graph, id));
  if (score >= WIDE) high(`the blast radius is ${score} of 100`);
  return raises;
}

function touchedRaises(graph: Graph, id: string): Raise[] {
  const { kind = 'guest', name = id, marks = [] } = graph.objects.get(id) ?? {};
  const raises: Raise[] = [];
  const guests = graph.edges.filter(({ from, to }) => to === id && /^(vm|ct)\//.test(from)).map(({ from }) => from);
  const on = new Set(guests).size;
  if (SHARED_KINDS.has(kind) && on > 1) raises.push({ to: 'high', reason: `${on} guests depend on ${id}` });
  if (kind === 'bridge') raises.push(...marks.map((mark): Raise => ({ to: 'high', reason: `${name} ${mark}` })));
  if (kind === 'ha' || kind === 'ha-rule') raises.push({ to: 'high', reason: `HA places guests by ${id}` });
  if (kind === 'node') raises.push(...lastReplicas(graph, id));
  const managed = graph.edges.find(({ from, to }) => from === id && to.startsWith('ha/'));
  if (managed !== undefined) raises.push({ to: 'medium', reason: `${id} is managed by HA (${managed.why})` });
  return raises;
}

function lastReplicas({ objects, edges }: Graph, node: string): Raise[] {
  const jobs = edges.filter(({ from, to }) => to === node && from.startsWith('replication/'));
  return jobs.flatMap(({ from }) =>
    (objects.get(from)?.marks ?? []).map((mark): Raise => ({ to: 'high', reason: `${node} ${mark}` })),
  );
}
