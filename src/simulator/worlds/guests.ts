import { sha1 } from '../state/guests.ts';
import { newGuest, guestName, isTemplate } from '../state/guests.ts';
import { MACHINE } from '../qemu/registry.ts';
import { guestSize } from '../qemu/size.ts';
import type { Config, Guest, State, StorageDefinition, Volume } from '../state/types.ts';
import { isShared, kindOf } from '../storage/kinds.ts';
import { volidOf, volumeKey } from '../storage/lookup.ts';
import { DURATION } from '../tasks/durations.ts';
import type { WorldFile, WorldGuest } from './types.ts';

const GIB = 1024 ** 3;
const OWN = new Set([
  'node',
  'class',
  'storage',
  'disk',
  'data',
  'net',
  'pool',
  'stopped',
  'linked',
  'snapshots',
  'memory',
]);

/** Guests, templates and ISO images of a world, running since `since` (ms) unless stopped. */
export function addWorldGuests(state: State, world: WorldFile, since: number): void {
  for (const line of world.iso ?? []) addIso(state, line, since);
  for (const [vmid, template] of Object.entries(world.templates ?? {}))
    addGuest(state, world, Number(vmid), { ...template, template: 1, stopped: true }, since);
  for (const [vmid, guest] of Object.entries(world.guests ?? {})) addGuest(state, world, Number(vmid), guest, since);
}

/** The same identity every time, made from what it is for. */
const uuidOf = (seed: string): string => {
  const hex = sha1(seed);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
};

const macOf = (seed: string): string => {
  const hex = sha1(seed).toUpperCase();
  return `BC:24:11:${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4, 6)}`;
};

function addGuest(state: State, world: WorldFile, vmid: number, own: WorldGuest, since: number): void {
  const described: WorldGuest = { ...world.classes?.default, ...world.classes?.[own.class ?? ''], ...own };
  const guest = newGuest(vmid, described.node ?? state.localNode);
  guest.config = makeConfig(state, world, vmid, described, since);
  state.guests.set(vmid, guest);
  if (described.pool !== undefined) state.pools.get(described.pool)?.vms.push(vmid);
  for (const name of described.snapshots ?? []) takeSnapshot(guest, name, since);
  if (described.stopped !== true) run(guest, since, described.agent !== 0);
  const { cores, memory, disk } = guestSize(guest);
  guest.published = {
    name: guestName(guest),
    status: guest.running === undefined ? 'stopped' : 'running',
    template: isTemplate(guest) ? 1 : 0,
    maxcpu: cores,
    maxmem: memory,
    maxdisk: disk,
    node: guest.node,
    ...(guest.running === undefined ? {} : { since }),
  };
}

function makeConfig(state: State, world: WorldFile, vmid: number, described: WorldGuest, since: number): Config {
  const node = described.node ?? state.localNode;
  const config: Config = {};
  for (const [key, value] of Object.entries(described)) if (!OWN.has(key)) config[key] = value as string | number;
  if (described.agent === 0) delete config.agent;
  config.memory = String((described.memory ?? 1) * 1024);
  const storage = state.storages.get(described.storage ?? 'local-lvm');
  if (storage === undefined) throw new RangeError(`guest ${vmid} is on a storage that the world does not have`);
  const base = isTemplateOf(described);
  const boot = { state, node, storage, vmid, since };
  const system =
    described.linked === undefined
      ? addDisk(boot, 0, described.disk ?? 8, base)
      : addLinkedDisk(boot, described.linked);
  config.scsi0 = `${system},discard=on,iothread=1,size=${described.linked === undefined ? (described.disk ?? 8) : 8}G,ssd=1`;
  if (described.data !== undefined)
    config.scsi1 = `${addDisk(boot, 1, described.data, false)},discard=on,iothread=1,size=${described.data}G,ssd=1`;
  config.ide2 = `${addCloudinit(boot)},media=cdrom,size=4M`;
  addNetwork(config, world, vmid, described);
  config.boot = 'order=scsi0';
  config.serial0 = 'socket';
  config.meta = `creation-qemu=${MACHINE.qemu},ctime=${Math.floor(since / 1000)}`;
  config.smbios1 = `uuid=${uuidOf(`smbios ${vmid}`)}`;
  config.vmgenid = uuidOf(`generation ${vmid}`);
  return config;
}

