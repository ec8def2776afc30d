import { fail } from '../core/errors.ts';
import type { World } from '../core/world.ts';
import type { Config, Guest, Volume } from '../state/types.ts';
import { isShared, kindOf } from '../storage/kinds.ts';
import { addVolume, findVolume, parseVolid, removeVolume, storageById, volidOf } from '../storage/lookup.ts';
import { freeDiskStem, nameFor } from '../storage/volumes.ts';
import { drivesOf, isCdrom, isCloudinit, UNUSED } from './drives.ts';

/** Where the disks of a storage go. */
export interface StorageMap {
  readonly of: (storage: string) => string;
}

/** A volume that is not on shared storage, as the precheck shows it. */
export interface LocalDisk {
  readonly volid: string;
  readonly size: number;
  readonly drivename: string;
  readonly cdrom: number;
  readonly shared: number;
  readonly replicate: number;
  readonly is_attached: number;
  readonly is_cloudinit: number;
  readonly is_tpmstate: number;
  readonly is_unused: number;
  readonly is_vmstate: number;
}

const flag = (is: boolean): number => (is ? 1 : 0);

/** Disks of the configuration and of its snapshots that would have to be copied. */
export function localDisks(world: World, guest: Guest): LocalDisk[] {
  const out = new Map<string, LocalDisk>();
  const configs = [guest.config, ...Object.values(guest.snapshots).map(({ config }) => config)];
  for (const [index, config] of configs.entries()) {
    for (const [drivename, drive] of drivesOf(config, index === 0)) {
      const volid = drive.file ?? '';
      const parsed = parseVolid(volid);
      if (parsed === undefined || out.has(volid) || isShared(storageById(world, parsed.storage))) continue;
      out.set(volid, {
        volid,
        drivename,
        size: findVolume(world, guest.node, volid)?.size ?? 0,
        cdrom: flag(isCdrom(drive)),
        shared: flag(drive.shared === '1'),
        replicate: flag(drive.replicate !== '0'),
        is_attached: flag(index === 0 && !UNUSED.test(drivename)),
        is_cloudinit: flag(isCloudinit(drive)),
        is_tpmstate: flag(drivename === 'tpmstate0'),
        is_unused: flag(UNUSED.test(drivename)),
        is_vmstate: 0,
      });
    }
  }
  return [...out.values()];
}

const DEVICE = /^(?:hostpci|usb|serial|parallel|ivshmem|virtiofs)\d*$/;

/** Devices of this node only: what a guest that uses them cannot leave behind. */
export function localResources({ config }: Guest): string[] {
  return Object.keys(config)
    .filter((key) => DEVICE.test(key))
    .filter((key) => {
      const value = String(config[key]);
      if (/mapping=/.test(value) || value === 'socket') return false;
      return !(key.startsWith('usb') && /^(?:host=)?spice\b/i.test(value));
    })
    .toSorted();
}

interface Mapped {
  readonly info: Record<string, { name: string; 'live-migration'?: number }>;
  /** Devices that a node has no mapping for, by node. */
  readonly missing: Map<string, string[]>;
  /** Those that keep a running guest where it is. */
  readonly fixed: string[];
}

/** Devices by mapping: they can go wherever the mapping has an entry. */
export function mappedResources({ state }: World, { config }: Guest): Mapped {
  const out: Mapped = { info: {}, missing: new Map(), fixed: [] };
  for (const [key, value] of Object.entries(config)) {
    const name = DEVICE.test(key) ? /(?:^|,)mapping=([^,]+)/.exec(String(value))?.[1] : undefined;
    if (name === undefined) continue;
    const mapping = state.mappings.get(`${key.startsWith('usb') ? 'usb' : 'pci'}/${name}`);
    // PVE itself breaks on a mapping that is not defined, and says so.
    if (mapping === undefined && !state.partial)
      throw fail(
        "Can't use an undefined value as an ARRAY reference at /usr/share/perl5/PVE/QemuMigrate/Helpers.pm line 63.",
      );
    const live = Number(mapping?.options['live-migration-capable'] ?? 0);
    out.info[key] = { name, ...(live === 1 ? { 'live-migration': 1 } : {}) };
    if (live !== 1) out.fixed.push(key);
    for (const node of Object.keys(state.nodes)) {
      if (mapping?.map.some((entry) => entry.split(',').includes(`node=${node}`))) continue;
      out.missing.set(node, [...(out.missing.get(node) ?? []), key]);
    }
  }
  return out;
}

/** Copies local volumes to the target; a name that is taken there is replaced by the next free one. */
export function moveVolumes(
  world: World,
  guest: Guest,
  target: string,
  storages: StorageMap,
  log: (line: string) => void,
): void {
  const configs = [guest.config, guest.pending, ...Object.values(guest.snapshots).map(({ config }) => config)];
  for (const { volid } of localDisks(world, guest)) {
    const volume = findVolume(world, guest.node, volid);
    if (volume === undefined) continue;
    const moved = moveOne(world, guest, volume, target, storages.of(volume.storage));
    log(`volume '${volid}' is '${moved}' on the target`);
    if (moved !== volid) for (const config of configs) replaceVolid(config, volid, moved);
  }
}

function moveOne(world: World, guest: Guest, volume: Volume, target: string, storageId: string): string {
  const storage = storageById(world, storageId);
  const { formats, format: usual } = kindOf(storage);
  const format = formats.includes(volume.format) ? volume.format : usual;
  const stem = (volume.name.split('/').at(-1) ?? volume.name).replace(/\.\w+$/, '');
  const wanted = nameFor(storage, guest.vmid, stem, format);
  const taken = findVolume(world, target, `${storageId}:${wanted}`) !== undefined;
  const prefix = stem.startsWith('base-') ? 'base' : 'vm';
  const name = taken
    ? nameFor(storage, guest.vmid, freeDiskStem(world, target, storage, guest.vmid, prefix), format)
    : wanted;
  removeVolume(world, volume);
  const { node: _node, base: _base, ...rest } = volume;
  const moved: Volume = { ...rest, storage: storageId, name, format, ...(isShared(storage) ? {} : { node: target }) };
  addVolume(world, moved);
  return volidOf(moved);
}

function replaceVolid(config: Config, from: string, to: string): void {
  for (const [key, value] of Object.entries(config)) {
    const text = String(value);
    if (text === from || text.startsWith(`${from},`)) config[key] = to + text.slice(from.length);
  }
}
