import type { Action, Guest, PveNode } from '../../api/types.ts';
import { isTemplate, targetOf } from '../lab/guest_filter.ts';

export interface TargetChoice {
  readonly value: string;
  readonly text: string;
}

/** What an action of this kind can be about, from what is known of the environment. */
export function targetChoices(
  kind: string | undefined,
  guests: readonly Guest[],
  nodes: readonly PveNode[],
): TargetChoice[] {
  const own = guests
    .filter(({ type }) => kind === undefined || (kind === 'ct' ? type === 'lxc' : kind === 'vm' && type === 'qemu'))
    .toSorted((a, b) => a.vmid - b.vmid)
    .map((guest) => ({
      value: targetOf(guest),
      text: `${guest.name ?? ''} (${isTemplate(guest) ? 'template' : guest.status}, ${guest.node})`,
    }));
  const machines = nodes
    .filter(() => kind === undefined || kind === 'node')
    .map(({ node, status }) => ({ value: `node/${node}`, text: status }));
  return [...own, ...machines];
}

export const riskOf = ({ risk }: Action): string => (typeof risk === 'string' ? risk : risk.base);

export const riskWhy = ({ risk, risk_why }: Action): string | undefined =>
  risk_why ?? (typeof risk === 'string' ? undefined : risk.why);

/** Actions of low risk only read; there is nothing to plan, approve or apply. */
export const changing = (actions: readonly Action[]): Action[] => actions.filter((action) => riskOf(action) !== 'low');

/** The actions by the part of their name before the first dot, both in alphabetical order. */
export function byDomain(actions: readonly Action[]): [domain: string, actions: Action[]][] {
  const groups = Object.groupBy(
    actions.toSorted((a, b) => a.name.localeCompare(b.name, 'en')),
    ({ name }) => name.split('.')[0] ?? name,
  );
  return Object.entries(groups).map(([domain, members]) => [domain, members ?? []]);
}
