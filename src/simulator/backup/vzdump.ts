import { demand, may } from '../access/check.ts';
import type { Call, Routes } from '../core/call.ts';
import { fail, parameterError, PveError } from '../core/errors.ts';
import { isQuorate, unwritable } from '../core/quorum.ts';
import { lockStep } from '../core/world.ts';
import { fieldsOf } from '../schema/property-string.ts';
import { guestName } from '../state/guests.ts';
import type { Archive, Guest } from '../state/types.ts';
import { contentOf, isShared } from '../storage/kinds.ts';
import { addVolume, storageOn, volumePath } from '../storage/lookup.ts';
import { copyDuration } from '../tasks/durations.ts';
import type { Step, TaskContext, Worker } from '../tasks/engine.ts';
import { archiveOf, archiveVolume, configText, contentsOf } from './archive.ts';
import { markBackups, prune } from './prune.ts';
import { backupVolumes, selectedIds } from './selection.ts';

const EXTENSION: Readonly<Record<string, string>> = { zstd: '.zst', gzip: '.gz', lzo: '.lzo', '1': '.lzo' };

/** `2026_11_20-08_42_20`, as in archive names. */
const stampOf = (ms: number): string => readable(ms).replaceAll('-', '_').replace(' ', '-').replaceAll(':', '_');
const readable = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');

function verify({ params, node }: Call): void {
  if (params.has('node') && params.text('node') !== node)
    throw parameterError({ node: 'option is only allowed on the command line interface.' });
  if (params.has('stdout')) throw parameterError({ stdout: 'option is only allowed on the command line interface.' });
  for (const other of ['all', 'exclude', 'pool'])
    if (params.has(other) && params.text(other) !== '0' && params.has('vmid'))
      throw parameterError({ [other]: "option conflicts with option 'vmid'" });
  const some = params.flag('all') || params.has('exclude') || params.flag('stop') || params.has('pool');
  if (!some && !params.has('vmid')) throw parameterError({ vmid: 'property is missing' });
}

/** A call that only names guests of other nodes ends without a task and says so with `OK`. */
function vzdump(call: Call): string {
  const { world, node, params, principal } = call;
  verify(call);
  const all = params.flag('all') || (params.has('exclude') && !params.has('pool'));
  const chosen = selectedIds(world, { ...params.values, all: all ? 1 : 0 });
  const visible = params.has('vmid') ? chosen : chosen.filter((vmid) => may(call, `/vms/${vmid}`, ['VM.Backup']));
  if (params.has('vmid')) for (const vmid of visible) demand(call, `/vms/${vmid}`, ['VM.Backup']);
  const vmids = visible.filter((vmid) => (world.state.guests.get(vmid)?.node ?? node) === node);
  if (vmids.length === 0 && !all) return 'OK';
  const storage = params.maybe('storage') ?? 'local';
  demand(call, `/storage/${storage}`, ['Datastore.AllocateSpace']);
  const id = vmids.length === 1 ? String(vmids[0]) : '';
  return world.startTask({ node, type: 'vzdump', id, user: principal.name }, (task) =>
    backupAll(call, vmids, storage, task),
  );
}

function commandLine({ node, params }: Call, vmids: readonly number[]): string {
  const options = params
    .without('node', 'vmid')
    .map(([key, value]) => `--${key} ${/[^\w./:-]/.test(String(value)) ? `'${String(value)}'` : String(value)}`);
  return ['vzdump', ...(params.has('vmid') ? vmids : []), `--node ${node}`, ...options].join(' ');
}

