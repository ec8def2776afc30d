import type { Call } from '../core/call.ts';
import { fail } from '../core/errors.ts';
import type { World } from '../core/world.ts';
import { isTemplate } from '../state/guests.ts';
import type { Config, ConfigValue, Guest } from '../state/types.ts';
import { contentOf, isShared, kindOf } from '../storage/kinds.ts';
import { findVolume, parseVolid, storageById, storageOn } from '../storage/lookup.ts';
import { allocate, freeDiskStem } from '../storage/volumes.ts';
import { formatSize, parseSize } from '../qemu/size.ts';
import type { StorageDefinition } from '../state/types.ts';

export const MOUNT = /^(?:rootfs|mp\d+)$/;
export const NET = /^net\d+$/;
export const UNUSED = /^unused\d+$/;
const LOCK_TIMEOUT_MS = 10_000;
const DEFAULT_ROOT_GB = 4;

/** A step that waits for the container's lock inside a task. */
export const lockStep = (vmid: number, shared = false) =>
  ({
    lock: `lock-${vmid}`,
    path: `/run/lock/lxc/pve-config-${vmid}.lock`,
    shared,
    timeout: LOCK_TIMEOUT_MS,
  }) as const;

export const containerOf = (call: Call): Guest => call.world.guestOn(call.node, call.params.number('vmid'), 'lxc');

export interface MountPoint {
  readonly key: string;
  readonly volid: string;
  /** What follows the volume: `mp=/data,size=8G`. */
  readonly options: string;
}

export function mountsOf(config: Config, withUnused = false): MountPoint[] {
  return Object.keys(config)
    .filter((key) => MOUNT.test(key) || (withUnused && UNUSED.test(key)))
    .toSorted()
    .map((key) => parseMount(key, config[key]));
}

export function parseMount(key: string, value: ConfigValue | undefined): MountPoint {
  const [first = '', ...rest] = String(value ?? '').split(',');
  return { key, volid: first.replace(/^volume=/, ''), options: rest.join(',') };
}

export const mountText = (volid: string, options: string, size: number): string => {
  const others = options.split(',').filter((part) => part !== '' && !part.startsWith('size='));
  return [volid, ...others, `size=${formatSize(size)}`].join(',');
};

/** The storage if it takes containers, else PVE's words. */
export function rootdirStorage(world: World, node: string, id: string): StorageDefinition {
  const storage = storageOn(world, node, id);
  if (!contentOf(storage).includes('rootdir')) throw fail(`storage '${id}' does not support CT rootdirs`);
  return storage;
}

/** A folder holds images; block storages hold volumes, and those that can, subvolumes. */
const formatFor = (storage: StorageDefinition): string =>
  kindOf(storage).files ? 'raw' : kindOf(storage).formats.includes('subvol') ? 'subvol' : 'raw';

export function newMount(
  world: World,
  guest: Guest,
  storageId: string,
  size: number,
  log: (line: string) => void,
  written?: number,
): string {
  const storage = rootdirStorage(world, guest.node, storageId);
  const format = formatFor(storage);
  const prefix = format === 'subvol' ? 'subvol' : 'vm';
  const stem = freeDiskStem(world, guest.node, storage, guest.vmid, prefix);
  return allocate(world, {
    node: guest.node,
    storage,
    vmid: guest.vmid,
    format,
    stem,
    size,
    log,
    ...(written === undefined ? {} : { written }),
  });
}

/** Turns `local:8` into a volume and gives the entry as the configuration keeps it; what is a volume stays. */
export function makeMount(world: World, guest: Guest, mount: MountPoint, log: (line: string) => void): string {
  const fresh = /^([a-zA-Z][a-zA-Z0-9\-_.]*):(\d+(?:\.\d+)?)$/.exec(mount.volid);
  if (fresh?.[1] !== undefined) {
    const size = Math.ceil(Number(fresh[2]) * 1024 ** 3);
    return mountText(newMount(world, guest, fresh[1], size, log), mount.options, size);
  }
  if (parseVolid(mount.volid) === undefined) return [mount.volid, mount.options].filter(Boolean).join(',');
  const volume = findVolume(world, guest.node, mount.volid);
  if (volume === undefined && !world.state.partial) throw fail(`volume '${mount.volid}' does not exist`);
  return mountText(mount.volid, mount.options, volume?.size ?? parseSize(/size=([^,]+)/.exec(mount.options)?.[1]) ?? 0);
}

/** What the root file system is when nobody says. */
export const defaultRoot = (storage: string): string => `${storage}:${DEFAULT_ROOT_GB}`;

/** `name=eth0,bridge=vmbr0` gets a MAC address and its type, as the configuration keeps them. */
export function completeNet(world: World, value: string, renew = false): string {
  const fields = new Map(value.split(',').map((part) => part.split(/=(.*)/s).slice(0, 2) as [string, string]));
  if (renew || !fields.has('hwaddr')) fields.set('hwaddr', world.mac());
  fields.set('type', 'veth');
  const order = ['name', 'bridge', 'firewall', 'gw', 'gw6', 'host-managed', 'hwaddr', 'ip', 'ip6'];
  const place = (key: string): number => (order.includes(key) ? order.indexOf(key) : order.length);
  return [...fields]
    .toSorted(([a], [b]) => place(a) - place(b) || (a < b ? -1 : 1))
    .map(([key, text]) => `${key}=${text}`)
    .join(',');
}

export const volumesOfConfig = (config: Config): string[] =>
  mountsOf(config, true)
    .map(({ volid }) => volid)
    .filter((volid) => parseVolid(volid) !== undefined);

export function freeUnused(config: Config): string {
  for (let n = 0; ; n++) if (config[`unused${n}`] === undefined) return `unused${n}`;
}

export type Feature = 'snapshot' | 'clone' | 'copy';

/** Whether every volume of the container can do it. */
export function hasFeature(world: World, config: Config, feature: Feature): boolean {
  return mountsOf(config).every(({ volid }) => {
    const parsed = parseVolid(volid);
    if (parsed === undefined) return feature === 'copy';
    const { snapshots, linked } = kindOf(storageById(world, parsed.storage));
    const format = /\.(\w+)$/.exec(parsed.name)?.[1] ?? (parsed.name.startsWith('subvol') ? 'subvol' : 'raw');
    if (feature === 'snapshot') return snapshots.includes(format);
    if (feature === 'clone') return /(?:^|\/)base/.test(parsed.name) && linked.includes(format);
    return true;
  });
}

export const usesLocalStorage = (world: World, config: Config): boolean =>
  volumesOfConfig(config).some((volid) => !isShared(storageById(world, parseVolid(volid)?.storage ?? '')));

export const assertNoTemplate = (guest: Guest, words: string): void => {
  if (isTemplate(guest)) throw fail(words);
};
