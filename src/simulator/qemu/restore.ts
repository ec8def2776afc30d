import type { Call } from '../core/call.ts';
import { fail, parameterError, PveError } from '../core/errors.ts';
import { archiveVolume, contentsOf } from '../backup/archive.ts';
import { lockStep } from '../core/world.ts';
import { newGuest } from '../state/guests.ts';
import type { Archive, Config, Guest } from '../state/types.ts';
import { kindOf } from '../storage/kinds.ts';
import { imageStorage, parseVolid } from '../storage/lookup.ts';
import { allocate, destroyVolume, ownerOf } from '../storage/volumes.ts';
import { copyDuration, DURATION } from '../tasks/durations.ts';
import type { Step, TaskContext } from '../tasks/engine.ts';
import { CLOUDINIT_SIZE } from './disks.ts';
import { DRIVE, drivesOf, isCloudinit, parseDrive, printDrive, UNUSED, volumeIds } from './drives.ts';
import { startWorker } from './power-worker.ts';
import { addToPool, assertFree } from './registry.ts';
import { formatSize } from './size.ts';
import { renewIdentity, renewMacs } from './values.ts';

/** The guest that a restore makes or, with `force`, overwrites; that one has to be off. */
function target(call: Call, vmid: number): Guest {
  const { world, node, params } = call;
  const there = world.state.guests.get(vmid);
  if (there === undefined || !params.flag('force')) {
    assertFree(world, vmid, (where) => `unable to restore VM ${vmid} - VM ${vmid} already exists on node '${where}'`);
    const guest = newGuest(vmid, node);
    guest.config = { lock: 'create' };
    world.state.guests.set(vmid, guest);
    world.changed(guest);
    return guest;
  }
  if (there.node !== node)
    throw fail(`unable to restore VM ${vmid} - VM ${vmid} already exists on node '${there.node}'`);
  if (there.type !== 'qemu')
    throw fail(
      `unable to restore VM ${vmid} - Configuration file 'nodes/${node}/qemu-server/${vmid}.conf' does not exist`,
    );
  return there;
}

/** Restores an archive into a VM; what the call sets takes the place of what the archive holds. */
export function restoreVm(call: Call, values: Config): string {
  const { world, node, params, principal } = call;
  const vmid = params.number('vmid');
  const drive = Object.keys(values).find((key) => DRIVE.test(key));
  if (drive !== undefined) throw parameterError({ [drive]: "option conflicts with option 'archive'" });
  const guest = target(call, vmid);
  const pool = params.maybe('pool');
  if (pool !== undefined) addToPool(world, vmid, pool);
  return world.startTask({ node, type: 'qmrestore', id: vmid, user: principal.name }, function* (task) {
    yield lockStep(vmid);
    try {
      yield* restore(call, guest, values, task);
    } catch (error) {
      // What was there before is left as it is, and so is a new VM with nothing in it.
      if (guest.config.lock === 'create') delete guest.config.lock;
      throw error instanceof PveError ? fail(`unable to restore VM ${vmid} - ${error.message}`) : error;
    }
    if (!params.flag('start')) return;
    yield { unlock: `lock-${vmid}` };
    world.startTask({ node, type: 'qmstart', id: vmid, user: principal.name }, (start) =>
      startWorker(world, node, vmid, {}, start),
    );
    yield { wait: 2 * DURATION.start };
  });
}

function* restore(call: Call, guest: Guest, values: Config, task: TaskContext): Generator<Step, void, void> {
  const { world, node, params } = call;
  if (guest.running !== undefined) throw fail('vm is running');
  if (Number(guest.config.protection ?? 0) === 1) throw fail('protection mode enabled');
  const volid = params.text('archive');
  const archive = contentsOf(world, archiveVolume(world, node, volid));
  task.log(`restore vma archive: ${volid}`);
  const old = volumeIds(guest.config).filter((one) => ownerOf(one) === guest.vmid);
  for (const one of old) destroyVolume(world, node, one);
  const config = restoreDisks(call, archive, task);
  const bytes = Object.values(archive.disks).reduce((sum, { used }) => sum + used, 0);
  yield { wait: copyDuration(bytes, params.maybeNumber('bwlimit') ?? 0) };
  if (params.flag('unique')) {
    renewMacs(world, config);
    renewIdentity(world, config);
  } else if (config.vmgenid !== undefined) config.vmgenid = world.uuid();
  Object.assign(guest, { config: { ...config, ...values }, pending: {}, deleting: {}, cloudinit: {}, snapshots: {} });
  world.changed(guest);
}

/** New volumes for the disks in the archive, on the storage asked for or on those they were saved from. */
function restoreDisks({ world, node, params }: Call, archive: Archive, task: TaskContext): Config {
  const vmid = params.number('vmid');
  const wanted = params.maybe('storage');
  const log = (line: string): void => task.log(line);
  const config: Config = Object.fromEntries(
    Object.entries(archive.config).filter(([key]) => !UNUSED.test(key) && !/^(?:lock|parent|template)$/.test(key)),
  );
  for (const [key, disk] of Object.entries(archive.disks)) {
    const storage = imageStorage(world, node, wanted ?? disk.storage);
    const { size, used: written } = disk;
    const format = kindOf(storage).formats.includes(disk.format) ? disk.format : undefined;
    const file = allocate(world, { node, storage, vmid, format, size, written, log });
    log(`new volume ID is '${file}'`);
    config[key] = printDrive(key, { ...parseDrive(key, config[key]), file, size: formatSize(size) });
  }
  for (const [key, drive] of drivesOf(config)) {
    if (archive.disks[key] !== undefined || parseVolid(drive.file ?? '') === undefined) continue;
    if (isCloudinit(drive)) {
      const storage = imageStorage(world, node, wanted ?? parseVolid(drive.file ?? '')?.storage ?? 'local');
      const stem = `vm-${vmid}-cloudinit`;
      const format = kindOf(storage).files ? 'qcow2' : 'raw';
      config[key] = printDrive(key, {
        ...drive,
        file: allocate(world, { node, storage, vmid, stem, format, size: CLOUDINIT_SIZE, log }),
      });
    } else if (drive.media !== 'cdrom') delete config[key];
  }
  return config;
}
