import type { Call, Routes } from '../core/call.ts';
import { fail } from '../core/errors.ts';
import { lockStep } from '../core/world.ts';
import { ownVolumes as ofContainer } from '../lxc/destroy.ts';
import { lockStep as containerLock } from '../lxc/parts.ts';
import { forgetGuest } from '../qemu/registry.ts';
import { ownVolumes as ofVm } from '../qemu/destroy.ts';
import { fieldsOf } from '../schema/property-string.ts';
import { loadSchema } from '../schema/schema.ts';
import type { Guest } from '../state/types.ts';
import { findVolume } from '../storage/lookup.ts';
import { destroyVolume } from '../storage/volumes.ts';
import { DURATION, networkDuration } from '../tasks/durations.ts';

/** Documentation addresses and names that cannot exist: nobody answers there. */
const UNREACHABLE = /^(?:192\.0\.2\.|198\.51\.100\.|203\.0\.113\.)|\.(?:invalid|example|test)$/;

function demandRemote(endpoint: string): void {
  const { host = '', port = '8006' } = fieldsOf(loadSchema().formats['proxmox-remote'] ?? {}, endpoint);
  if (UNREACHABLE.test(host)) throw fail(`500 Can't connect to ${host}:${port} (Connection timed out)`);
}

/**
 * To another cluster, of which there is nothing here: whatever is sent arrives. The guest stays, stopped, unless it is to
 * be deleted once it is over there.
 */
const migrate = (type: Guest['type']) => (call: Call) => {
  const { world, node, params, principal } = call;
  const vmid = params.number('vmid');
  const guest = world.guestOn(node, vmid, type);
  world.checkLock(guest);
  if (type === 'qemu' && guest.running !== undefined && !params.flag('online'))
    throw fail("can't migrate running VM without --online");
  if (type === 'lxc' && guest.running !== undefined && !params.flag('online') && !params.flag('restart'))
    throw fail("can't migrate running container without --restart");
  demandRemote(params.text('target-endpoint'));
  const task = { node, type: type === 'qemu' ? 'qmigrate' : 'vzmigrate', id: vmid, user: principal.name };
  return world.startTask(task, function* () {
    yield type === 'qemu' ? lockStep(vmid) : containerLock(vmid);
    world.guestOn(node, vmid, type);
    world.checkLock(guest);
    const volumes = type === 'qemu' ? ofVm(guest) : ofContainer(guest);
    guest.config.lock = 'migrate';
    try {
      for (const volid of volumes) yield { wait: networkDuration(findVolume(world, node, volid)?.used ?? 0) };
      yield { wait: DURATION.migrate };
    } finally {
      delete guest.config.lock;
    }
    delete guest.running;
    world.changed(guest);
    if (!params.flag('delete')) return;
    for (const volid of volumes) destroyVolume(world, node, volid);
    forgetGuest(world, guest);
  });
};

export const remoteMigrateRoutes: Routes = {
  'POST /nodes/{node}/qemu/{vmid}/remote_migrate': migrate('qemu'),
  'POST /nodes/{node}/lxc/{vmid}/remote_migrate': migrate('lxc'),
};
