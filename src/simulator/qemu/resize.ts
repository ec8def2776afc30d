import type { Call, Routes } from '../core/call.ts';
import { fail } from '../core/errors.ts';
import { lockStep } from '../core/world.ts';
import type { Volume } from '../state/types.ts';
import { findVolume, storageOn } from '../storage/lookup.ts';
import { usageChanged } from '../storage/usage.ts';
import { DURATION } from '../tasks/durations.ts';
import { sizeOf } from './disks.ts';
import { isCdrom, parseDrive, printDrive } from './drives.ts';
import { formatSize, parseSize } from './size.ts';
import { assertDigest, demandRootFor } from './update.ts';

/** Everything but the parameters themselves is looked at in the task (FACTS 20). */
function resize(call: Call): string {
  const { world, node, params, principal } = call;
  const vmid = params.number('vmid');
  demandRootFor(call, 'skiplock');
  world.guestOn(node, vmid);
  return world.startTask({ node, type: 'resize', id: vmid, user: principal.name }, function* (task) {
    yield lockStep(vmid);
    const guest = world.guestOn(node, vmid);
    assertDigest(call, guest, params.maybe('digest'));
    if (!params.flag('skiplock')) world.checkLock(guest);
    const key = params.text('disk');
    const value = guest.config[key];
    if (value === undefined) throw fail(`disk '${key}' does not exist`);
    const drive = parseDrive(key, value);
    if (isCdrom(drive)) throw fail("you can't resize a cdrom");
    const storage = drive.file?.split(':')[0] ?? '';
    storageOn(world, node, storage);
    const before = sizeOf(world, node, drive);
    const wanted = params.text('size');
    const amount = parseSize(wanted.replace('+', '')) ?? 0;
    const size = Math.ceil((wanted.startsWith('+') ? before + amount : amount) / 512) * 512;
    if (size < before) throw fail('shrinking disks is not supported');
    if (size === before) return;
    yield { wait: DURATION.resize };
    const volume: Volume | undefined = findVolume(world, node, drive.file ?? '');
    if (volume !== undefined) {
      volume.size = size;
      usageChanged(world.state);
    }
    guest.config[key] = printDrive(key, { ...drive, size: formatSize(size) });
    if (guest.running === undefined) task.log('Image resized.');
    world.changed(guest);
  });
}

export const resizeRoutes: Routes = { 'PUT /nodes/{node}/qemu/{vmid}/resize': resize };
