import { demand } from '../access/check.ts';
import type { Call } from '../core/call.ts';
import { fail, parameterError } from '../core/errors.ts';
import { lockStep, type World } from '../core/world.ts';
import type { Guest } from '../state/types.ts';
import { findVolume, storageById } from '../storage/lookup.ts';
import { freeDiskStem, nameFor, renameVolume } from '../storage/volumes.ts';
import { DURATION } from '../tasks/durations.ts';
import { bootOrder, isCdrom, parseDrive, printBootOrder, printDrive, UNUSED } from './drives.ts';
import { remembersVolume } from './pending.ts';
import { assertDigest } from './update.ts';

interface Reassign {
  readonly source: Guest;
  readonly target: Guest;
  readonly from: string;
  readonly to: string;
}

/** What is refused at once, in PVE's order. */
function check(call: Call): Reassign {
  const { world, node, params } = call;
  const vmid = params.number('vmid');
  const targetId = params.number('target-vmid');
  if (vmid === targetId) throw parameterError({ 'target-vmid': 'must be different than source VMID to reassign disk' });
  demand(call, `/vms/${targetId}`, ['VM.Config.Disk']);
  const found = world.state.guests.get(targetId);
  if (found === undefined) throw fail(`could not find target VM ${targetId}`);
  if (found.node !== node) throw fail(`Both VMs need to be on the same node (${node} != ${found.node})`);
  const source = world.guestOn(node, vmid);
  const target = world.guestOn(node, targetId);
  const from = params.text('disk');
  const to = params.maybe('target-disk') ?? from;
  world.checkLock(source);
  world.checkLock(target);
  assertDigest(call, source, params.maybe('digest'));
  assertDigest(call, target, params.maybe('target-digest'));
  const value = source.config[from];
  if (value === undefined) throw fail(`Disk '${from}' for VM '${vmid}' does not exist`);
  const drive = parseDrive(from, value);
  if (isCdrom(drive)) throw fail(`CD drive contents can't be moved to another VM`);
  if (remembersVolume(source, drive.file ?? '')) throw fail("Can't move disk used by a snapshot to another VM");
  if (source.running !== undefined && !UNUSED.test(from)) {
    throw fail('Cannot move disk to another VM while the source VM is running - detach first');
  }
  if (target.config[to] !== undefined) throw fail(`Target disk key '${to}' is already in use for VM '${targetId}'`);
  return { source, target, from, to };
}

/** Gives a disk to another VM: its volume is renamed, and both configurations change. */
export function reassignDisk(call: Call): string {
  const { world, node, params, principal } = call;
  const { source, target, from, to } = check(call);
  const id = `${source.vmid}-${from}>${target.vmid}-${to}`;
  return world.startTask({ node, type: 'qmmove', id, user: principal.name }, function* (task) {
    yield lockStep(source.vmid);
    yield lockStep(target.vmid);
    for (const { vmid } of [source, target]) world.guestOn(node, vmid);
    if (source.running !== undefined || target.config[to] !== undefined)
      throw fail('checksum mismatch (file change by other user?)');
    task.log(`reassign disk '${from}' from VM '${params.text('vmid')}' as '${to}' to VM '${target.vmid}'`);
    yield { wait: DURATION.reassign };
    const value = source.config[from];
    if (value === undefined) throw fail(`Disk '${from}' for VM '${source.vmid}' does not exist`);
    const drive = parseDrive(from, value);
    if (remembersVolume(source, drive.file ?? '')) throw fail("Can't move disk used by a snapshot to another VM");
    const renamed = rename(world, node, drive.file ?? '', target.vmid);
    task.log(`removing disk '${from}' from VM '${source.vmid}' config`);
    delete source.config[from];
    const order = bootOrder(source.config);
    if (order.includes(from)) source.config.boot = printBootOrder(order.filter((key) => key !== from));
    target.config[to] = printDrive(to, { ...drive, file: renamed });
    task.log(`update VM ${target.vmid}: -${to} ${target.config[to]}`);
    world.changed(source);
    world.changed(target);
  });
}

function rename(world: World, node: string, volid: string, vmid: number): string {
  const volume = findVolume(world, node, volid);
  if (volume === undefined) throw fail(`volume '${volid}' does not exist`);
  const storage = storageById(world, volume.storage);
  return renameVolume(
    world,
    volume,
    nameFor(storage, vmid, freeDiskStem(world, node, storage, vmid), volume.format),
    vmid,
  );
}
