import type { Call, Routes } from '../core/call.ts';
import { fail } from '../core/errors.ts';
import { isQuorate, unwritable } from '../core/quorum.ts';
import { demandUnused, forgetGuest, purgeGuest } from '../qemu/registry.ts';
import type { Guest } from '../state/types.ts';
import { demandNoClones, destroyVolume, ownerOf } from '../storage/volumes.ts';
import { DURATION } from '../tasks/durations.ts';
import { containerOf, lockStep, volumesOfConfig } from './parts.ts';

/** Every volume that is the container's own, those of its snapshots included. */
export function ownVolumes({ vmid, config, snapshots }: Guest): string[] {
  const configs = [config, ...Object.values(snapshots).map((snapshot) => snapshot.config)];
  return [...new Set(configs.flatMap(volumesOfConfig))].filter((volid) => ownerOf(volid) === vmid);
}

function destroy(call: Call): string {
  const { world, node, params, principal } = call;
  const vmid = params.number('vmid');
  const guest = containerOf(call);
  if (Number(guest.config.protection ?? 0) === 1) throw fail(`can't remove CT ${vmid} - protection mode enabled`);
  if (!params.flag('purge')) demandUnused(world, guest);
  const isOn = `unable to destroy CT ${vmid} - container is running`;
  if (guest.running !== undefined && !params.flag('force')) throw fail(isOn);
  return world.startTask({ node, type: 'vzdestroy', id: vmid, user: principal.name }, function* (task) {
    yield lockStep(vmid);
    world.guestOn(node, vmid, 'lxc');
    world.checkLock(guest);
    if (guest.running !== undefined) {
      if (!params.flag('force')) throw fail(isOn);
      task.log(`forced to stop CT ${vmid} before destroying!`);
      yield { wait: DURATION.stop };
      delete guest.running;
    }
    const volumes = ownVolumes(guest);
    demandNoClones(world, node, volumes);
    yield { wait: DURATION.destroy };
    for (const volid of volumes) destroyVolume(world, node, volid);
    if (!isQuorate(world.state)) throw unwritable(world, node, vmid, 'lxc');
    if (params.flag('purge')) for (const line of purgeGuest(world, guest)) task.log(line);
    forgetGuest(world, guest);
  });
}

export const destroyRoutes: Routes = { 'DELETE /nodes/{node}/lxc/{vmid}': destroy };