const isTemplateOf = (described: WorldGuest): boolean => described.template === 1;

function addNetwork(
  config: Config,
  { bridge, gateway, prefix = 24 }: WorldFile,
  vmid: number,
  { net }: WorldGuest,
): void {
  const [vlan, address] = net ?? [];
  config.net0 = `virtio=${macOf(`card ${vmid}`)},bridge=${bridge}${vlan === undefined || vlan === 0 ? '' : `,firewall=1,tag=${vlan}`}`;
  const router = gateway?.replace('{vlan}', String(vlan));
  config.ipconfig0 =
    address === undefined ? 'ip=dhcp' : `ip=${address}/${prefix}${router === undefined ? '' : `,gw=${router}`}`;
}

interface Place {
  readonly state: State;
  readonly node: string;
  readonly storage: StorageDefinition;
  readonly vmid: number;
  readonly since: number;
}

function addVolume(
  { state, node, storage, vmid, since }: Place,
  name: string,
  size: number,
  more: Partial<Volume>,
): string {
  const volume: Volume = {
    storage: storage.storage,
    ...(isShared(storage) ? {} : { node }),
    name,
    size,
    // About a third of a disk in use is written.
    used: Math.floor(size * 0.3),
    format: kindOf(storage).files ? 'qcow2' : 'raw',
    content: 'images',
    vmid,
    ctime: Math.floor(since / 1000),
    ...more,
  };
  state.volumes.set(volumeKey(volume), volume);
  return volidOf(volume);
}

const nameIn = (storage: StorageDefinition, vmid: number, stem: string): string =>
  kindOf(storage).files ? `${vmid}/${stem}.qcow2` : stem;

const addDisk = (place: Place, number: number, gigabytes: number, base: boolean): string =>
  addVolume(
    place,
    nameIn(place.storage, place.vmid, `${base ? 'base' : 'vm'}-${place.vmid}-disk-${number}`),
    gigabytes * GIB,
    {},
  );

const addCloudinit = (place: Place): string =>
  addVolume(place, nameIn(place.storage, place.vmid, `vm-${place.vmid}-cloudinit`), 4 * 1024 ** 2, { used: 266_240 });

function addLinkedDisk(place: Place, template: number): string {
  const base = nameIn(place.storage, template, `base-${template}-disk-0`);
  const own = nameIn(place.storage, place.vmid, `vm-${place.vmid}-disk-0`);
  return addVolume(place, `${base}/${own}`, 8 * GIB, { base });
}

function addIso(state: State, line: string, since: number): void {
  const [volid = '', megabytes = '0'] = line.split(' ');
  const [storage = '', name = ''] = volid.split(':');
  const size = Number(megabytes) * 1024 ** 2;
  const volume: Volume = {
    storage,
    name,
    size,
    used: size,
    format: 'iso',
    content: 'iso',
    ctime: Math.floor(since / 1000),
  };
  state.volumes.set(volumeKey(volume), volume);
}

function takeSnapshot(guest: Guest, name: string, since: number): void {
  const { description: _description, ...config } = guest.config;
  guest.snapshots[name] = {
    config: { ...config },
    snaptime: Math.floor(since / 1000),
    description: name.replaceAll('-', ' '),
  };
  guest.config.parent = name;
}

function run(guest: Guest, since: number, agent: boolean): void {
  guest.running = {
    since,
    pid: 1_500 + guest.vmid * 3,
    qmpstatus: 'running',
    responds: true,
    machine: MACHINE.i440fx,
    ...(agent ? { agentAt: since + DURATION.agent } : {}),
  };
}
