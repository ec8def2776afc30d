import { may } from '../access/check.ts';
import type { Call, Routes } from '../core/call.ts';
import type { World } from '../core/world.ts';
import { isRemembered } from '../nodes/failure.ts';
import { usage, usedMemory, wobble } from '../qemu/status.ts';
import type { Guest, NodeState } from '../state/types.ts';
import { contentOf, isShared } from '../storage/kinds.ts';
import { isEnabled, servesNode, spaceOf } from '../storage/lookup.ts';

const IDLE = { cpu: 0, mem: 0, netin: 0, netout: 0, diskread: 0, diskwrite: 0, uptime: 0 };

export type Row = Record<string, unknown>;

/**
 * Lock and tags are live, the rest is what pvestatd said last; before its first word there is hardly anything (FACTS 41).
 * Written out at length: a cluster has thousands of these, asked for all at once.
 */
function guestRow(world: World, guest: Guest, pool: string | undefined): Row {
  const { vmid, type, node, published, config } = guest;
  const row: Row = { id: `${type}/${vmid}`, vmid, type, node, status: published?.status ?? 'unknown' };
  if (config.tags !== undefined) row.tags = config.tags;
  if (config.lock !== undefined) row.lock = config.lock;
  const service = world.state.ha.services.get(`${type === 'qemu' ? 'vm' : 'ct'}:${vmid}`);
  if (service !== undefined) row.hastate = service.state;
  if (pool !== undefined) row.pool = pool;
  if (published === undefined) return row;
  const used = published.since === undefined ? IDLE : usage(world, guest, published.since);
  if (published.name !== undefined) row.name = published.name;
  row.template = published.template;
  row.maxcpu = published.maxcpu;
  row.maxmem = published.maxmem;
  row.maxdisk = published.maxdisk;
  row.disk = 0;
  row.memhost = used.mem;
  row.cpu = used.cpu;
  row.mem = used.mem;
  row.netin = used.netin;
  row.netout = used.netout;
  row.diskread = used.diskread;
  row.diskwrite = used.diskwrite;
  row.uptime = used.uptime;
  return row;
}

/** Running guests by node, for those who ask about many nodes at once. */
export function runningByNode(world: World): Map<string, Guest[]> {
  const out = new Map<string, Guest[]>();
  for (const guest of world.state.guests.values()) {
    if (guest.running === undefined) continue;
    const guests = out.get(guest.node);
    if (guests === undefined) out.set(guest.node, [guest]);
    else guests.push(guest);
  }
  return out;
}

/** Numbers of a node: measured ones where they were read, else plausible ones. */
export function nodeNumbers(
  world: World,
  node: NodeState,
  running: ReadonlyMap<string, readonly Guest[]> = runningByNode(world),
): { cpu: number; mem: number; disk: number; uptime: number } {
  const guests = running.get(node.name) ?? [];
  const mem = guests.reduce((sum, guest) => sum + usedMemory(world, guest), Math.floor(node.maxmem * 0.08));
  return {
    cpu: Math.min(0.95, 0.03 + guests.length * 0.02 * wobble(node.id, world.now())),
    mem: Math.min(mem, node.maxmem),
    disk: node.space.local?.used ?? Math.floor(node.maxdisk * 0.13),
    uptime: Math.floor((world.now() - node.since) / 1000),
  };
}

function nodeRow(call: Call, node: NodeState, running: ReadonlyMap<string, readonly Guest[]>): Row {
  const base: Row = {
    id: `node/${node.name}`,
    type: 'node',
    node: node.name,
    status: node.online ? 'online' : 'offline',
    level: '',
    'cgroup-mode': 2,
    ...(node.hastate === undefined ? {} : { hastate: node.hastate }),
  };
  if (!may(call, `/nodes/${node.name}`, ['Sys.Audit'])) return base;
  const { maxcpu, maxmem, maxdisk } = node;
  return { ...base, maxcpu, maxmem, maxdisk, ...(node.online ? nodeNumbers(call.world, node, running) : {}) };
}

