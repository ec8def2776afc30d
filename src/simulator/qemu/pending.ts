import { splitList } from '../schema/formats.ts';
import type { World } from '../core/world.ts';
import type { ConfigValue, Guest } from '../state/types.ts';
import { parseVolid } from '../storage/lookup.ts';
import { destroyVolume, ownerOf } from '../storage/volumes.ts';
import { fail } from '../core/errors.ts';
import {
  BOOTABLE,
  bootOrder,
  DRIVE,
  freeUnused,
  isCdrom,
  isCloudinit,
  NET,
  parseDrive,
  printBootOrder,
  UNUSED,
  volumeIds,
} from './drives.ts';

/** Keys whose values the cloud-init image is made from, and of which it remembers what it was made with. */
export const CLOUDINIT_KEYS = [
  'cicustom',
  'ciuser',
  'cipassword',
  'ciupgrade',
  'searchdomain',
  'nameserver',
  'sshkeys',
];
const isCloudinitKey = (key: string): boolean =>
  CLOUDINIT_KEYS.includes(key) || /^ipconfig\d+$/.test(key) || key === 'name';

/** Take effect in a running guest, because they are no hardware or can be changed under it. */
const LIVE = new Set(
  'lock name onboot shares startup description protection vmstatestorage hookscript tags migrate_downtime migrate_speed template cpulimit cpuunits balloon affinity'.split(
    ' ',
  ),
);

export const remembersVolume = (guest: Guest, volid: string): boolean =>
  Object.values(guest.snapshots).some(({ config }) => volumeIds(config).includes(volid));

/** Puts the volume of a drive that leaves its slot under `unusedN`, without `size` (FACTS 23). CD-ROMs just go. */
function keepAsUnused(world: World, guest: Guest, key: string, value: ConfigValue): void {
  const drive = parseDrive(key, value);
  const volid = drive.file ?? '';
  if (isCloudinit(drive)) return destroyVolume(world, guest.node, volid);
  if (isCdrom(drive) || ownerOf(volid) !== guest.vmid) return;
  // Nobody can tell whose a volume is when its storage is no longer defined.
  if (!world.state.partial && !world.state.storages.has(parseVolid(volid)?.storage ?? '')) return;
  const elsewhere = [...volumeIds(guest.config)].includes(volid);
  if (!elsewhere) guest.config[freeUnused(guest.config)] = volid;
}

/** Removes a key for good; a drive becomes unused, or is destroyed with `force`. */
export function applyDelete(world: World, guest: Guest, key: string, force: boolean): void {
  const value = guest.config[key];
  delete guest.config[key];
  delete guest.deleting[key];
  if (value === undefined || !DRIVE.test(key)) return;
  const volid = parseDrive(key, value).file ?? '';
  const owned = ownerOf(volid) === guest.vmid;
  if (force && owned && !remembersVolume(guest, volid)) destroyVolume(world, guest.node, volid);
  else keepAsUnused(world, guest, key, value);
}

/** Sets a key for good; a drive that is replaced becomes unused, a volume that was unused is so no longer. */
export function applySet(world: World, guest: Guest, key: string, value: ConfigValue): void {
  const old = guest.config[key];
  guest.config[key] = value;
  delete guest.pending[key];
  if (!DRIVE.test(key)) return;
  const volid = parseDrive(key, value).file;
  for (const other of Object.keys(guest.config)) {
    if (UNUSED.test(other) && parseDrive(other, guest.config[other]).file === volid) delete guest.config[other];
  }
  if (old !== undefined && parseDrive(key, old).file !== volid) keepAsUnused(world, guest, key, old);
}

/** Everything that waits for the guest to stop. */
export function applyPending(world: World, guest: Guest): void {
  for (const [key, { force }] of Object.entries(guest.deleting)) applyDelete(world, guest, key, force);
  for (const [key, value] of Object.entries(guest.pending)) applySet(world, guest, key, value);
  guest.cloudinit = {};
}

/** Marks a key for removal. The device also leaves the boot order. */
export function requestDelete(world: World, guest: Guest, key: string, force: boolean): void {
  const value = guest.config[key] ?? guest.pending[key];
  if (value === undefined) return;
  if (UNUSED.test(key)) return deleteUnused(world, guest, key);
  if (DRIVE.test(key) && Number(guest.config.protection ?? 0) === 1) {
    throw fail(`can't remove drive '${key}' - protection mode enabled`);
  }
  const pendingOnly = guest.config[key] === undefined;
  if (guest.pending[key] !== undefined) {
    const volid = DRIVE.test(key) ? parseDrive(key, guest.pending[key]).file : undefined;
    delete guest.pending[key];
    if (pendingOnly && volid !== undefined && ownerOf(volid) === guest.vmid)
      guest.config[freeUnused(guest.config)] = volid;
  }
  if (!pendingOnly) guest.deleting[key] = { force };
  if (BOOTABLE.test(key) || NET.test(key)) {
    const order = bootOrder({ ...guest.config, ...guest.pending });
    if (order.includes(key)) guest.pending.boot = printBootOrder(order.filter((one) => one !== key));
  }
}

