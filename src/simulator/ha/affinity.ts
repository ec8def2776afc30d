import type { World } from '../core/world.ts';
import { splitList } from '../schema/formats.ts';
import { textOf } from '../core/text.ts';
import { isManaged, vmidOf } from './resources.ts';

type Rule = Readonly<Record<string, unknown>>;

const rulesFor = ({ state }: World, sid: string, type: string): Rule[] =>
  [...state.ha.rules.values()].filter(
    (rule) => rule.type === type && Number(rule.disable ?? 0) === 0 && splitList(textOf(rule.resources)).includes(sid),
  );

/** Other resources that rules keep on the same node, or away from it. */
function others(world: World, sid: string, affinity: 'positive' | 'negative'): string[] {
  const sids = rulesFor(world, sid, 'resource-affinity')
    .filter((rule) => rule.affinity === affinity)
    .flatMap((rule) => splitList(textOf(rule.resources)));
  return [...new Set(sids)].filter((one) => one !== sid).toSorted();
}

export const nodeOf = ({ state }: World, sid: string): string | undefined =>
  state.ha.services.get(sid)?.node ?? state.guests.get(vmidOf(sid))?.node;

/** Nodes that a rule names, with their priorities; only these count where it is strict. */
export function wantedNodes(world: World, sid: string): { priority: Map<string, number>; strict: boolean } | undefined {
  const [rule] = rulesFor(world, sid, 'node-affinity');
  if (rule === undefined) return undefined;
  const entries = splitList(textOf(rule.nodes)).map((item) => item.split(':'));
  const priority = new Map(entries.map(([name = '', weight]) => [name, Number(weight ?? 0)]));
  return { priority, strict: Number(rule.strict ?? 0) === 1 };
}

/** Resources that go along when one moves to another node. */
export const goingAlong = (world: World, sid: string, target?: string): string[] =>
  others(world, sid, 'positive').filter((one) => isManaged(world, one) && nodeOf(world, one) !== target);

/** Resources on a node that keep another one away from it. */
export const keepingAway = (world: World, sid: string, target: string): string[] =>
  others(world, sid, 'negative').filter((one) => isManaged(world, one) && nodeOf(world, one) === target);

export interface Blocking {
  readonly sid: string;
  readonly cause: 'node-affinity' | 'resource-affinity';
}

/** What rules say against a managed resource on this node. */
export function blockingAt(world: World, sid: string, target: string): Blocking[] {
  const wanted = wantedNodes(world, sid);
  const outside = wanted?.strict === true && !wanted.priority.has(target);
  return [
    ...(outside ? [{ sid, cause: 'node-affinity' as const }] : []),
    ...keepingAway(world, sid, target).map((one) => ({ sid: one, cause: 'resource-affinity' as const })),
  ];
}
