import type { Call, Routes } from '../core/call.ts';
import { fail, NotRead } from '../core/errors.ts';
import { lockStep, type World } from '../core/world.ts';
import { isTemplate } from '../state/guests.ts';
import type { Config, Guest, Snapshot } from '../state/types.ts';
import { storageOn } from '../storage/lookup.ts';
import { allocate, destroyVolume, ownerOf } from '../storage/volumes.ts';
import { copyDuration, DURATION } from '../tasks/durations.ts';
import type { TaskContext, Worker } from '../tasks/engine.ts';
import { drivesOf, freeUnused, isCdrom, UNUSED, volumeIds } from './drives.ts';
import { hasFeature } from './feature.ts';
import { startWorker, markStopped } from './power-worker.ts';
import { parseVolid } from '../storage/lookup.ts';
import { remembersVolume } from './pending.ts';
import { guestSize } from './size.ts';

const NOT_COPIED = /^(?:lock|parent|description|vmstate|digest|unused\d+)$/;

export function snapshotOf(guest: Guest, name: string): Snapshot {
  const snapshot = Object.hasOwn(guest.snapshots, name) ? guest.snapshots[name] : undefined;
  if (snapshot === undefined) throw fail(`snapshot '${name}' does not exist`);
  if (snapshot.unread)
    throw new NotRead([`GET /nodes/${guest.node}/${guest.type}/${guest.vmid}/snapshot/${name}/config`]);
  return snapshot;
}

const copyConfig = (config: Config): Config =>
  Object.fromEntries(Object.entries(config).filter(([key]) => !NOT_COPIED.test(key)));

function* takeWorker(call: Call, vmid: number, task: TaskContext): Worker {
  const { world, node, params } = call;
  yield lockStep(vmid);
  const guest = world.guestOn(node, vmid);
  const name = params.text('snapname');
  if (isTemplate(guest)) throw fail("you can't take a snapshot if it's a template");
  world.checkLock(guest);
  if (Object.hasOwn(guest.snapshots, name)) throw fail(`snapshot name '${name}' already used`);
  if (!hasFeature(world, guest, 'snapshot')) throw fail('snapshot feature is not available');
  guest.config.lock = 'snapshot';
  const snaptime = world.seconds();
  try {
    const running = guest.running !== undefined;
    if (running) task.log('skipping guest filesystem freeze - disabled in VM options');
    const vmstate = running && params.flag('vmstate') ? saveMemory(world, guest, name, task) : undefined;
    for (const [key, drive] of drivesOf(guest.config))
      if (!isCdrom(drive)) task.log(`snapshotting 'drive-${key}' (${drive.file})`);
    if (running) task.log('internal qemu snapshot');
    yield { wait: DURATION.snapshot + (vmstate === undefined ? 0 : copyDuration(guestSize(guest).memory)) };
    addSnapshot(call, guest, name, snaptime, vmstate);
  } finally {
    delete guest.config.lock;
  }
}

function addSnapshot(
  { params }: Call,
  guest: Guest,
  name: string,
  snaptime: number,
  vmstate: string | undefined,
): void {
  const description = params.maybe('description');
  const { parent } = guest.config;
  guest.snapshots[name] = {
    config: copyConfig(guest.config),
    snaptime,
    ...(parent === undefined ? {} : { parent: String(parent) }),
    ...(description === undefined ? {} : { description }),
    ...(vmstate === undefined ? {} : { vmstate }),
  };
  guest.config.parent = name;
}

function saveMemory(world: World, guest: Guest, name: string, task: TaskContext): string {
  const disk = drivesOf(guest.config)
    .map(([, { file }]) => parseVolid(file ?? '')?.storage)
    .find(Boolean);
  const storage = storageOn(world, guest.node, String(guest.config.vmstatestorage ?? disk ?? 'local'));
  const { memory } = guestSize(guest);
  const log = (line: string): void => task.log(line);
  task.log(`saving VM state and RAM using storage '${storage.storage}'`);
  return allocate(world, {
    node: guest.node,
    storage,
    vmid: guest.vmid,
    format: 'raw',
    size: 2 * memory + 500 * 1024 ** 2,
    stem: `vm-${guest.vmid}-state-${name}`,
    written: memory,
    log,
  });
}

function* deleteWorker(call: Call, vmid: number): Worker {
  const { world, node, params } = call;
  yield lockStep(vmid);
  const guest = world.guestOn(node, vmid);
  const name = params.text('snapname');
  const snapshot = snapshotOf(guest, name);
  world.checkLock(guest);
  guest.config.lock = 'snapshot-delete';
  try {
    yield { wait: DURATION.deleteSnapshot };
  } finally {
    delete guest.config.lock;
  }
  if (snapshot.vmstate !== undefined) destroyVolume(world, node, snapshot.vmstate);
  delete guest.snapshots[name];
  for (const other of Object.values(guest.snapshots)) if (other.parent === name) relink(other, snapshot.parent);
  if (guest.config.parent === name) {
    if (snapshot.parent === undefined) delete guest.config.parent;
    else guest.config.parent = snapshot.parent;
  }
  // A volume that only this snapshot had kept is not lost: it shows up as unused.
  for (const volid of volumeIds(snapshot.config)) {
    if (ownerOf(volid) === vmid && !volumeIds(guest.config).includes(volid) && !remembersVolume(guest, volid)) {
      guest.config[freeUnused(guest.config)] = volid;
    }
  }
}