function deleteUnused(world: World, guest: Guest, key: string): void {
  const volid = parseDrive(key, guest.config[key]).file ?? '';
  if (Number(guest.config.protection ?? 0) === 1)
    throw fail(`can't remove unused disk '${volid}' - protection mode enabled`);
  if (remembersVolume(guest, volid)) throw fail(`unable to delete '${volid}' - volume is still in use (snapshot?)`);
  if (ownerOf(volid) === guest.vmid) destroyVolume(world, guest.node, volid);
  delete guest.config[key];
}

/** Applies to a running guest what can be applied; the rest stays pending. Answers what went wrong by key (FACTS 22). */
export function hotplug(world: World, guest: Guest): Record<string, string> {
  const errors: Record<string, string> = {};
  const setting = guest.config.hotplug;
  const features =
    setting === undefined || String(setting) === '1' ? ['network', 'disk', 'usb'] : splitList(String(setting));
  for (const [key, { force }] of Object.entries(guest.deleting)) {
    const refused = unplugRefusal(guest, key, features);
    if (refused === undefined) removeLive(world, guest, key, force);
    else if (refused !== 'wait') errors[key] = `hotplug problem - ${refused}\n`;
  }
  for (const [key, value] of Object.entries(guest.pending)) {
    if (canPlug(guest, key, value, features)) setLive(world, guest, key, value);
  }
  return errors;
}

const busOf = (key: string): string => key.replace(/\d+$/, '');

/** Undefined: it can go now. `wait`: at the next stop. Anything else is an error. */
function unplugRefusal(guest: Guest, key: string, features: readonly string[]): string | undefined {
  if (LIVE.has(key) || isCloudinitKey(key)) return undefined;
  if (NET.test(key)) return features.includes('network') ? undefined : 'wait';
  if (!DRIVE.test(key)) return 'wait';
  if (isCdrom(parseDrive(key, guest.config[key])))
    return busOf(key) === 'ide' || busOf(key) === 'sata' ? 'wait' : undefined;
  if (!features.includes('disk') || !/^(?:scsi|virtio)$/.test(busOf(key))) return 'wait';
  return bootOrder(guest.config).includes(key) ? `can't unplug bootdisk '${key}'` : undefined;
}

function canPlug(guest: Guest, key: string, value: ConfigValue, features: readonly string[]): boolean {
  if (LIVE.has(key) || isCloudinitKey(key)) return true;
  if (NET.test(key)) return features.includes('network');
  if (!DRIVE.test(key)) return false;
  const fresh = parseDrive(key, value);
  const old = guest.config[key] === undefined ? undefined : parseDrive(key, guest.config[key]);
  if (old === undefined) return features.includes('disk') && /^(?:scsi|virtio)$/.test(busOf(key));
  if (isCdrom(old) && isCdrom(fresh)) return true;
  if (old.file !== fresh.file) return false;
  const changed = [...new Set([...Object.keys(old), ...Object.keys(fresh)])].filter(
    (option) => old[option] !== fresh[option],
  );
  return changed.every((option) =>
    /^(?:iops|mbps|bps)|^(?:backup|replicate|discard|detect_zeroes|ssd|size)$/.test(option),
  );
}

function remember(guest: Guest, key: string): void {
  if (!isCloudinitKey(key) || !Object.values(guest.config).some((value) => /vm-\d+-cloudinit/.test(String(value))))
    return;
  if (!(key in guest.cloudinit)) guest.cloudinit[key] = guest.config[key] ?? null;
}

function removeLive(world: World, guest: Guest, key: string, force: boolean): void {
  remember(guest, key);
  applyDelete(world, guest, key, force);
}

function setLive(world: World, guest: Guest, key: string, value: ConfigValue): void {
  remember(guest, key);
  applySet(world, guest, key, value);
}

/** Drops keys from what is pending (`revert`). New volumes that only a pending drive had become unused. */
export function revertPending(guest: Guest, keys: readonly string[]): void {
  for (const key of keys) {
    const value = guest.pending[key];
    delete guest.deleting[key];
    if (value === undefined) continue;
    delete guest.pending[key];
    const volid = DRIVE.test(key) ? parseDrive(key, value).file : undefined;
    if (volid !== undefined && ownerOf(volid) === guest.vmid && !volumeIds(guest.config).includes(volid)) {
      guest.config[freeUnused(guest.config)] = volid;
    }
  }
}