/** What goes wrong with one guest does not keep the others from being backed up (FACTS 34). */
function* backupAll(call: Call, vmids: readonly number[], storageId: string, task: TaskContext): Worker {
  const { world, node } = call;
  yield { wait: 300 };
  const storage = storageOn(world, node, storageId);
  if (!contentOf(storage).includes('backup'))
    throw fail(
      `could not get storage information for '${storageId}': can't use storage '${storageId}' for backups - wrong content type`,
    );
  task.log(`INFO: starting new backup job: ${commandLine(call, vmids)}`);
  let failed = 0;
  for (const vmid of vmids) {
    try {
      yield* backupOne(call, vmid, storageId, task);
    } catch (error) {
      if (!(error instanceof PveError) || error.message === 'received interrupt') throw error;
      failed++;
      task.log(`ERROR: Backup of VM ${vmid} failed - ${error.message}`);
      task.log(`INFO: Failed at ${readable(world.now())}`);
    }
  }
  task.log(`INFO: Backup job finished ${failed > 0 ? 'with errors' : 'successfully'}`);
  if (failed > 0) throw fail('job errors');
}

function* backupOne(call: Call, vmid: number, storageId: string, task: TaskContext): Generator<Step, void, void> {
  const { world, node, params } = call;
  const guest = world.state.guests.get(vmid);
  if (guest === undefined || guest.node !== node) throw fail(`unable to find VM '${vmid}'`);
  const started = world.now();
  task.log(`INFO: Starting Backup of VM ${vmid} (${guest.type})`);
  task.log(`INFO: Backup started at ${readable(started)}`);
  task.log(`INFO: status = ${guest.running === undefined ? 'stopped' : 'running'}`);
  yield lockStep(vmid);
  try {
    if (!isQuorate(world.state)) throw unwritable(world, node, vmid, guest.type);
    world.checkLock(guest);
    describe(call, guest, task);
    const archive = archiveOf(world, guest);
    const disks = Object.values(archive.disks);
    const bytes = disks.reduce((sum, { size, used }) => sum + Math.max(used, size / 20), 0);
    guest.config.lock = 'backup';
    try {
      yield { wait: 500 + copyDuration(bytes, params.maybeNumber('bwlimit') ?? 0) };
    } finally {
      delete guest.config.lock;
    }
    addArchive(call, guest, storageId, { started, archive }, task);
    pruneAfter(call, guest, storageId, task);
    const took = new Date(world.now() - started).toISOString().slice(11, 19);
    task.log(`INFO: Finished Backup of VM ${vmid} (${took})`);
    task.log(`INFO: Backup finished at ${readable(world.now())}`);
  } finally {
    yield { unlock: `lock-${vmid}` };
  }
}

function describe({ params }: Call, guest: Guest, task: TaskContext): void {
  // A guest that is off is started for nothing but its backup, whatever was asked for.
  const mode = guest.running === undefined ? 'stop' : (params.maybe('mode') ?? 'snapshot');
  task.log(`INFO: backup mode: ${mode}`);
  if (params.has('bwlimit')) task.log(`INFO: bandwidth limit: ${params.text('bwlimit')} KiB/s`);
  task.log(`INFO: ionice priority: ${params.maybe('ionice') ?? '7'}`);
  task.log(`INFO: ${guest.type === 'qemu' ? 'VM' : 'CT'} Name: ${guestName(guest)}`);
  for (const { key, volid, included } of backupVolumes(guest))
    task.log(`INFO: ${included ? 'include' : 'exclude'} disk '${key}' '${volid}'`);
}

