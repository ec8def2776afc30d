import type { Call, Routes } from '../core/call.ts';
import { fail } from '../core/errors.ts';
import { isQuorate, unwritable } from '../core/quorum.ts';
import { lockStep, type World } from '../core/world.ts';
import type { Guest } from '../state/types.ts';
import { volidOf, volumesOf } from '../storage/lookup.ts';
import { demandNoClones, destroyVolume, ownerOf } from '../storage/volumes.ts';
import { DURATION } from '../tasks/durations.ts';
import { volumeIds } from './drives.ts';
import { demandUnused, forgetGuest, purgeGuest } from './registry.ts';
import { demandRootFor } from './update.ts';

/** What is refused at once (FACTS 28); the lock and linked clones are met only in the task. */
function check(call: Call): Guest {
  const { world, node, params } = call;
  const vmid = params.number('vmid');
  demandRootFor(call, 'skiplock');
  const guest = world.guestOn(node, vmid);
  if (Number(guest.config.protection ?? 0) === 1) throw fail(`can't remove VM ${vmid} - protection mode enabled`);
  if (!params.flag('purge')) demandUnused(world, guest);
  if (guest.running !== undefined) throw fail(`VM ${vmid} is running - destroy failed`);
  return guest;
}

/** Every volume that is the guest's own, those of its snapshots included. */
export const ownVolumes = (guest: Guest): string[] => {
  const configs = [
    guest.config,
    guest.pending,
    ...Object.values(guest.snapshots).map(({ config, vmstate }) => ({
      ...config,
      ...(vmstate === undefined ? {} : { vmstate }),
    })),
  ];
  return [...new Set(configs.flatMap(volumeIds))].filter((volid) => ownerOf(volid) === guest.vmid);
};

function destroyUnreferenced(world: World, guest: Guest): void {
  for (const storage of world.state.storages.values()) {
    for (const volume of volumesOf(world, guest.node, storage)) {
      if (volume.vmid === guest.vmid && volume.content === 'images') destroyVolume(world, guest.node, volidOf(volume));
    }
  }
}

function destroy(call: Call): string {
  const { world, node, params, principal } = call;
  const guest = check(call);
  const { vmid } = guest;
  return world.startTask({ node, type: 'qmdestroy', id: vmid, user: principal.name }, function* (task) {
    yield lockStep(vmid);
    world.guestOn(node, vmid);
    if (!params.flag('skiplock')) world.checkLock(guest);
    if (guest.running !== undefined) throw fail(`VM ${vmid} is running - destroy failed`);
    const volumes = ownVolumes(guest);
    demandNoClones(world, node, volumes);
    yield { wait: DURATION.destroy };
    for (const volid of volumes) destroyVolume(world, node, volid);
    // The disks are gone by the time PVE finds that it cannot write (FACTS 44).
    if (!isQuorate(world.state)) throw unwritable(world, node, vmid);
    if (params.flag('destroy-unreferenced-disks')) destroyUnreferenced(world, guest);
    if (params.flag('purge')) for (const line of purgeGuest(world, guest)) task.log(line);
    forgetGuest(world, guest);
  });
}

export const destroyRoutes: Routes = { 'DELETE /nodes/{node}/qemu/{vmid}': destroy };
