import type { Call, Routes } from '../core/call.ts';
import { fail } from '../core/errors.ts';

type Resource = Record<string, unknown>;

/** `100` means `vm:100`. */
function sidOf(call: Call): string {
  const sid = call.params.text('sid');
  return sid.includes(':') ? sid : `vm:${sid}`;
}

function resourceOf(call: Call): Resource {
  const resource = call.world.state.haResources.get(sidOf(call));
  if (resource === undefined) throw fail(`no such resource '${sidOf(call)}'`);
  return resource;
}

function setFields(call: Call, resource: Resource): void {
  for (const [key, value] of call.params.without('sid', 'delete', 'digest')) resource[key] = value;
  for (const key of (call.params.maybe('delete') ?? '').split(/[,;\s]+/).filter(Boolean)) delete resource[key];
}

const shown = (sid: string, resource: Resource): Resource => ({ ...resource, sid, type: sid.split(':')[0] });

export const haRoutes: Routes = {
  'GET /cluster/ha/resources': ({ world }) =>
    [...world.state.haResources.entries()].map(([sid, resource]) => shown(sid, resource)),
  'GET /cluster/ha/resources/{sid}': (call) => shown(sidOf(call), resourceOf(call)),
  'POST /cluster/ha/resources': (call) => {
    const { haResources, guests } = call.world.state;
    const sid = sidOf(call);
    if (haResources.has(sid)) throw fail(`resource ID '${sid}' already defined`);
    const vmid = Number(sid.split(':')[1]);
    if (!guests.has(vmid))
      throw fail(`unable to find configuration file for ${sid.startsWith('ct') ? 'CT' : 'VM'} ${vmid} on any node`);
    const resource: Resource = { state: 'started' };
    setFields(call, resource);
    haResources.set(sid, resource);
    return null;
  },
  'PUT /cluster/ha/resources/{sid}': (call) => {
    setFields(call, resourceOf(call));
    return null;
  },
  'DELETE /cluster/ha/resources/{sid}': (call) => {
    resourceOf(call);
    call.world.state.haResources.delete(sidOf(call));
    return null;
  },
};
