import { demand } from '../access/check.ts';
import type { Call, Routes } from '../core/call.ts';
import { fail, PveError } from '../core/errors.ts';
import { lockStep, type World } from '../core/world.ts';
import { isTemplate, newGuest } from '../state/guests.ts';
import type { Config, Guest, StorageDefinition } from '../state/types.ts';
import { isShared, kindOf } from '../storage/kinds.ts';
import { findVolume, imageStorage, parseVolid, storageById } from '../storage/lookup.ts';
import { allocate, destroyVolume, linkedClone } from '../storage/volumes.ts';
import { copyDuration, DURATION, mirrorDuration } from '../tasks/durations.ts';
import type { TaskContext } from '../tasks/engine.ts';
import { demandRootFor } from './update.ts';
import { CLOUDINIT_SIZE, sizeOf } from './disks.ts';
import { drivesOf, isCdrom, isCloudinit, printDrive, UNUSED, type Drive } from './drives.ts';
import { driveSupports, volumeFormat } from './feature.ts';
import { addToPool, assertFree, demandPool, forgetGuest } from './registry.ts';
import { describeSize, formatSize } from './size.ts';
import { snapshotOf } from './snapshot.ts';
import { renewIdentity, renewMacs } from './values.ts';

interface Plan {
  readonly source: Guest;
  readonly config: Config;
  readonly newid: number;
  readonly full: boolean;
  readonly storage: string | undefined;
  readonly format: string | undefined;
  readonly bwlimit: number;
}

function sourceGuest(call: Call): Guest {
  const { world, node, params } = call;
  const vmid = params.number('vmid');
  const guest = world.state.guests.get(vmid);
  if (guest === undefined || guest.node !== node || guest.type !== 'qemu') {
    throw fail(`unable to find configuration file for VM ${vmid} on node '${node}'`);
  }
  return world.guestOn(node, vmid);
}

const configOf = (guest: Guest, snapname: string | undefined): Config =>
  snapname === undefined ? guest.config : snapshotOf(guest, snapname).config;

/** All that can be refused before the task starts; the order is PVE's, because the first reason is the one told. */
function plan(call: Call): Plan {
  const { world, node, params } = call;
  const newid = params.number('newid');
  const pool = params.maybe('pool');
  const storage = params.maybe('storage');
  const target = params.maybe('target');
  demandRootFor(call, 'skiplock');
  if (pool !== undefined) demandPool(call, pool);
  if (storage !== undefined) storageById(world, storage);
  if (target !== undefined && world.state.nodes[target] === undefined) throw fail(`no such cluster node '${target}'`);
  const source = sourceGuest(call);
  const full = params.flag('full', !isTemplate(source));
  if (!full && storage !== undefined) throw fail("parameter 'storage' not allowed for linked clones");
  if (!full && params.has('format')) throw fail("parameter 'format' not allowed for linked clones");
  world.checkLock(source);
  const config = configOf(source, params.maybe('snapname'));
  assertFree(world, newid, () => `unable to create VM ${newid}: config file already exists`);
  checkDrives(call, { config, full, storage, target });
  if (storage !== undefined) imageStorage(world, node, storage);
  return {
    source,
    config,
    newid,
    full,
    storage,
    format: params.maybe('format'),
    bwlimit: params.maybeNumber('bwlimit') ?? 0,
  };
}

function checkDrives(
  call: Call,
  {
    config,
    full,
    storage,
    target,
  }: { config: Config; full: boolean; storage: string | undefined; target: string | undefined },
): void {
  const { world, node } = call;
  for (const [key, drive] of drivesOf(config)) {
    const volid = drive.file ?? '';
    const parsed = parseVolid(volid);
    if (parsed === undefined || (isCdrom(drive) && !isCloudinit(drive))) continue;
    if (!full && !isCdrom(drive) && !driveSupports(world, drive, 'clone')) {
      throw fail(`Linked clone feature is not supported for '${volid}' (${key})`);
    }
    const used = storageById(world, storage ?? parsed.storage);
    demand(call, `/storage/${used.storage}`, ['Datastore.AllocateSpace']);
    if (target !== undefined && target !== node && !isShared(used)) {
      throw fail(`can't clone VM to node '${target}' (VM uses local storage)`);
    }
  }
}

