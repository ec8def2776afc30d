import type { World } from '../core/world.ts';
import { fail, parameterError } from '../core/errors.ts';
import type { Space, StorageDefinition, Volume } from '../state/types.ts';
import { contentOf, isShared, kindOf, pathOf } from './kinds.ts';
import { folderOf } from './names.ts';
import { usageChanged, usedBytes, withVolumes } from './usage.ts';

/**
 * Every node has a file system of 32 MiB mounted here. A storage on it, with preallocation, is how tests and
 * rehearsals meet a full disk.
 */
const TINY = { path: '/mnt/tiny', total: 33_554_432 };

export function storageById(world: World, id: string): StorageDefinition {
  world.needs('/storage');
  const storage = world.state.storages.get(id);
  if (storage === undefined) throw fail(`storage '${id}' does not exist`);
  return storage;
}

export const servesNode = (storage: StorageDefinition, node: string): boolean => {
  const nodes = storage.options.nodes;
  return (
    nodes === undefined ||
    String(nodes) === '' ||
    String(nodes)
      .split(/[,;\s]+/)
      .includes(node)
  );
};

export const isEnabled = (storage: StorageDefinition): boolean => Number(storage.options.disable ?? 0) === 0;

/** The storage if it can be used on this node, else PVE's words for why not. */
export function storageOn(world: World, node: string, id: string): StorageDefinition {
  const storage = storageById(world, id);
  if (!isEnabled(storage)) throw fail(`storage '${id}' is disabled`);
  if (!servesNode(storage, node)) throw fail(`storage '${id}' is not available on node '${node}'`);
  return storage;
}

/** As `storageOn`, and the storage must take guest images. */
export function imageStorage(world: World, node: string, id: string): StorageDefinition {
  const storage = storageOn(world, node, id);
  if (!contentOf(storage).includes('images')) {
    throw parameterError({ storage: `storage '${id}' does not support vm images` });
  }
  return storage;
}

/** `local:100/vm-100-disk-0.qcow2` as storage and name; undefined for a path, `none` or `cdrom`. */
export function parseVolid(volid: string): { storage: string; name: string } | undefined {
  const found = /^([a-zA-Z][a-zA-Z0-9\-_.]*[a-zA-Z0-9]):(.+)$/.exec(volid);
  return found?.[1] === undefined || found[2] === undefined ? undefined : { storage: found[1], name: found[2] };
}

export const volidOf = (volume: Volume): string => `${volume.storage}:${volume.name}`;

const keyOf = (node: string | undefined, volid: string): string => (node === undefined ? volid : `${node}|${volid}`);

export const volumeKey = (volume: Volume): string => keyOf(volume.node, volidOf(volume));

export function findVolume(world: World, node: string, volid: string): Volume | undefined {
  const storage = world.state.storages.get(parseVolid(volid)?.storage ?? '');
  if (storage === undefined) return undefined;
  return world.state.volumes.get(keyOf(isShared(storage) ? undefined : node, volid));
}

export function addVolume(world: World, volume: Volume): void {
  world.state.volumes.set(volumeKey(volume), volume);
  usageChanged(world.state);
}
export function removeVolume(world: World, volume: Volume): void {
  world.state.volumes.delete(volumeKey(volume));
  usageChanged(world.state);
}
/** Something has been written to the volume: it takes this many bytes, if it did not take more before. */
export function written(world: World, volume: Volume, bytes: number): void {
  volume.used = Math.max(volume.used, bytes);
  usageChanged(world.state);
}

/** Volumes of a storage as one node sees them. */
export function volumesOf(world: World, node: string, storage: StorageDefinition): Volume[] {
  const shared = isShared(storage);
  return [...world.state.volumes.values()].filter(
    (volume) => volume.storage === storage.storage && (shared || volume.node === node),
  );
}

/** Where the file or device of a volume is, for log lines and errors. */
export function volumePath(storage: StorageDefinition, name: string): string {
  if (!kindOf(storage).files) return `/dev/${String(storage.options.vgname ?? storage.options.pool ?? 'pve')}/${name}`;
  const [folder = '', file = ''] = name.split('/').slice(-2);
  return `${pathOf(storage)}/${folderOf(folder)}/${/^\d+$/.test(folder) ? `${folder}/` : ''}${file}`;
}

/** Total and free bytes of a storage on a node; what volumes created since have taken is subtracted. */
export function spaceOf(world: World, node: string, storage: StorageDefinition): Space {
  if (!isEnabled(storage) || !servesNode(storage, node)) return { total: 0, used: 0, avail: 0, active: 0 };
  const state = world.nodeState(node);
  const bytes = usedBytes(world.state, node, storage);
  const known = state.space[storage.storage];
  if (known !== undefined) return withVolumes(known, bytes);
  if (pathOf(storage).startsWith(TINY.path))
    return withVolumes({ total: TINY.total, used: 0, avail: TINY.total, active: 1 }, bytes);
  // A folder that nobody has described lies on the root file system, like the storage `local`.
  const { volumes: _volumes, ...root } = state.space.local ?? {
    total: state.maxdisk,
    used: 0,
    avail: state.maxdisk,
    active: 1,
  };
  return withVolumes(root, bytes);
}
