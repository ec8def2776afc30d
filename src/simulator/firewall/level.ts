import type { Call, Handler } from '../core/call.ts';
import { fail } from '../core/errors.ts';
import type { World } from '../core/world.ts';
import { sha1 } from '../state/guests.ts';
import { emptyFirewall, type FirewallFile } from './types.ts';

/** Where a rule stands; it decides what the rule may say. */
export type RuleEnv = 'cluster' | 'host' | 'vm' | 'ct' | 'group' | 'vnet';

/** One of the four places that have a firewall file. */
export interface Level {
  readonly env: RuleEnv;
  /** Path of the API below which the level's methods are. */
  readonly base: string;
  /** Key of the file in the state. */
  readonly key: (call: Call) => string;
}

const guestLevel = (kind: 'qemu' | 'lxc', env: RuleEnv): Level => ({
  env,
  base: `/nodes/{node}/${kind}/{vmid}/firewall`,
  key: ({ params }) => `guest/${params.text('vmid')}`,
});

export const CLUSTER: Level = {
  env: 'cluster',
  base: '/cluster/firewall',
  key: () => 'cluster',
};

export const LEVELS: readonly Level[] = [
  CLUSTER,
  {
    env: 'host',
    base: '/nodes/{node}/firewall',
    key: ({ node }) => `node/${node}`,
  },
  guestLevel('qemu', 'vm'),
  guestLevel('lxc', 'ct'),
  {
    env: 'vnet',
    base: '/cluster/sdn/vnets/{vnet}/firewall',
    key: ({ params }) => `vnet/${params.text('vnet')}`,
  },
];

/** The file of a level; one that is not there counts as empty, also for a guest that does not exist (FACTS 37). */
export function fileAt(world: World, key: string): FirewallFile {
  const { firewall } = world.state;
  let file = firewall.get(key);
  if (file === undefined) firewall.set(key, (file = emptyFirewall()));
  return file;
}

type Item = Readonly<Record<string, unknown>>;

const entryText = (item: Item): string =>
  Object.keys(item)
    .filter((key) => item[key] !== undefined && typeof item[key] !== 'object')
    .toSorted()
    .map((key) => `${key}:${String(item[key])}\n`)
    .join('');

/** PVE's digest of a list: over what the list shows, so that a place that changes changes it too. */
export const listDigest = (items: readonly Item[]): string => sha1(items.map(entryText).join(''));

export const objectDigest = (item: Item): string => sha1(entryText(item));

/** Every entry carries the digest of the whole list (FACTS 37). */
export function withDigest(items: readonly Item[]): Record<string, unknown>[] {
  const digest = listDigest(items);
  return items.map((item) => ({ ...item, digest }));
}

export function demandDigest(given: string | undefined, digest: string): void {
  if (given !== undefined && given !== '' && given !== digest)
    throw fail('detected modified configuration - file changed by other user? Try again.');
}

/** A change of the file. */
export const changing =
  (level: Level, run: (call: Call, file: FirewallFile) => void): Handler =>
  (call) => {
    run(call, fileAt(call.world, level.key(call)));
    return null;
  };
