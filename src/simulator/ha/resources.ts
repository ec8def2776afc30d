import type { Call, Routes } from '../core/call.ts';
import { fail } from '../core/errors.ts';
import type { World } from '../core/world.ts';
import { splitList } from '../schema/formats.ts';
import { sha1 } from '../state/guests.ts';
import { goingAlong, keepingAway } from './affinity.ts';
import type { Command } from './types.ts';

export type Resource = Record<string, unknown>;

/** A number alone is the guest with that id, whatever its kind. */
export function sidOf({ world, params }: Call): string {
  const sid = params.text('sid');
  if (sid.includes(':')) return sid;
  return `${world.state.guests.get(Number(sid))?.type === 'lxc' ? 'ct' : 'vm'}:${sid}`;
}

export const vmidOf = (sid: string): number => Number(sid.split(':')[1]);

/** PVE keeps all resources in one file. */
export function resourcesDigest({ state }: World): string {
  const lines = [...state.haResources].map(([sid, resource]) => `${sid} ${JSON.stringify(resource)}`);
  return sha1(lines.toSorted().join('\n'));
}

const shown = (world: World, sid: string, resource: Resource): Resource => ({
  ...resource,
  sid,
  type: sid.split(':')[0],
  digest: resourcesDigest(world),
});

function resourceOf(call: Call): Resource {
  const sid = sidOf(call);
  const resource = call.world.state.haResources.get(sid);
  if (resource === undefined) throw fail(`no such resource '${sid}'`);
  return resource;
}

/** A guest whose resource is `ignored` is left to its own (FACTS 35). */
export function isManaged({ state }: World, sid: string): boolean {
  const resource = state.haResources.get(sid);
  return resource !== undefined && resource.state !== 'ignored';
}

const refuseGroup = ({ params }: Call): void => {
  if (params.has('group')) throw fail("invalid parameter 'group': ha groups have been migrated to rules");
};

function demandNoError({ world }: Call, sid: string, wanted?: string): void {
  if (world.state.ha.services.get(sid)?.state === 'error' && wanted !== 'disabled')
    throw fail(`service '${sid}' in error state, must be disabled and fixed first`);
}

const META = ['sid', 'type', 'delete', 'digest', 'purge'];

function checkType(call: Call, sid: string): void {
  const type = call.params.maybe('type');
  if (type !== undefined && type !== sid.split(':')[0]) throw fail('types does not match');
}

function create(call: Call): null {
  const { world, params } = call;
  const { haResources, guests } = world.state;
  const sid = sidOf(call);
  checkType(call, sid);
  refuseGroup(call);
  if (!guests.has(vmidOf(sid))) throw fail(`resource '${sid}' does not exist in cluster`);
  if (haResources.has(sid)) throw fail(`create resource failed: resource ID '${sid}' already defined`);
  haResources.set(sid, Object.fromEntries(params.without(...META)));
  world.ha?.wake();
  return null;
}

function update(call: Call): null {
  const { world, params } = call;
  const sid = sidOf(call);
  checkType(call, sid);
  refuseGroup(call);
  demandNoError(call, sid, params.maybe('state'));
  const digest = params.maybe('digest');
  if (digest !== undefined && digest !== resourcesDigest(world))
    throw fail('update resource failed: detected modified configuration - file changed by other user? Try again.');
  const resource = world.state.haResources.get(sid);
  if (resource === undefined) throw fail(`update resource failed: no such resource '${sid}'`);
  for (const [key, value] of params.without(...META)) resource[key] = value;
  for (const key of splitList(params.maybe('delete') ?? '')) {
    if (!['comment', 'state', 'group', 'max_restart', 'max_relocate', 'failback', 'auto-rebalance'].includes(key))
      throw fail(`update resource failed: no such option '${key}'`);
    delete resource[key];
  }
  world.ha?.wake();
  return null;
}

/** Rules lose the resource as well, unless asked not to; a rule without resources goes. */
function remove(call: Call): null {
  const { world, params } = call;
  const sid = sidOf(call);
  if (!world.state.haResources.delete(sid)) throw fail(`cannot delete service '${sid}', not HA managed!`);
  if (params.flag('purge', true)) forgetInRules(world, sid);
  world.ha?.wake();
  return null;
}

export function forgetInRules({ state }: World, sid: string): void {
  for (const [name, rule] of state.ha.rules) {
    const resources = splitList(String(rule.resources));
    if (!resources.includes(sid)) continue;
    const rest = resources.filter((one) => one !== sid);
    if (rest.length > 0) rule.resources = rest.join(',');
    else state.ha.rules.delete(name);
  }
}

/** The manager decides later whether it can be done; a node that does not exist is no error here (FACTS 35). */
const request = (kind: Command['kind']) => (call: Call) => {
  const { world, params } = call;
  const sid = sidOf(call);
  if (!isManaged(world, sid)) throw fail(`resource '${sid}' is not HA managed`);
  demandNoError(call, sid);
  const node = kind === 'stop' ? '' : params.text('node');
  const queue = (one: string): void =>
    void world.state.ha.commands.push({ kind, sid: one, node, timeout: params.maybeNumber('timeout') ?? 0 });
  if (kind === 'stop') queue(sid);
  const answer = kind === 'stop' ? null : move(world, sid, node, queue);
  world.ha?.wake();
  return answer;
};

/** What belongs together moves together; where something must be kept apart, nothing moves. */
function move(world: World, sid: string, node: string, queue: (sid: string) => void): unknown {
  const blocking = keepingAway(world, sid, node);
  const along = goingAlong(world, sid, node);
  if (blocking.length === 0) for (const one of [sid, ...along]) queue(one);
  return {
    sid,
    'requested-node': node,
    ...(along.length === 0 ? {} : { 'comigrated-resources': along }),
    ...(blocking.length === 0
      ? {}
      : { 'blocking-resources': blocking.map((one) => ({ sid: one, cause: 'resource-affinity' })) }),
  };
}

const noGroups = (verb: string) => (): never => {
  throw fail(`cannot ${verb}: ha groups have been migrated to rules`);
};

export const haResourceRoutes: Routes = {
  'GET /cluster/ha/resources': ({ world, params }) =>
    [...world.state.haResources]
      .filter(([sid]) => [undefined, sid.split(':')[0]].includes(params.maybe('type')))
      .map(([sid, resource]) => shown(world, sid, resource)),
  'GET /cluster/ha/resources/{sid}': (call) => shown(call.world, sidOf(call), resourceOf(call)),
  'POST /cluster/ha/resources': create,
  'PUT /cluster/ha/resources/{sid}': update,
  'DELETE /cluster/ha/resources/{sid}': remove,
  'POST /cluster/ha/resources/{sid}/migrate': request('migrate'),
  'POST /cluster/ha/resources/{sid}/relocate': request('relocate'),
  'GET /cluster/ha/groups': noGroups('index groups'),
  'POST /cluster/ha/groups': noGroups('create group'),
  'GET /cluster/ha/groups/{group}': noGroups('read group'),
  'PUT /cluster/ha/groups/{group}': noGroups('update group'),
  'DELETE /cluster/ha/groups/{group}': noGroups('delete group'),
};
