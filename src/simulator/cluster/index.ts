import type { Call, Routes } from '../core/call.ts';
import { fail, parameterError } from '../core/errors.ts';
import { configRoutes } from './config.ts';
import { jobRoutes } from './jobs.ts';
import { logRoutes } from './log.ts';
import { mappingRoutes } from './mapping.ts';
import { metricsRoutes } from './metrics.ts';
import { notificationRoutes } from './notifications.ts';
import { haRoutes } from '../ha/index.ts';
import { optionRoutes } from './options.ts';
import { resourceRoutes } from './resources.ts';

/** The lowest free id of the range that the options name; a text (FACTS 15). */
function nextId(call: Call): string {
  const { guests, options } = call.world.state;
  const wanted = call.params.maybeNumber('vmid');
  if (wanted !== undefined) {
    if (guests.has(wanted)) throw parameterError({ vmid: `VM ${wanted} already exists` });
    return String(wanted);
  }
  const range = options['next-id'] ?? '';
  const lower = Number(/lower=(\d+)/.exec(range)?.[1] ?? 100);
  const upper = Number(/upper=(\d+)/.exec(range)?.[1] ?? 1_000_000);
  for (let vmid = lower; vmid < upper; vmid++) if (!guests.has(vmid)) return String(vmid);
  throw fail(`unable to get any free VMID in range [${lower}, ${upper}]`);
}

function clusterStatus(call: Call): unknown[] {
  const { state } = call.world;
  const nodes = Object.values(state.nodes);
  const online = nodes.filter((node) => node.online).length;
  const cluster = {
    id: 'cluster',
    type: 'cluster',
    name: state.clusterName,
    nodes: nodes.length,
    quorate: online * 2 > nodes.length ? 1 : 0,
    version: nodes.length,
  };
  const rows = nodes.map((node) => ({
    id: `node/${node.name}`,
    type: 'node',
    name: node.name,
    ip: node.ip,
    level: '',
    nodeid: node.id,
    local: node.name === call.node ? 1 : 0,
    online: node.online ? 1 : 0,
  }));
  // A machine that is no cluster has no cluster row.
  return state.clusterName === '' ? rows : [cluster, ...rows];
}

export const clusterRoutes: Routes = {
  ...haRoutes,
  ...configRoutes,
  ...jobRoutes,
  ...logRoutes,
  ...mappingRoutes,
  ...metricsRoutes,
  ...notificationRoutes,
  ...optionRoutes,
  ...resourceRoutes,
  'GET /version': ({ world }) => world.state.version,
  'GET /cluster/nextid': nextId,
  'GET /cluster/status': clusterStatus,
};
