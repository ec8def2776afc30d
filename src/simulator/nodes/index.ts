import { may } from '../access/check.ts';
import { nodeNumbers, runningByNode } from '../cluster/resources.ts';
import { aptRoutes } from './apt.ts';
import { scanRoutes } from './scan.ts';
import { consoleRoutes } from './console.ts';
import { inventoryRoutes } from './inventory.ts';
import { remoteMigrateRoutes } from './remote-migrate.ts';
import { rrdRoutes } from './rrd.ts';
import { templateRoutes } from './templates.ts';
import { systemRoutes } from './system.ts';
import { pciRoutes } from './pci.ts';
import type { Call, Routes } from '../core/call.ts';
import { bulkRoutes } from './bulk.ts';
import { networkRoutes } from '../network/index.ts';

/** All nodes; their numbers only with Sys.Audit on them (FACTS 18). */
function list(call: Call): unknown[] {
  const running = runningByNode(call.world);
  return Object.values(call.world.state.nodes).map((node) => {
    const { name, online, maxcpu, maxmem, maxdisk, fingerprint } = node;
    const base = {
      id: `node/${name}`,
      type: 'node',
      node: name,
      status: online ? 'online' : 'offline',
      level: '',
      ...(fingerprint === undefined ? {} : { ssl_fingerprint: fingerprint }),
    };
    if (!may(call, `/nodes/${name}`, ['Sys.Audit'])) return base;
    return { ...base, maxcpu, maxmem, maxdisk, ...(online ? nodeNumbers(call.world, node, running) : {}) };
  });
}

/** As it was read, with the numbers of now. */
function status(call: Call): unknown {
  const { world, node } = call;
  const state = world.nodeState(node);
  const { cpu, mem, disk, uptime } = nodeNumbers(world, state);
  const { maxcpu, maxmem, maxdisk } = state;
  return {
    'boot-info': { mode: 'efi', secureboot: 0 },
    'current-kernel': {
      machine: 'x86_64',
      release: '6.14.11-4-pve',
      sysname: 'Linux',
      version: '#1 SMP PREEMPT_DYNAMIC PMX',
    },
    cpuinfo: {
      cores: maxcpu,
      cpus: maxcpu,
      sockets: 1,
      hvm: '1',
      model: 'unknown',
      mhz: '2400.000',
      user_hz: 100,
      flags: '',
    },
    idle: 0,
    ksm: { shared: 0 },
    kversion: 'Linux 6.14.11-4-pve #1 SMP PREEMPT_DYNAMIC PMX',
    pveversion: `pve-manager/${String(world.state.version.version)}/${String(world.state.version.repoid)}`,
    swap: { free: 0, total: 0, used: 0 },
    ...state.status,
    cpu,
    wait: 0,
    loadavg: [(cpu * maxcpu).toFixed(2), (cpu * maxcpu).toFixed(2), (cpu * maxcpu).toFixed(2)],
    memory: { total: maxmem, used: mem, free: maxmem - mem, available: maxmem - mem },
    rootfs: { total: maxdisk, used: disk, free: maxdisk - disk, avail: maxdisk - disk },
    uptime,
  };
}

export const nodesRoutes: Routes = {
  ...pciRoutes,
  ...aptRoutes,
  ...bulkRoutes,
  ...consoleRoutes,
  ...inventoryRoutes,
  ...remoteMigrateRoutes,
  ...rrdRoutes,
  ...scanRoutes,
  ...networkRoutes,
  ...systemRoutes,
  ...templateRoutes,
  'GET /nodes': list,
  'GET /nodes/{node}/status': status,
  'GET /nodes/{node}/version': ({ world }) => world.state.version,
};
