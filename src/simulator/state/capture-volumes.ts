import { parseSize } from '../qemu/size.ts';
import { drivesOf } from '../qemu/drives.ts';
import { isShared } from '../storage/kinds.ts';
import { parseVolid, volumeKey } from '../storage/lookup.ts';
import { ownerOf } from '../storage/volumes.ts';
import { textOf } from '../core/text.ts';
import type { Capture, Row } from './capture.ts';
import type { Config, Guest, State, StorageDefinition, Volume } from './types.ts';

/** Volumes from the content lists; where those were not read, from the drives of the guests that were. */
export function addVolumes(state: State, capture: Capture): void {
  const listed = new Set<string>();
  for (const node of Object.keys(state.nodes)) {
    for (const storage of state.storages.values()) {
      const path = `/nodes/${node}/storage/${storage.storage}/content`;
      if (!capture.has(path)) continue;
      listed.add(`${isShared(storage) ? '' : node}|${storage.storage}`);
      for (const row of capture.rows(path)) add(state, fromRow(row, node, storage));
    }
  }
  for (const guest of state.guests.values()) {
    if (guest.unread) continue;
    for (const config of [
      guest.config,
      guest.pending,
      ...Object.values(guest.snapshots).map((snapshot) => snapshot.config),
    ]) {
      addFromConfig(state, guest, config, listed);
    }
  }
}

function add(state: State, volume: Volume | undefined): void {
  if (volume !== undefined && !state.volumes.has(volumeKey(volume))) state.volumes.set(volumeKey(volume), volume);
}

/** A linked clone on a file storage names its base before its own name. */
function baseOf(name: string, parent: unknown): string | undefined {
  const parts = name.split('/');
  if (parts.length === 4) return parts.slice(0, 2).join('/');
  if (parts.length === 2 && (parts[0] ?? '').startsWith('base')) return parts[0];
  return typeof parent === 'string' && parent !== '' ? parent.replace(/^\.\.\//, '') : undefined;
}

function fromRow(row: Row, node: string, storage: StorageDefinition): Volume | undefined {
  const { volid, size, used, format, content, vmid, ctime, parent, ...extra } = row;
  const name = parseVolid(textOf(volid))?.name;
  if (name === undefined) return undefined;
  const base = baseOf(name, parent);
  return {
    storage: storage.storage,
    ...(isShared(storage) ? {} : { node }),
    name,
    size: Number(size ?? 0),
    used: Number(used ?? size ?? 0),
    format: textOf(format),
    content: textOf(content),
    ctime: Number(ctime ?? 0),
    ...(vmid === undefined ? {} : { vmid: Number(vmid) }),
    ...(base === undefined ? {} : { base }),
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  };
}

function addFromConfig(state: State, guest: Guest, config: Config, listed: ReadonlySet<string>): void {
  for (const [, drive] of drivesOf(config, true)) {
    const parsed = parseVolid(drive.file ?? '');
    const storage = state.storages.get(parsed?.storage ?? '');
    if (parsed === undefined || storage === undefined) continue;
    const shared = isShared(storage);
    if (listed.has(`${shared ? '' : guest.node}|${storage.storage}`)) continue;
    const size = parseSize(drive.size) ?? 0;
    const vmid = ownerOf(drive.file ?? '');
    const base = baseOf(parsed.name, undefined);
    add(state, {
      storage: storage.storage,
      ...(shared ? {} : { node: guest.node }),
      name: parsed.name,
      size,
      // Nobody has said how much of it is written; a disk in use holds a system.
      used: size,
      format: /\.(raw|qcow2|vmdk|iso)$/.exec(parsed.name)?.[1] ?? 'raw',
      content: vmid === undefined ? 'iso' : 'images',
      ctime: 0,
      ...(vmid === undefined ? {} : { vmid }),
      ...(base === undefined ? {} : { base }),
    });
  }
}
