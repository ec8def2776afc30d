import type { World } from '../core/world.ts';
import { fail } from '../core/errors.ts';
import type { Archive, Config, Guest, Volume } from '../state/types.ts';
import { findVolume } from '../storage/lookup.ts';
import { backupVolumes } from './selection.ts';

/** What a backup of the guest as it is would hold. */
export function archiveOf(world: World, guest: Guest): Archive {
  const { lock: _lock, parent: _parent, ...config } = guest.config;
  const disks: Archive['disks'] = {};
  for (const { key, volid, included } of backupVolumes(guest)) {
    const volume = findVolume(world, guest.node, volid);
    if (!included || volume === undefined) continue;
    disks[key] = { storage: volume.storage, format: volume.format, size: volume.size, used: volume.used };
  }
  return { config: { ...config }, disks };
}

/** Of a backup that came with the cluster only the name is known; its guest as it is now is the best guess. */
export function contentsOf(world: World, volume: Volume): Archive {
  if (volume.archive !== undefined) return volume.archive;
  const guest = world.state.guests.get(volume.vmid ?? 0);
  return guest === undefined ? { config: {}, disks: {} } : archiveOf(world, guest);
}

export function archiveVolume(world: World, node: string, volid: string): Volume {
  const volume = findVolume(world, node, volid);
  if (volume === undefined || volume.content !== 'backup') throw fail(`volume '${volid}' does not exist`);
  return volume;
}

/** The configuration file inside a backup. */
export function configText({ config, disks }: Archive, type: 'qemu' | 'lxc'): string {
  const { description, ...rest } = config as Config & { description?: string };
  const lines = (description ?? '')
    .split('\n')
    .filter(Boolean)
    .map((line) => `#${line}`);
  for (const key of Object.keys(rest).toSorted()) lines.push(`${key}: ${String(rest[key])}`);
  if (type === 'qemu')
    for (const [key, { storage, format }] of Object.entries(disks))
      lines.push(`#qmdump#map:${key}:drive-${key}:${storage}:${format}:`);
  return lines.map((line) => `${line}\n`).join('');
}