function relink(snapshot: Snapshot, parent: string | undefined): void {
  if (parent === undefined) delete snapshot.parent;
  else snapshot.parent = parent;
}

function* rollbackWorker(call: Call, vmid: number, task: TaskContext): Worker {
  const { world, node, params, principal } = call;
  yield lockStep(vmid);
  const guest = world.guestOn(node, vmid);
  const name = params.text('snapname');
  const snapshot = snapshotOf(guest, name);
  if (isTemplate(guest)) throw fail(`VM is a template`);
  world.checkLock(guest);
  guest.config.lock = 'rollback';
  try {
    if (guest.running !== undefined) {
      yield { wait: DURATION.stop };
      markStopped(world, guest);
    }
    yield { wait: DURATION.rollback };
  } finally {
    delete guest.config.lock;
  }
  applySnapshot(world, guest, name, snapshot);
  if (!params.flag('start') && snapshot.vmstate === undefined) return;
  // PVE starts it as a task of its own and does not wait for that one.
  world.startTask({ node, type: 'qmstart', id: vmid, user: principal.name }, (start) =>
    startWorker(world, node, vmid, {}, start),
  );
  task.log(`starting VM ${vmid}`);
}

/** The configuration of the snapshot, with the guest's own description and what is unused by now. */
function applySnapshot(world: World, guest: Guest, name: string, snapshot: Snapshot): void {
  const config: Config = { ...snapshot.config, parent: name };
  if (guest.config.description !== undefined) config.description = guest.config.description;
  const used = new Set(volumeIds(snapshot.config));
  for (const [key, value] of Object.entries(guest.config))
    if (UNUSED.test(key) && !used.has(String(value))) config[key] = value;
  for (const [, { file = '' }] of drivesOf(guest.config)) {
    const kept = used.has(file) || volumeIds(config).includes(file);
    if (!kept && ownerOf(file) === guest.vmid) config[freeUnused(config)] = file;
  }
  if (config.vmgenid !== undefined) config.vmgenid = world.uuid();
  guest.config = config;
  guest.pending = {};
  guest.deleting = {};
  world.changed(guest);
}

function list(call: Call): unknown[] {
  const { world, node, params } = call;
  const guest = world.guestOn(node, params.number('vmid'));
  const rows: Record<string, unknown>[] = Object.entries(guest.snapshots).map(
    ([name, { snaptime, vmstate, description, parent }]) => ({
      name,
      snaptime,
      vmstate: vmstate === undefined ? 0 : 1,
      description: description ?? '',
      ...(parent === undefined ? {} : { parent }),
    }),
  );
  const { parent } = guest.config;
  rows.push({
    name: 'current',
    description: 'You are here!',
    digest: world.digestOf(guest),
    running: guest.running === undefined ? 0 : 1,
    ...(parent === undefined ? {} : { parent }),
  });
  return rows;
}

export function snapshotConfig(guest: Guest, name: string): Config {
  const { config, snaptime, parent, description, vmstate } = snapshotOf(guest, name);
  return {
    ...config,
    snaptime,
    ...(parent === undefined ? {} : { parent }),
    ...(description === undefined ? {} : { description }),
    ...(vmstate === undefined ? {} : { vmstate }),
  };
}

const asTask =
  (type: string, worker: (call: Call, vmid: number, task: TaskContext) => Worker) =>
  (call: Call): string => {
    const vmid = call.params.number('vmid');
    const guest = call.world.guestOn(call.node, vmid);
    if (type !== 'qmsnapshot' && Object.hasOwn(guest.snapshots, call.params.text('snapname')))
      snapshotOf(guest, call.params.text('snapname'));
    return call.world.startTask({ node: call.node, type, id: vmid, user: call.principal.name }, (task) =>
      worker(call, vmid, task),
    );
  };

function take(call: Call): string {
  const name = call.params.text('snapname');
  if (/^(?:current|pending)$/.test(name)) throw fail(`unable to use snapshot name '${name}' (reserved name)`);
  return asTask('qmsnapshot', takeWorker)(call);
}

function describe(call: Call): null {
  const { world, node, params } = call;
  const vmid = params.number('vmid');
  return world.withLock(vmid, () => {
    const guest = world.guestOn(node, vmid);
    world.checkLock(guest);
    const snapshot = snapshotOf(guest, params.text('snapname'));
    if (params.has('description')) snapshot.description = params.text('description');
    return null;
  });
}

const base = '/nodes/{node}/qemu/{vmid}/snapshot';

export const snapshotRoutes: Routes = {
  [`GET ${base}`]: list,
  [`POST ${base}`]: take,
  [`GET ${base}/{snapname}`]: () => [{ cmd: 'rollback' }, { cmd: 'config' }],
  [`DELETE ${base}/{snapname}`]: asTask('qmdelsnapshot', (call, vmid) => deleteWorker(call, vmid)),
  [`POST ${base}/{snapname}/rollback`]: asTask('qmrollback', rollbackWorker),
  [`GET ${base}/{snapname}/config`]: ({ world, node, params }) =>
    snapshotConfig(world.guestOn(node, params.number('vmid')), params.text('snapname')),
  [`PUT ${base}/{snapname}/config`]: describe,
};
