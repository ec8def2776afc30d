import type { Call, Routes } from '../core/call.ts';
import { fail } from '../core/errors.ts';
import { lockStep, type World } from '../core/world.ts';
import { isTemplate } from '../state/guests.ts';
import type { Guest } from '../state/types.ts';
import { findVolume } from '../storage/lookup.ts';
import { renameVolume } from '../storage/volumes.ts';
import { DURATION } from '../tasks/durations.ts';
import { drivesOf, isCdrom, printDrive } from './drives.ts';

function makeTemplate(call: Call): string {
  const { world, node, params, principal } = call;
  const vmid = params.number('vmid');
  const guest = world.guestOn(node, vmid);
  world.checkLock(guest);
  if (Object.keys(guest.snapshots).length > 0) throw fail(`unable to create template, because VM contains snapshots`);
  if (isTemplate(guest) && !params.has('disk')) throw fail("you can't convert a template to a template");
  if (guest.running !== undefined) throw fail("you can't convert a VM to template if VM is running");
  return world.startTask({ node, type: 'qmtemplate', id: vmid, user: principal.name }, function* () {
    yield lockStep(vmid);
    world.guestOn(node, vmid);
    world.checkLock(guest);
    if (guest.running !== undefined || Object.keys(guest.snapshots).length > 0)
      throw fail("you can't convert a VM to template if VM is running");
    yield { wait: DURATION.template };
    convert(world, guest, params.maybe('disk'));
    world.changed(guest);
  });
}

/** The volumes of the disks become base volumes, `base-ID-disk-N` (FACTS 27). */
function convert(world: World, guest: Guest, only: string | undefined): void {
  guest.config.template = 1;
  for (const [key, drive] of drivesOf(guest.config)) {
    if (isCdrom(drive) || (only !== undefined && only !== key)) continue;
    const volume = findVolume(world, guest.node, drive.file ?? '');
    if (volume === undefined) continue;
    const name = volume.name.replace(new RegExp(`(^|/)vm-(${guest.vmid}-disk-[^/]*)$`), '$1base-$2');
    guest.config[key] = printDrive(key, { ...drive, file: renameVolume(world, volume, name, guest.vmid) });
  }
}

export const templateRoutes: Routes = { 'POST /nodes/{node}/qemu/{vmid}/template': makeTemplate };