function storageRows(call: Call): Row[] {
  const { world } = call;
  const rows: Row[] = [];
  for (const storage of world.state.storages.values()) {
    if (
      !isEnabled(storage) ||
      !may(call, `/storage/${storage.storage}`, ['Datastore.Audit', 'Datastore.AllocateSpace'], true)
    )
      continue;
    for (const node of Object.values(world.state.nodes)) {
      if (!servesNode(storage, node.name)) continue;
      const space = spaceOf(world, node.name, storage);
      rows.push({
        id: `storage/${node.name}/${storage.storage}`,
        type: 'storage',
        storage: storage.storage,
        node: node.name,
        plugintype: storage.type,
        content: contentOf(storage).join(','),
        shared: isShared(storage) ? 1 : 0,
        ...(storage.unpublished === true
          ? { status: 'unknown' }
          : {
              status: isRemembered(world, node.name) && space.active === 1 ? 'available' : 'unknown',
              maxdisk: space.total,
              disk: space.used,
            }),
      });
    }
  }
  return rows;
}

function guestRows(call: Call, all: boolean): Row[] {
  const { world } = call;
  const pools = new Map<number, string>();
  for (const { poolid, vms } of world.state.pools.values()) {
    if (may(call, `/pool/${poolid}`, ['Pool.Audit'])) for (const vmid of vms) pools.set(vmid, poolid);
  }
  const rows: Row[] = [];
  for (const guest of world.state.guests.values()) {
    if (all || may(call, `/vms/${guest.vmid}`, ['VM.Audit'])) rows.push(guestRow(world, guest, pools.get(guest.vmid)));
  }
  return rows;
}

interface Sum {
  cpu: number;
  maxcpu: number;
  mem: number;
  maxmem: number;
  uptime: number;
}

/** What the running guests of each pool use together. */
function poolSums(guests: readonly Row[]): Map<unknown, Sum> {
  const sums = new Map<unknown, Sum>();
  for (const { pool, status, cpu, maxcpu, mem, maxmem, uptime } of guests) {
    if (pool === undefined || status !== 'running') continue;
    let sum = sums.get(pool);
    if (sum === undefined) sums.set(pool, (sum = { cpu: 0, maxcpu: 0, mem: 0, maxmem: 0, uptime: 0 }));
    sum.cpu += Number(cpu) * Number(maxcpu);
    sum.maxcpu += Number(maxcpu);
    sum.mem += Number(mem);
    sum.maxmem += Number(maxmem);
    sum.uptime = Math.max(sum.uptime, Number(uptime));
  }
  return sums;
}

/** A pool with running guests also shows what they use together. */
function poolRows(call: Call, guests: readonly Row[]): Row[] {
  const sums = poolSums(guests);
  const rows: Row[] = [];
  for (const { poolid } of call.world.state.pools.values()) {
    if (!may(call, `/pool/${poolid}`, ['Pool.Audit'])) continue;
    const sum = sums.get(poolid);
    const used = sum === undefined ? {} : { ...sum, cpu: sum.cpu / Math.max(1, sum.maxcpu) };
    rows.push({ id: `/pool/${poolid}`, pool: poolid, type: 'pool', ...used });
  }
  return rows;
}

/** All rows, or those of one kind; `all` leaves the caller's rights to see guests aside. */
export function clusterRows(call: Call, { type, all = false }: { type?: string | undefined; all?: boolean }): Row[] {
  const { state } = call.world;
  const rows: Row[] = [];
  const guests = type === undefined || type === 'vm' ? guestRows(call, all) : [];
  if (type === undefined) rows.push(...poolRows(call, guests));
  for (const guest of guests) rows.push(guest);
  if (type === undefined || type === 'node') {
    const running = runningByNode(call.world);
    for (const node of Object.values(state.nodes)) rows.push(nodeRow(call, node, running));
  }
  if (type === undefined || type === 'storage') rows.push(...storageRows(call));
  if (type === undefined && may(call, '/sdn/zones/localnetwork', ['SDN.Audit'])) {
    for (const name of Object.keys(state.nodes)) {
      const base = {
        id: `network/${name}/zone/localnetwork`,
        type: 'network',
        network: 'localnetwork',
        'network-type': 'zone',
        node: name,
      };
      rows.push({ ...base, status: isRemembered(call.world, name) ? 'ok' : 'unknown' });
    }
  }
  return rows;
}

export const resourceRoutes: Routes = {
  'GET /cluster/resources': (call) => clusterRows(call, { type: call.params.maybe('type') }),
};
