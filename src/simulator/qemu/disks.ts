import { demand } from '../access/check.ts';
import type { Call } from '../core/call.ts';
import { fail, parameterError } from '../core/errors.ts';
import type { World } from '../core/world.ts';
import type { Config } from '../state/types.ts';
import { contentOf, kindOf } from '../storage/kinds.ts';
import { findVolume, imageStorage, parseVolid, storageById, storageOn } from '../storage/lookup.ts';
import { allocate, destroyVolume } from '../storage/volumes.ts';
import { isCdrom, parseDrive, printDrive, type Drive } from './drives.ts';
import { formatSize, parseSize } from './size.ts';

const NEW_DISK = /^([a-zA-Z][a-zA-Z0-9\-_.]*[a-zA-Z0-9]):(\d+(?:\.\d+)?)$/;
const NEW_CLOUDINIT = /^([a-zA-Z][a-zA-Z0-9\-_.]*[a-zA-Z0-9]):cloudinit$/;
export const CLOUDINIT_SIZE = 4 * 1024 ** 2;

/** What is checked of a drive before anything is done: that its storage is there, for images, and may be used. */
export function checkDriveAccess(call: Call, key: string, value: unknown): void {
  const { world } = call;
  const drive = parseDrive(key, value);
  const file = drive.file ?? '';
  if (file === 'none' || file === 'cdrom' || file.startsWith('/')) return;
  const fresh = (NEW_DISK.exec(file) ?? NEW_CLOUDINIT.exec(file))?.[1];
  if (fresh !== undefined) {
    demand(call, `/storage/${fresh}`, ['Datastore.AllocateSpace']);
    const storage = storageById(world, fresh);
    if (!contentOf(storage).includes('images')) {
      throw parameterError({ storage: `storage '${fresh}' does not support vm images` });
    }
    const source = drive['import-from'];
    if (source !== undefined) checkExisting(call, source);
    return;
  }
  checkExisting(call, file);
}

function checkExisting(call: Call, volid: string): void {
  const parsed = parseVolid(volid);
  if (parsed === undefined) return;
  const storage = storageById(call.world, parsed.storage);
  const pattern = /^(?:\d+\/[^/]+|base-.*|vm-.*|\d+\/base-.+\/\d+\/vm-.+|(?:iso|snippets|import|backup|template)\/.+)$/;
  if (kindOf(storage).files && !pattern.test(parsed.name))
    throw fail(`unable to parse directory volume name '${parsed.name}'`);
  demand(call, `/storage/${parsed.storage}`, ['Datastore.AllocateSpace', 'Datastore.Audit'], true);
}

export interface DiskContext {
  readonly world: World;
  readonly node: string;
  readonly vmid: number;
  readonly log: (line: string) => void;
}

/**
 * Makes the volumes that new drives ask for and gives the entries as the configuration keeps them. When one fails, those
 * made before it are destroyed again.
 */
export function createDisks(context: DiskContext, values: Config): Config {
  const out: Config = {};
  const created: string[] = [];
  try {
    for (const key of Object.keys(values).toSorted()) {
      const drive = parseDrive(key, values[key]);
      const volid = createDrive(context, key, drive);
      if (volid !== undefined) created.push(volid);
      out[key] = printDrive(key, drive);
      if (volid !== undefined) context.log(`${key}: successfully created disk '${out[key]}'`);
    }
  } catch (error) {
    for (const volid of created) destroyVolume(context.world, context.node, volid);
    throw error;
  }
  return out;
}

/** Turns `local:2` into a volume, in place. Answers the id of what was made; undefined when the volume was there. */
function createDrive(context: DiskContext, key: string, drive: Drive): string | undefined {
  const { world, node, vmid, log } = context;
  const file = drive.file ?? '';
  const cloudinit = NEW_CLOUDINIT.exec(file)?.[1];
  if (cloudinit !== undefined) {
    const storage = imageStorage(world, node, cloudinit);
    const format = drive.format ?? (kindOf(storage).files ? 'qcow2' : 'raw');
    drive.file = allocate(world, {
      node,
      storage,
      vmid,
      format,
      size: CLOUDINIT_SIZE,
      stem: `vm-${vmid}-cloudinit`,
      log,
    });
    drive.media = 'cdrom';
    return drive.file;
  }
  const fresh = NEW_DISK.exec(file);
  if (fresh?.[1] !== undefined && !isCdrom(drive)) {
    const storage = imageStorage(world, node, fresh[1]);
    const source = drive['import-from'] === undefined ? undefined : findVolume(world, node, drive['import-from']);
    if (drive['import-from'] !== undefined && source === undefined)
      throw fail(`volume '${drive['import-from']}' does not exist`);
    const size = source?.size ?? newSize(key, drive, Number(fresh[2]));
    const written = source === undefined ? {} : { written: source.used };
    drive.file = allocate(world, { node, storage, vmid, format: drive.format, size, log, ...written });
    drive.size = formatSize(size);
    return drive.file;
  }
  attachExisting(context, drive);
  return undefined;
}

/** UEFI variables and TPM state have sizes of their own, whatever is asked for. */
function newSize(key: string, drive: Drive, gigabytes: number): number {
  if (key === 'efidisk0') return (drive.efitype === '4m' ? 528 : 128) * 1024;
  if (key === 'tpmstate0') return 4 * 1024 ** 2;
  return Math.ceil(gigabytes * 1024 ** 3);
}

function attachExisting({ world, node }: DiskContext, drive: Drive): void {
  const parsed = parseVolid(drive.file ?? '');
  if (parsed === undefined) return;
  storageOn(world, node, parsed.storage);
  const volume = findVolume(world, node, drive.file ?? '');
  if (volume === undefined) {
    // A twin knows the volumes of what was read; a volume it has not seen may well be there.
    if (world.state.partial) return;
    throw fail(`volume '${drive.file}' does not exist`);
  }
  drive.size = formatSize(volume.size);
}

/** The size of a drive in bytes: what its volume has, else what its entry says. */
export const sizeOf = (world: World, node: string, drive: Drive): number =>
  findVolume(world, node, drive.file ?? '')?.size ?? parseSize(drive.size) ?? 0;
