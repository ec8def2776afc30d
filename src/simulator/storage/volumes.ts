import type { World } from '../core/world.ts';
import { fail } from '../core/errors.ts';
import type { StorageDefinition, Volume } from '../state/types.ts';
import { isShared, kindOf } from './kinds.ts';
import { addVolume, findVolume, parseVolid, removeVolume, spaceOf, volidOf, volumePath, volumesOf } from './lookup.ts';

export interface Allocation {
  readonly node: string;
  readonly storage: StorageDefinition;
  readonly vmid: number;
  /** Undefined: what the storage makes by itself. */
  readonly format?: string | undefined;
  readonly size: number;
  /** File name without extension, such as `vm-100-cloudinit`; undefined: the next free `vm-100-disk-N`. */
  readonly stem?: string;
  /** Bytes that something has written; what is blank cannot boot. */
  readonly written?: number;
  readonly log: (line: string) => void;
}

/** A blank qcow2 of 1 GiB takes this much. */
const METADATA = 331_776;

/** `vm-100-disk-N` with the lowest N that no volume of the guest has on this storage, whatever its format (FACTS 23). */
export function freeDiskStem(
  world: World,
  node: string,
  storage: StorageDefinition,
  vmid: number,
  prefix = 'vm',
): string {
  const pattern = new RegExp(`(?:^|/)(?:vm|base|subvol|basevol)-${vmid}-disk-(\\d+)(?:\\.|$)`);
  const taken = new Set(volumesOf(world, node, storage).map(({ name }) => pattern.exec(name)?.[1]));
  for (let n = 0; ; n++) if (!taken.has(String(n))) return `${prefix}-${vmid}-disk-${n}`;
}

/** The name that a stem gets on this storage: `100/vm-100-disk-0.qcow2` or just the stem. */
export const nameFor = (storage: StorageDefinition, vmid: number, stem: string, format: string): string =>
  kindOf(storage).files ? `${vmid}/${stem}.${format}` : stem;

/** Makes a new volume and answers its id. */
export function allocate(world: World, allocation: Allocation): string {
  const { node, storage, vmid, size, log } = allocation;
  const kind = kindOf(storage);
  const format =
    allocation.format !== undefined && kind.formats.includes(allocation.format) ? allocation.format : kind.format;
  const stem = allocation.stem ?? freeDiskStem(world, node, storage, vmid);
  const name = nameFor(storage, vmid, stem, format);
  const path = volumePath(storage, name);
  const full = storage.options.preallocation === 'full';
  if (kind.files) log(formatLine(path, format, size, full ? 'full' : undefined));
  else log(`  Logical volume "${stem}" created.`);
  if (findVolume(world, node, `${storage.storage}:${name}`) !== undefined) {
    throw fail(kind.files ? `disk image '${path}' already exists` : alreadyThere(storage, stem));
  }
  checkSpace(world, allocation, path, full);
  const volume: Volume = {
    storage: storage.storage,
    ...(isShared(storage) ? {} : { node }),
    name,
    size,
    used: allocation.written ?? (format === 'raw' ? 0 : METADATA),
    format,
    content: 'images',
    vmid,
    ctime: world.seconds(),
  };
  addVolume(world, volume);
  return volidOf(volume);
}

/** The words of the tool that makes the volume. */
function alreadyThere({ type, options }: StorageDefinition, stem: string): string {
  const group = String(options.vgname ?? options.pool ?? 'pve');
  if (type === 'zfspool') return `zfs error: cannot create '${group}/${stem}': dataset already exists`;
  if (type === 'rbd') return `error with rbd create: rbd: create error: (17) File exists`;
  return `lvcreate '${group}/${stem}' error:   Logical Volume "${stem}" already exists in volume group "${group}"`;
}

const formatLine = (path: string, format: string, size: number, preallocation: string | undefined): string =>
  format === 'raw'
    ? `Formatting '${path}', fmt=raw size=${size} preallocation=${preallocation ?? 'off'}`
    : `Formatting '${path}', fmt=${format} cluster_size=65536 extended_l2=off preallocation=${preallocation ?? 'metadata'} compression_type=zlib size=${size} lazy_refcounts=off refcount_bits=16`;

/** Only what is written in full at once can meet a full disk; thin volumes may promise more than there is. */
function checkSpace(world: World, { node, storage, size }: Allocation, path: string, full: boolean): void {
  const thick = storage.type === 'lvm';
  if (!full && !thick) return;
  const space = spaceOf(world, node, storage);
  const taken = volumesOf(world, node, storage).reduce((sum, volume) => sum + volume.size, 0);
  const free = full ? Math.min(space.avail, space.total - taken) : space.avail;
  if (size <= free) return;
  throw fail(
    thick
      ? `lvcreate '${String(storage.options.vgname ?? 'pve')}' error:   Volume group "${String(storage.options.vgname ?? 'pve')}" has insufficient free space`
      : `unable to create image: qemu-img: ${path}: Could not write zeros for preallocation: No space left on device`,
  );
}

/** Linked clones keep the template's volume in use. */
const isBaseInUse = (world: World, volume: Volume): boolean =>
  /(?:^|\/)base/.test(volume.name) &&
  // A thin volume lives on without what it was made from.
  world.state.storages.get(volume.storage)?.type !== 'lvmthin' &&
  [...world.state.volumes.values()].some(({ base, storage }) => base === volume.name && storage === volume.storage);

/** Errors: PVE's refusal when linked clones need any of these; asked before the first is destroyed. */
export function demandNoClones(world: World, node: string, volids: readonly string[]): void {
  for (const volid of volids) {
    const volume = findVolume(world, node, volid);
    if (volume !== undefined && isBaseInUse(world, volume))
      throw fail(`base volume '${volid}' is still in use by linked cloned`);
  }
}

/** Destroys a volume; one that is not there is no error. */
export function destroyVolume(world: World, node: string, volid: string): void {
  const volume = findVolume(world, node, volid);
  if (volume === undefined) return;
  if (isBaseInUse(world, volume)) throw fail(`base volume '${volume.name}' is still in use by linked cloned`);
  removeVolume(world, volume);
}

/** A linked clone of a template's volume for another guest. */
export function linkedClone(
  world: World,
  node: string,
  source: Volume,
  storage: StorageDefinition,
  vmid: number,
): string {
  const kind = kindOf(storage);
  const stem = freeDiskStem(world, node, storage, vmid);
  // A linked clone of a file is always a qcow2 on top of its base.
  const format = kind.files ? 'qcow2' : source.format;
  const own = nameFor(storage, vmid, stem, format);
  const volume: Volume = {
    storage: storage.storage,
    ...(source.node === undefined ? {} : { node: source.node }),
    name: kind.namesBase ? `${source.name}/${own}` : own,
    size: source.size,
    used: source.used,
    format,
    content: 'images',
    vmid,
    ctime: world.seconds(),
    base: source.name,
  };
  addVolume(world, volume);
  return volidOf(volume);
}

/** Gives a volume another name on its storage, as templates and disks that change hands need. */
export function renameVolume(world: World, volume: Volume, name: string, vmid: number): string {
  removeVolume(world, volume);
  const renamed: Volume = { ...volume, name, vmid };
  addVolume(world, renamed);
  return volidOf(renamed);
}

/** The guest that a volume belongs to, by its name; undefined for ISO images and the like. */
export function ownerOf(volid: string): number | undefined {
  const name = parseVolid(volid)?.name ?? '';
  const found = /(?:^|\/)(?:vm|base|subvol|basevol)-(\d+)-[^/]*$/.exec(name);
  return found === null ? undefined : Number(found[1]);
}
