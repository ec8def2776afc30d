import { may } from '../access/check.ts';
import type { Call, Routes } from '../core/call.ts';
import type { World } from '../core/world.ts';
import { isRemembered } from '../nodes/failure.ts';
import { usage, wobble } from '../qemu/status.ts';
import type { Guest, NodeState } from '../state/types.ts';
import { contentOf, isShared } from '../storage/kinds.ts';
import { isEnabled, servesNode, spaceOf } from '../storage/lookup.ts';

const IDLE = { cpu: 0, mem: 0, netin: 0, netout: 0, diskread: 0, diskwrite: 0, uptime: 0 };

export type Row = Record<string, unknown>;

/** Lock and tags are live, the rest is what pvestatd said last; before its first word there is hardly anything (FACTS 41). */
function guestRow(world: World, guest: Guest, pools: ReadonlyMap<number, string>): Row {
  const { vmid, type, node, published, config } = guest;
  const row: Row = { id: `${type}/${vmid}`, vmid, type, node, status: published?.status ?? 'unknown' };
  if (config.tags !== undefined) row.tags = config.tags;
  if (config.lock !== undefined) row.lock = config.lock;
  const pool = pools.get(vmid);
  if (pool !== undefined) row.pool = pool;
  if (published === undefined) return row;
  const { name, template, maxcpu, maxmem, maxdisk } = published;
  const used = published.since === undefined ? IDLE : usage(world, guest, published.since);
  return {
    ...row,
    ...(name === undefined ? {} : { name }),
    template,
    maxcpu,
    maxmem,
    maxdisk,
    disk: 0,
    memhost: used.mem,
    ...used,
  };
}

/** Numbers of a node: measured ones where they were read, else plausible ones. */
export function nodeNumbers(world: World, node: NodeState): { cpu: number; mem: number; disk: number; uptime: number } {
  const guests = [...world.state.guests.values()].filter(
    (guest) => guest.node === node.name && guest.running !== undefined,
  );
  const mem = guests.reduce((sum, guest) => sum + usage(world, guest).mem, Math.floor(node.maxmem * 0.08));
  return {
    cpu: Math.min(0.95, 0.03 + guests.length * 0.02 * wobble(node.id, world.now())),
    mem: Math.min(mem, node.maxmem),
    disk: node.space.local?.used ?? Math.floor(node.maxdisk * 0.13),
    uptime: Math.floor((world.now() - node.since) / 1000),
  };
}

function nodeRow(call: Call, node: NodeState): Row {
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
  return { ...base, maxcpu, maxmem, maxdisk, ...(node.online ? nodeNumbers(call.world, node) : {}) };
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
  const pools = new Map(
    [...world.state.pools.values()].flatMap(({ poolid, vms }) => vms.map((vmid) => [vmid, poolid] as const)),
  );
  const visiblePools = new Map([...pools].filter(([, pool]) => may(call, `/pool/${pool}`, ['Pool.Audit'])));
  return [...world.state.guests.values()]
    .filter(({ vmid }) => all || may(call, `/vms/${vmid}`, ['VM.Audit']))
    .map((guest) => guestRow(world, guest, visiblePools));
}

/** A pool with running guests also shows what they use together. */
function poolRows(call: Call, guests: readonly Row[]): Row[] {
  const rows: Row[] = [];
  for (const { poolid } of call.world.state.pools.values()) {
    if (!may(call, `/pool/${poolid}`, ['Pool.Audit'])) continue;
    const row: Row = { id: `/pool/${poolid}`, pool: poolid, type: 'pool' };
    const running = guests.filter((guest) => guest.pool === poolid && guest.status === 'running');
    const sum = (key: string): number => running.reduce((total, guest) => total + Number(guest[key]), 0);
    const busy = running.reduce((total, { cpu, maxcpu }) => total + Number(cpu) * Number(maxcpu), 0);
    if (running.length > 0) {
      const maxcpu = sum('maxcpu');
      const uptime = Math.max(...running.map((guest) => Number(guest.uptime)));
      Object.assign(row, { cpu: busy / Math.max(1, maxcpu), maxcpu, mem: sum('mem'), maxmem: sum('maxmem'), uptime });
    }
    rows.push(row);
  }
  return rows;
}

/** All rows, or those of one kind; `all` leaves the caller's rights to see guests aside. */
export function clusterRows(call: Call, { type, all = false }: { type?: string | undefined; all?: boolean }): Row[] {
  const { state } = call.world;
  const rows: Row[] = [];
  const guests = type === undefined || type === 'vm' ? guestRows(call, all) : [];
  if (type === undefined) rows.push(...poolRows(call, guests));
  rows.push(...guests);
  if (type === undefined || type === 'node')
    rows.push(...Object.values(state.nodes).map((node) => nodeRow(call, node)));
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
