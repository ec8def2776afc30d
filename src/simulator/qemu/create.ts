import { demand, may } from '../access/check.ts';
import type { Call, Routes } from '../core/call.ts';
import { fail, forbidden, PveError } from '../core/errors.ts';
import { lockStep } from '../core/world.ts';
import { newGuest, text } from '../state/guests.ts';
import type { Config, Guest } from '../state/types.ts';
import { DURATION } from '../tasks/durations.ts';
import { checkDriveAccess, createDisks } from './disks.ts';
import { defaultBootOrder, DRIVE, volumeIds } from './drives.ts';
import { startWorker } from './power-worker.ts';
import { demandBridges, demandConfigRights, demandTags } from './privileges.ts';
import { restoreVm } from './restore.ts';
import { addToPool, assertFree, demandPool, forgetGuest, MACHINE } from './registry.ts';
import { normalizeValues } from './values.ts';
import { destroyVolume } from '../storage/volumes.ts';

const META = [
  'node',
  'vmid',
  'start',
  'pool',
  'unique',
  'storage',
  'force',
  'bwlimit',
  'live-restore',
  'archive',
  'ha-managed',
  'import-working-storage',
];

function checkRights(call: Call, vmid: number, values: Config, pool: string | undefined): void {
  if (pool !== undefined) demandPool(call, pool);
  const allowed =
    may(call, `/vms/${vmid}`, ['VM.Allocate']) || (pool !== undefined && may(call, `/pool/${pool}`, ['VM.Allocate']));
  if (!allowed) throw forbidden();
  if (values.tags !== undefined) demandTags(call, '', String(values.tags));
  demandConfigRights(call, vmid, values, pool);
  demandBridges(call, values);
}

/** The new VM is there at once, locked, and gets its disks in the task (FACTS 41). */
function createVm(call: Call): string {
  const { world, node, params, principal } = call;
  const vmid = params.number('vmid');
  const pool = params.maybe('pool');
  const values = normalizeValues(world, params.without(...META));
  checkRights(call, vmid, values, pool);
  if (params.has('archive')) return restoreVm(call, values);
  for (const [key, value] of Object.entries(values)) if (DRIVE.test(key)) checkDriveAccess(call, key, value);
  assertFree(world, vmid, (where) => `unable to create VM ${vmid} - VM ${vmid} already exists on node '${where}'`);
  if (params.flag('start')) demand(call, `/vms/${vmid}`, ['VM.PowerMgmt']);
  const guest = newGuest(vmid, node);
  guest.config = { lock: 'create' };
  world.state.guests.set(vmid, guest);
  world.changed(guest);
  if (pool !== undefined) addToPool(world, vmid, pool);
  const abandon = (): void => forgetGuest(world, guest);
  return world.startTask({ node, type: 'qmcreate', id: vmid, user: principal.name, abandon }, function* (task) {
    const log = (line: string): void => task.log(line);
    try {
      yield lockStep(vmid);
      yield { wait: DURATION.create };
      finishConfig(call, guest, values, log);
    } catch (error) {
      for (const volid of volumeIds(guest.config)) destroyVolume(world, node, volid);
      forgetGuest(world, guest);
      throw error instanceof PveError ? fail(`unable to create VM ${vmid} - ${error.message}`) : error;
    }
    if (!params.flag('start')) return;
    task.log('Execute autostart');
    yield { unlock: `lock-${vmid}` };
    // The start is a task of its own; it is through when this one ends.
    world.startTask({ node, type: 'qmstart', id: vmid, user: principal.name }, (start) =>
      startWorker(world, node, vmid, {}, start),
    );
    yield { wait: 2 * DURATION.start };
  });
}

function finishConfig(call: Call, guest: Guest, values: Config, log: (line: string) => void): void {
  const { world, node } = call;
  const drives = Object.fromEntries(Object.entries(values).filter(([key]) => DRIVE.test(key)));
  const disks = createDisks({ world, node, vmid: guest.vmid, log }, drives);
  const config: Config = { ...values, ...disks };
  config.boot ??= defaultBootOrder(config);
  config.meta = `creation-qemu=${MACHINE.qemu},ctime=${world.seconds()}`;
  config.smbios1 ??= `uuid=${world.uuid()}`;
  if (config.vmgenid === undefined || text(config.vmgenid) === '1') config.vmgenid = world.uuid();
  guest.config = config;
  world.changed(guest);
}

export const createRoutes: Routes = { 'POST /nodes/{node}/qemu': createVm };