/** The new VM exists at once, with nothing but its lock (FACTS 27). */
function clone(call: Call): string {
  const { world, node, params, principal } = call;
  const vmid = params.number('vmid');
  const chosen = plan(call);
  const { newid } = chosen;
  const fresh = newGuest(newid, node);
  fresh.config = { lock: 'clone', description: ' qmclone temporary file\n' };
  world.state.guests.set(newid, fresh);
  world.changed(fresh);
  const pool = params.maybe('pool');
  if (pool !== undefined) addToPool(world, newid, pool);
  const abandon = (): void => forgetGuest(world, fresh);
  return world.startTask({ node, type: 'qmclone', id: vmid, user: principal.name, abandon }, function* (task) {
    const made: string[] = [];
    try {
      yield lockStep(newid);
      // Two clones of one template run side by side; a change to it waits for both.
      yield lockStep(vmid, true);
      task.log(`creating a clone of VM ${vmid} with ID ${newid}`);
      // What was looked at before the locks were held may have changed since.
      const now = world.guestOn(node, vmid);
      const config = yield* copyAll(
        world,
        { ...chosen, source: now, config: configOf(now, params.maybe('snapname')) },
        task,
        made,
      );
      finish(call, fresh, now, config);
    } catch (error) {
      for (const volid of made) destroyVolume(world, node, volid);
      forgetGuest(world, fresh);
      throw error instanceof PveError ? fail(`clone failed: ${error.message}`) : error;
    }
  });
}

function* copyAll(
  world: World,
  chosen: Plan,
  task: TaskContext,
  made: string[],
): Generator<{ readonly wait: number }, Config, void> {
  const config: Config = {};
  for (const [key, value] of Object.entries(chosen.config)) {
    if (!UNUSED.test(key) && !/^(?:template|parent|lock|vmstate|snaptime)$/.test(key)) config[key] = value;
  }
  const drives = drivesOf(config).filter(
    ([, drive]) => parseVolid(drive.file ?? '') !== undefined && (!isCdrom(drive) || isCloudinit(drive)),
  );
  for (const [key, drive] of drives) {
    const copied =
      isCdrom(drive) || chosen.full
        ? copyDrive(world, chosen, key, drive, task)
        : linkDrive(world, chosen, key, drive, task);
    made.push(copied.volid);
    config[key] = printDrive(key, { ...drive, file: copied.volid, size: formatSize(copied.size) });
    yield { wait: copied.duration };
  }
  return config;
}

interface Copied {
  readonly volid: string;
  readonly size: number;
  readonly duration: number;
}

function copyDrive(world: World, chosen: Plan, key: string, drive: Drive, task: TaskContext): Copied {
  const { source, newid, storage: wanted, format, bwlimit } = chosen;
  const { node } = source;
  const volid = drive.file ?? '';
  const storage: StorageDefinition = imageStorage(world, node, wanted ?? parseVolid(volid)?.storage ?? '');
  const cloudinit = isCloudinit(drive);
  const size = cloudinit ? CLOUDINIT_SIZE : sizeOf(world, node, drive);
  const from = findVolume(world, node, volid);
  const log = (line: string): void => task.log(line);
  task.log(`create full clone of drive ${key} (${volid})`);
  const copy = allocate(world, {
    node,
    storage,
    vmid: newid,
    format: cloudinit ? (kindOf(storage).files ? 'qcow2' : 'raw') : (format ?? volumeFormat(volid)),
    size,
    ...(cloudinit ? { stem: `vm-${newid}-cloudinit` } : {}),
    ...(from === undefined ? {} : { written: from.used }),
    log,
  });
  task.log(`allocated target volume '${copy}'`);
  if (cloudinit) return { volid: copy, size, duration: 50 };
  task.log(`transferred 0.0 B of ${describeSize(size)} (0.00%)`);
  task.log(`transferred ${describeSize(size)} of ${describeSize(size)} (100.00%)`);
  return {
    volid: copy,
    size,
    duration: source.running === undefined ? copyDuration(from?.used ?? size, bwlimit) : mirrorDuration(size, bwlimit),
  };
}

function linkDrive(world: World, { source, newid }: Plan, key: string, drive: Drive, task: TaskContext): Copied {
  const { node } = source;
  const volid = drive.file ?? '';
  const storage = imageStorage(world, node, parseVolid(volid)?.storage ?? '');
  const base = findVolume(world, node, volid);
  if (base === undefined) throw fail(`volume '${volid}' does not exist`);
  task.log(`create linked clone of drive ${key} (${volid})`);
  const made = linkedClone(world, node, base, storage, newid);
  task.log(
    `clone ${base.name}: images, ${made.split('/').at(-1)}, ${newid} to ${made.split('/').at(-1)} (base=../${base.name})`,
  );
  return { volid: made, size: base.size, duration: DURATION.linkedClone };
}

function finish(call: Call, fresh: Guest, source: Guest, config: Config): void {
  const { world, params } = call;
  renewMacs(world, config);
  renewIdentity(world, config);
  config.name = params.maybe('name') ?? `Copy-of-VM-${String(source.config.name ?? source.vmid)}`;
  if (params.has('description')) config.description = params.text('description');
  fresh.config = config;
  const target = params.maybe('target');
  if (target !== undefined) fresh.node = target;
  world.changed(fresh);
}

export const cloneRoutes: Routes = { 'POST /nodes/{node}/qemu/{vmid}/clone': clone };
