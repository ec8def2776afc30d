import { demand } from '../access/check.ts';
import type { Call, Routes } from '../core/call.ts';
import { fail, parameterError, PveError } from '../core/errors.ts';
import { lockStep } from '../core/world.ts';
import type { Guest, StorageDefinition } from '../state/types.ts';
import { kindOf } from '../storage/kinds.ts';
import { findVolume, imageStorage, parseVolid, storageById } from '../storage/lookup.ts';
import { allocate, destroyVolume } from '../storage/volumes.ts';
import { copyDuration, mirrorDuration } from '../tasks/durations.ts';
import { sizeOf } from './disks.ts';
import { freeUnused, isCdrom, parseDrive, printDrive, type Drive } from './drives.ts';
import { volumeFormat } from './feature.ts';
import { remembersVolume } from './pending.ts';
import { reassignDisk } from './reassign.ts';
import { describeSize, formatSize } from './size.ts';
import { assertDigest } from './update.ts';

function moveDisk(call: Call): string {
  const { params } = call;
  if (params.has('target-vmid') && params.has('storage')) {
    const words = "either set 'storage' or 'target-vmid', but not both";
    throw parameterError({ storage: words, 'target-vmid': words });
  }
  if (params.has('target-vmid')) return reassignDisk(call);
  if (!params.has('storage'))
    throw parameterError({ storage: "both 'storage' and 'target-vmid' missing, either needs to be set" });
  return moveToStorage(call);
}

interface Move {
  readonly guest: Guest;
  readonly key: string;
  readonly drive: Drive;
  readonly volid: string;
  readonly storage: StorageDefinition;
  readonly format: string;
}

function check(call: Call): Move {
  const { world, node, params } = call;
  const guest = world.guestOn(node, params.number('vmid'));
  const id = params.text('storage');
  demand(call, `/storage/${id}`, ['Datastore.AllocateSpace']);
  const storage = storageById(world, id);
  assertDigest(call, guest, params.maybe('digest'));
  world.checkLock(guest);
  const key = params.text('disk');
  const value = guest.config[key];
  if (value === undefined) throw fail(`disk '${key}' does not exist`);
  const drive = parseDrive(key, value);
  const volid = drive.file ?? '';
  const parsed = parseVolid(volid);
  if (parsed === undefined) throw fail(`disk '${key}' has no associated volume`);
  if (isCdrom(drive)) throw fail("you can't move a cdrom");
  const kind = kindOf(storage);
  const wanted = params.maybe('format') ?? volumeFormat(volid);
  const format = kind.formats.includes(wanted) ? wanted : kind.format;
  if (parsed.storage === id && format === volumeFormat(volid))
    throw fail("you can't move to the same storage with same format");
  if (params.flag('delete') && remembersVolume(guest, volid))
    throw fail("you can't move a disk with snapshots and delete the source");
  imageStorage(world, node, id);
  return { guest, key, drive, volid, storage, format };
}

function moveToStorage(call: Call): string {
  const { world, node, params, principal } = call;
  const move = check(call);
  const { guest, key, drive, volid, storage, format } = move;
  const { vmid } = guest;
  return world.startTask({ node, type: 'qmmove', id: vmid, user: principal.name }, function* (task) {
    yield lockStep(vmid);
    world.guestOn(node, vmid);
    // The disk may have become another one before the lock was ours.
    if (parseDrive(key, guest.config[key] ?? 'none').file !== volid)
      throw fail('checksum mismatch (file change by other user?)');
    const log = (line: string): void => task.log(line);
    log(
      `copying volume '${volid}' from current storage '${parseVolid(volid)?.storage}' to target storage '${storage.storage}'`,
    );
    log(`create full clone of drive ${key} (${volid})`);
    const size = sizeOf(world, node, drive);
    const from = findVolume(world, node, volid);
    let copy: string;
    try {
      copy = allocate(world, {
        node,
        storage,
        vmid,
        format,
        size,
        log,
        ...(from === undefined ? {} : { written: from.used }),
      });
    } catch (error) {
      throw error instanceof PveError ? fail(`storage migration failed: ${error.message}`) : error;
    }
    log(`allocated target volume '${copy}'`);
    try {
      log(`transferred 0.0 B of ${describeSize(size)} (0.00%)`);
      const limit = params.maybeNumber('bwlimit') ?? 0;
      yield {
        wait: guest.running === undefined ? copyDuration(from?.used ?? size, limit) : mirrorDuration(size, limit),
      };
      log(`transferred ${describeSize(size)} of ${describeSize(size)} (100.00%)`);
    } catch (error) {
      destroyVolume(world, node, copy);
      throw error instanceof PveError ? fail(`storage migration failed: ${error.message}`) : error;
    }
    guest.config[key] = printDrive(key, { ...drive, file: copy, size: formatSize(size) });
    if (params.flag('delete')) {
      log(`removing source volume '${volid}' after successful copy`);
      destroyVolume(world, node, volid);
    } else {
      guest.config[freeUnused(guest.config)] = volid;
    }
    world.changed(guest);
  });
}

export const moveRoutes: Routes = { 'POST /nodes/{node}/qemu/{vmid}/move_disk': moveDisk };
