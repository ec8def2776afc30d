import { textOf } from '../core/text.ts';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { emptyState, newNode } from '../state/empty.ts';
import type { AclEntry, Mapping, NodeState, PciDevice, State } from '../state/types.ts';
import { fieldsOf } from '../schema/property-string.ts';
import { addWorldGuests } from './guests.ts';
import type { WorldFile, WorldGuest, WorldNode } from './types.ts';

/** The worlds that come along, each a file beside this one. */
export const WORLDS = ['enterprise', 'staged-vlan', 'k3s-gpu', 'large', 'empty'] as const;

const GIB = 1024 ** 3;
/** Everything in a world has run for this long. */
const UPTIME_MS = 9 * 86_400_000;

/** Throws `RangeError` when there is no such world. */
export function stateFromWorld(name: string, { now }: { readonly now: number }): State {
  if (!(WORLDS as readonly string[]).includes(name)) throw new RangeError(`no world '${name}'`);
  const world = generated(parse(readFileSync(new URL(`./${name}.yaml`, import.meta.url), 'utf8')) as WorldFile);
  const state = emptyState();
  state.clusterName = world.cluster ?? '';
  for (const [index, [node, description]] of Object.entries(world.nodes).entries())
    state.nodes[node] = makeNode(world, node, index + 1, description, now);
  state.localNode = Object.keys(world.nodes)[0] ?? '';
  for (const [storage, { type, total: _total, used: _used, ...options }] of Object.entries(world.storages)) {
    state.storages.set(storage, { storage, type, options });
  }
  addAccess(state, world);
  for (const [poolid, comment] of Object.entries(world.pools ?? {}))
    state.pools.set(poolid, { poolid, comment, vms: [], storages: [] });
  for (const [id, job] of Object.entries(world['backup-jobs'] ?? {})) {
    const keep = job['prune-backups'];
    state.backupJobs.set(id, {
      ...job,
      ...(keep === undefined ? {} : { 'prune-backups': fieldsOf('prune-backups', textOf(keep)) }),
    });
  }
  addMappings(state, world);
  addWorldGuests(state, world, now - UPTIME_MS);
  return state;
}

/** A world with everything that it asks to be generated. */
function generated(world: WorldFile): WorldFile {
  if (world.generate === undefined) return world;
  const { nodes: machines, guests: copies } = world.generate;
  const nodes: Record<string, WorldNode> = { ...world.nodes };
  const guests: Record<string, WorldGuest> = { ...world.guests };
  let vmid = copies.first;
  for (let n = 1; n <= machines.count; n++) {
    const node = machines.name.replace('{n}', String(n));
    nodes[node] = { ...machines.like, ip: machines.like.ip.replace('{n}', String(n)) };
    for (let g = 1; g <= copies['per-node']; g++) {
      const name = copies.name.replace('{n}', String(n)).replace('{g}', String(g));
      guests[vmid++] = { ...copies.like[(g - 1) % copies.like.length], node, name };
    }
  }
  return { ...world, nodes, guests };
}

function addMappings(state: State, { mappings }: WorldFile): void {
  for (const [key, { map, ...options }] of Object.entries(mappings ?? {}))
    state.mappings.set(key, { type: key.split('/')[0] as Mapping['type'], options: { ...options }, map: [...map] });
}

/** `0000:01:00.0 0x10de 0x27b2 0x030000 17 Name of the device`. */
function pciDevice(line: string): PciDevice {
  const [id = '', vendor = '', device = '', kind = '', group = '0', ...name] = line.split(' ');
  return { id, vendor, device, class: kind, iommugroup: Number(group), device_name: name.join(' ') };
}

function makeNode(
  world: WorldFile,
  name: string,
  id: number,
  { ip, model, cpu, cores, memory, disk, port, pci = [] }: WorldNode,
  now: number,
): NodeState {
  const node = newNode(name, id, now - UPTIME_MS);
  node.ip = ip;
  node.pci = pci.map(pciDevice);
  node.maxcpu = cores;
  node.maxmem = memory * GIB;
  node.maxdisk = Math.floor(disk * 0.19) * GIB;
  for (const [storage, { total, used, shared }] of Object.entries(world.storages)) {
    // A local storage is as large as its machine's disk allows; the figures of the file are those of 500 GB.
    const factor = shared === 1 ? 1 : disk / 500;
    const bytes = (amount: number): number => Math.floor(amount * factor) * GIB;
    node.space[storage] = { total: bytes(total), used: bytes(used), avail: bytes(total) - bytes(used), active: 1 };
  }
  node.status = {
    hardware: model,
    cpuinfo: {
      model: cpu,
      cpus: cores,
      cores: Math.ceil(cores / 2),
      sockets: 1,
      mhz: '2400.000',
      user_hz: 100,
      hvm: '1',
      flags: '',
    },
    'boot-info': { mode: 'efi', secureboot: 0 },
  };
  node.network = network(world, ip, port);
  return node;
}

/** One VLAN-aware bridge on the machine's card, and the management address on it. */
function network(
  { bridge, vlans, prefix = 24, gateway: router = '{vlan}' }: WorldFile,
  ip: string,
  port: string,
): Record<string, Record<string, unknown>> {
  const gateway = router.includes('{vlan}') ? ip.replace(/\d+$/, '1') : router;
  const tags = Object.keys(vlans ?? {}).join(' ');
  return {
    [port]: {
      iface: port,
      type: 'eth',
      active: 1,
      exists: 1,
      families: ['inet'],
      method: 'manual',
      method6: 'manual',
      priority: 3,
    },
    [bridge]: {
      iface: bridge,
      type: 'bridge',
      active: 1,
      autostart: 1,
      bridge_ports: port,
      bridge_stp: 'off',
      bridge_fd: '0',
      ...(tags === '' ? {} : { bridge_vlan_aware: 1, bridge_vids: tags }),
      address: ip,
      netmask: String(prefix),
      cidr: `${ip}/${prefix}`,
      gateway,
      families: ['inet'],
      method: 'static',
      method6: 'manual',
      priority: 4,
    },
  };
}

function addAccess(state: State, { users, groups, tokens, acl }: WorldFile): void {
  for (const [groupid, comment] of Object.entries(groups ?? {}))
    state.groups.set(groupid, { groupid, comment, users: [] });
  for (const [userid, { groups: member, ...fields }] of Object.entries(users ?? {})) {
    state.users.set(userid, { userid, enable: 1, expire: 0, ...fields });
    if (member !== undefined) state.groups.get(member)?.users.push(userid);
  }
  for (const [key, fields] of Object.entries(tokens ?? {})) {
    const [userid = '', tokenid = ''] = key.split('!');
    state.tokens.set(key, { userid, tokenid, privsep: 1, expire: 0, ...fields });
  }
  for (const line of acl ?? []) {
    const [path = '', type = '', ugid = '', roleid = ''] = line.split(' ');
    state.acl.push({ path, type: type as AclEntry['type'], ugid, roleid, propagate: 1 });
  }
}