function addArchive(
  { world, node, params }: Call,
  guest: Guest,
  storageId: string,
  { started, archive }: { started: number; archive: Archive },
  task: TaskContext,
): void {
  const storage = storageOn(world, node, storageId);
  const pbs = storage.type === 'pbs';
  const compress = EXTENSION[params.maybe('compress') ?? ''] ?? '';
  const suffix = `${guest.type === 'qemu' ? 'vma' : 'tar'}${compress}`;
  const kind = guest.type === 'qemu' ? 'vm' : 'ct';
  const name = pbs
    ? `backup/${kind}/${guest.vmid}/${new Date(started).toISOString().slice(0, 19)}Z`
    : `backup/vzdump-${guest.type}-${guest.vmid}-${stampOf(started)}.${suffix}`;
  task.log(`INFO: creating vzdump archive '${volumePath(storage, name)}'`);
  const notes = params
    .maybe('notes-template')
    ?.replaceAll('{{guestname}}', guestName(guest))
    .replaceAll('{{vmid}}', String(guest.vmid))
    .replaceAll('{{node}}', node)
    .replaceAll('{{cluster}}', world.state.clusterName);
  if (notes !== undefined) task.log('INFO: adding notes to backup');
  if (params.flag('protected')) task.log('INFO: marking backup as protected');
  const used = Object.values(archive.disks).reduce((sum, disk) => sum + disk.used, 0);
  const size = Math.max(65_536, Math.floor(used * (compress === '' ? 1 : 0.6)));
  addVolume(world, {
    storage: storage.storage,
    ...(isShared(storage) ? {} : { node }),
    name,
    size,
    used: size,
    format: pbs ? `pbs-${kind}` : suffix,
    content: 'backup',
    vmid: guest.vmid,
    ctime: Math.floor(started / 1000),
    archive,
    extra: {
      subtype: guest.type,
      ...(notes === undefined ? {} : { notes }),
      ...(params.flag('protected') ? { protected: 1 } : {}),
    },
  });
}

/** Older backups of this guest go as the call, or else the storage, says. */
function pruneAfter({ world, node, params }: Call, guest: Guest, storageId: string, task: TaskContext): void {
  const storage = storageOn(world, node, storageId);
  const text = params.maybe('prune-backups') ?? storage.options['prune-backups'];
  if (text === undefined || !params.flag('remove', true)) return;
  const keep = fieldsOf('prune-backups', String(text));
  if (keep['keep-all'] === '1') return;
  task.log(`INFO: prune older backups with retention: ${String(text)}`);
  const gone = prune(world, markBackups(world, node, storage, keep, { vmid: guest.vmid, type: guest.type }));
  for (const volid of gone) task.log(`INFO: removing backup '${volid}'`);
  task.log(`INFO: pruned ${gone.length} backup(s) not covered by keep-retention policy`);
}

const DEFAULTS = {
  all: 0,
  bwlimit: 0,
  compress: '0',
  dumpdir: '/var/lib/vz/dump',
  fleecing: { enabled: 0 },
  ionice: 7,
  lockwait: 180,
  mailnotification: 'always',
  mode: 'snapshot',
  'notification-mode': 'auto',
  performance: { 'max-workers': 16, 'pbs-entries-max': 1_048_576 },
  pigz: 0,
  'prune-backups': 'keep-all=1',
  quiet: 0,
  remove: 1,
  stdexcludes: 1,
  stop: 0,
  stopwait: 10,
  storage: 'local',
  zstd: 1,
};

function defaults(call: Call): unknown {
  const storage = call.params.maybe('storage');
  if (storage === undefined) return DEFAULTS;
  const keep = storageOn(call.world, call.node, storage).options['prune-backups'];
  return { ...DEFAULTS, storage, ...(keep === undefined ? {} : { 'prune-backups': keep }) };
}

function extract(call: Call): string {
  const { world, node, params } = call;
  const volume = archiveVolume(world, node, params.text('volume'));
  if (!may(call, `/storage/${volume.storage}`, ['Datastore.Allocate'])) {
    demand(call, `/storage/${volume.storage}`, ['Datastore.AllocateSpace']);
    demand(call, `/vms/${volume.vmid}`, ['VM.Backup']);
  }
  return configText(contentsOf(world, volume), volume.extra?.subtype === 'lxc' ? 'lxc' : 'qemu');
}

export const vzdumpRoutes: Routes = {
  'POST /nodes/{node}/vzdump': vzdump,
  'GET /nodes/{node}/vzdump/defaults': defaults,
  'GET /nodes/{node}/vzdump/extractconfig': extract,
};
