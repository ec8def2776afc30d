import { demand } from '../access/check.ts';
import type { Call, Routes } from '../core/call.ts';
import { fail, PveError } from '../core/errors.ts';
import { lockStep } from '../core/world.ts';
import { drivesOf, isCdrom } from '../qemu/drives.ts';
import { sizeOf } from '../qemu/disks.ts';
import { splitList } from '../schema/formats.ts';
import { guestName } from '../state/guests.ts';
import type { Guest } from '../state/types.ts';
import { isShared } from '../storage/kinds.ts';
import { addVolume, findVolume, storageOn } from '../storage/lookup.ts';
import { copyDuration } from '../tasks/durations.ts';
import type { Step, TaskContext, Worker } from '../tasks/engine.ts';

const EXTENSION: Readonly<Record<string, string>> = { zstd: '.zst', gzip: '.gz', lzo: '.lzo', '1': '.lzo' };

/** `2026_11_20-08_42_20`, as in archive names. */
const stampOf = (ms: number): string =>
  new Date(ms).toISOString().slice(0, 19).replaceAll('-', '_').replace('T', '-').replaceAll(':', '_');

/** Which guests: the named ones, all of this node, or a pool's. */
function selection({ world, node, params }: Call): number[] {
  const excluded = new Set(splitList(params.maybe('exclude') ?? '').map(Number));
  const named = splitList(params.maybe('vmid') ?? '').map(Number);
  const pool = params.maybe('pool');
  const all = [...world.state.guests.values()].filter((guest) => guest.node === node).map(({ vmid }) => vmid);
  const chosen =
    pool === undefined
      ? params.flag('all')
        ? all
        : named
      : all.filter((vmid) => world.state.pools.get(pool)?.vms.includes(vmid));
  return chosen.filter((vmid) => !excluded.has(vmid));
}

function vzdump(call: Call): string {
  const { world, node, params, principal } = call;
  const vmids = selection(call);
  if (vmids.length === 0 && !params.flag('all') && !params.has('pool')) throw fail('no virtual machines specified');
  for (const vmid of vmids) demand(call, `/vms/${vmid}`, ['VM.Backup']);
  const storage = params.maybe('storage') ?? 'local';
  demand(call, `/storage/${storage}`, ['Datastore.AllocateSpace']);
  const id = vmids.length === 1 ? String(vmids[0]) : '';
  return world.startTask({ node, type: 'vzdump', id, user: principal.name }, (task) =>
    backupAll(call, vmids, storage, task),
  );
}

/** What goes wrong with one guest does not keep the others from being backed up (FACTS 34). */
function* backupAll(call: Call, vmids: readonly number[], storage: string, task: TaskContext): Worker {
  const { world, node } = call;
  task.log(`INFO: starting new backup job: vzdump ${vmids.join(' ')} --storage ${storage} --node ${node}`);
  let failed = 0;
  yield { wait: 300 };
  storageOn(world, node, storage);
  for (const vmid of vmids) {
    try {
      yield* backupOne(call, vmid, storage, task);
    } catch (error) {
      if (!(error instanceof PveError) || error.message === 'received interrupt') throw error;
      failed++;
      task.log(`ERROR: Backup of VM ${vmid} failed - ${error.message}`);
    }
  }
  task.log(`INFO: Backup job finished ${failed > 0 ? 'with errors' : 'successfully'}`);
  if (failed > 0) throw fail('job errors');
}

function* backupOne(call: Call, vmid: number, storage: string, task: TaskContext): Generator<Step, void, void> {
  const { world, node, params } = call;
  const guest = world.state.guests.get(vmid);
  task.log(`INFO: Starting Backup of VM ${vmid} (qemu)`);
  if (guest === undefined || guest.node !== node) throw fail(`unable to find VM '${vmid}'`);
  yield lockStep(vmid);
  try {
    world.checkLock(guest);
    guest.config.lock = 'backup';
    task.log(`INFO: status = ${guest.running === undefined ? 'stopped' : 'running'}`);
    const started = world.now();
    const size = drivesOf(guest.config).reduce(
      (sum, [, drive]) => sum + (isCdrom(drive) ? 0 : sizeOf(world, node, drive)),
      0,
    );
    const used = drivesOf(guest.config).reduce(
      (sum, [, drive]) => sum + (findVolume(world, node, drive.file ?? '')?.used ?? 0),
      0,
    );
    try {
      yield { wait: 500 + copyDuration(Math.max(used, size / 20), params.maybeNumber('bwlimit') ?? 0) };
    } finally {
      delete guest.config.lock;
    }
    addArchive(call, guest, storage, started, Math.max(65_536, Math.floor(used * 0.6)));
    task.log(`INFO: Finished Backup of VM ${vmid}`);
  } finally {
    yield { unlock: `lock-${vmid}` };
  }
}

function addArchive(
  { world, node, params }: Call,
  guest: Guest,
  storageId: string,
  started: number,
  size: number,
): void {
  const storage = storageOn(world, node, storageId);
  const pbs = storage.type === 'pbs';
  const compress = EXTENSION[params.maybe('compress') ?? ''] ?? '';
  const name = pbs
    ? `backup/vm/${guest.vmid}/${new Date(started).toISOString().slice(0, 19)}Z`
    : `backup/vzdump-qemu-${guest.vmid}-${stampOf(started)}.vma${compress}`;
  const notes = params
    .maybe('notes-template')
    ?.replaceAll('{{guestname}}', guestName(guest))
    .replaceAll('{{vmid}}', String(guest.vmid))
    .replaceAll('{{node}}', node);
  addVolume(world, {
    storage: storage.storage,
    ...(isShared(storage) ? {} : { node }),
    name,
    size,
    used: size,
    format: pbs ? 'pbs-vm' : `vma${compress}`,
    content: 'backup',
    vmid: guest.vmid,
    ctime: Math.floor(started / 1000),
    extra: {
      subtype: 'qemu',
      ...(notes === undefined ? {} : { notes }),
      ...(params.flag('protected') ? { protected: 1 } : {}),
    },
  });
}

export const vzdumpRoutes: Routes = { 'POST /nodes/{node}/vzdump': vzdump };
