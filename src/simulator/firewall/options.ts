import { Beside, type Call, type Routes } from '../core/call.ts';
import { splitList } from '../schema/formats.ts';
import { CLUSTER, demandDigest, fileAt, LEVELS, changing, objectDigest, type Level } from './level.ts';
import { macroList } from './macros.ts';
import type { FirewallFile } from './types.ts';

const META = ['node', 'vmid', 'vnet', 'delete', 'digest'];

function update({ params }: Call, { options }: FirewallFile): void {
  demandDigest(params.maybe('digest'), objectDigest(options));
  for (const name of splitList(params.maybe('delete') ?? '')) delete options[name];
  for (const [name, value] of params.without(...META)) if (typeof value !== 'object') options[name] = value;
}

const optionsOf = (level: Level): Routes => ({
  [`GET ${level.base}/options`]: (call) => {
    const { options } = fileAt(call.world, level.key(call));
    return { ...options, digest: objectDigest(options) };
  },
  [`PUT ${level.base}/options`]: changing(level, update),
});

/** What a rule at this level may name: the cluster's aliases and sets, and the guest's own. */
function refs(level: Level) {
  return (call: Call): unknown[] => {
    const { world, params } = call;
    const type = params.maybe('type');
    const scopes: [string, FirewallFile][] = [['dc', fileAt(world, 'cluster')]];
    if (level !== CLUSTER) scopes.push(['guest', fileAt(world, level.key(call))]);
    return scopes.flatMap(([scope, { aliases, ipsets }]) => [
      ...named('ipset', scope, ipsets, type),
      ...named('alias', scope, aliases, type),
    ]);
  };
}

function named(
  kind: 'ipset' | 'alias',
  scope: string,
  items: readonly { name: string; comment?: string }[],
  wanted: string | undefined,
): unknown[] {
  if (wanted !== undefined && wanted !== kind) return [];
  return items.map(({ name, comment }) => ({
    name,
    type: kind,
    scope,
    ref: kind === 'ipset' ? `+${name}` : name,
    ...(comment === undefined ? {} : { comment }),
  }));
}

/** Nothing is filtered here, so nothing is ever logged. */
const log = (): Beside => new Beside([{ n: 1, t: 'no content' }], { total: 1 });

export const optionRoutes: Routes = Object.assign(
  { 'GET /cluster/firewall/macros': macroList },
  ...LEVELS.map(optionsOf),
  ...LEVELS.filter(({ env }) => env === 'cluster' || env === 'vm' || env === 'ct').map((level) => ({
    [`GET ${level.base}/refs`]: refs(level),
  })),
  ...LEVELS.filter(({ env }) => env === 'host' || env === 'vm' || env === 'ct').map(({ base }) => ({
    [`GET ${base}/log`]: log,
  })),
) as Routes;
