import type { Call, Routes } from '../core/call.ts';
import { fail, parameterError } from '../core/errors.ts';
import { lockStep } from '../core/world.ts';
import { requestHaMigration } from '../ha/request.ts';
import { blockingAt, goingAlong } from '../ha/affinity.ts';
import { isManaged } from '../ha/resources.ts';
import type { Guest } from '../state/types.ts';
import { findVolume, parseVolid, servesNode, storageById, storageOn } from '../storage/lookup.ts';
import { DURATION, networkDuration } from '../tasks/durations.ts';
import type { Step, TaskContext, Worker } from '../tasks/engine.ts';
import { volumeIds } from './drives.ts';
import { localDisks, localResources, mappedResources, moveVolumes, type StorageMap } from './migrate-disks.ts';
import { guestSize } from './size.ts';

interface Plan {
  readonly guest: Guest;
  readonly target: string;
  readonly storages: StorageMap;
  readonly online: boolean;
}

/** `a:b,c:d,other`: where disks of a storage go, and all others; `1` keeps every storage. */
function parseMap(text: string | undefined): StorageMap & { readonly targets: readonly string[] } {
  const named = new Map<string, string>();
  let otherwise: string | undefined;
  for (const item of (text ?? '').split(',').filter(Boolean)) {
    const [from = '', to] = item.split(':');
    if (to !== undefined) named.set(from, to);
    else if (item !== '1') otherwise = item;
  }
  const targets = [...named.values(), ...(otherwise === undefined ? [] : [otherwise])];
  return { of: (storage) => named.get(storage) ?? otherwise ?? storage, targets };
}

/** What is refused at once (FACTS 36); the order is PVE's. */
function plan(call: Call): Plan {
  const { world, node, params, principal } = call;
  const target = params.text('target');
  if (target === node) throw parameterError({ target: 'target is local node.' });
  if (world.state.nodes[target] === undefined) throw fail(`no such cluster node '${target}'`);
  for (const option of ['force', 'migration_type', 'migration_network'])
    if (params.has(option) && principal.name !== 'root@pam')
      throw parameterError({ [option]: 'Only root may use this option.' });
  const guest = world.guestOn(node, params.number('vmid'));
  world.checkLock(guest);
  const online = guest.running !== undefined;
  if (online && !params.flag('online')) throw fail("can't migrate running VM without --online");
  const storages = parseMap(params.maybe('targetstorage'));
  for (const storage of storages.targets) storageOn(world, target, storage);
  if (!params.has('targetstorage') || params.text('targetstorage') === '1') checkStorages(call, guest, target);
  return { guest, target, storages, online };
}

function checkStorages({ world }: Call, guest: Guest, target: string): void {
  for (const volid of volumeIds(guest.config)) {
    const storage = storageById(world, parseVolid(volid)?.storage ?? '');
    if (!servesNode(storage, target)) throw fail(`storage '${storage.storage}' is not available on node '${target}'`);
  }
}

function migrate(call: Call): string {
  const { world, node, principal } = call;
  const chosen = plan(call);
  const { guest, target } = chosen;
  if (!principal.ha && isManaged(world, `vm:${guest.vmid}`)) return requestHaMigration(call, node, 'vm', target);
  const { vmid } = guest;
  return world.startTask({ node, type: 'qmigrate', id: vmid, user: principal.name }, (task) =>
    migrateWorker(call, chosen, task),
  );
}

const stamped =
  ({ world }: Call, task: TaskContext) =>
  (line: string): void =>
    task.log(`${new Date(world.now()).toISOString().slice(0, 19).replace('T', ' ')} ${line}`);

function* migrateWorker(call: Call, chosen: Plan, task: TaskContext): Worker {
  const { world, node } = call;
  const { guest, target } = chosen;
  const log = stamped(call, task);
  const started = world.now();
  const took = (): string => new Date(world.now() - started).toISOString().slice(11, 19);
  yield lockStep(guest.vmid);
  world.guestOn(node, guest.vmid);
  world.checkLock(guest);
  const wrong = obstacle(call, chosen, log);
  if (wrong !== undefined) {
    log(`ERROR: migration aborted (duration ${took()}): ${wrong}`);
    throw fail('migration aborted');
  }
  log(`starting migration of VM ${guest.vmid} to node '${target}' (${world.nodeState(target).ip})`);
  guest.config.lock = 'migrate';
  try {
    yield* transfer(call, chosen, log);
  } finally {
    delete guest.config.lock;
  }
  moveVolumes(world, guest, target, chosen.storages, log);
  guest.node = target;
  world.changed(guest);
  log(`migration finished successfully (duration ${took()})`);
}

/** What PVE finds only once the task runs. */
function obstacle(call: Call, { guest, target, online, storages }: Plan, log: (line: string) => void) {
  const { world, params } = call;
  if (!world.nodeState(target).online) return "Can't connect to destination address using public key";
  const devices = localResources(guest);
  if (devices.length > 0 && (online || !params.flag('force')))
    return `can't migrate VM which uses local devices: ${devices.join(', ')}`;
  const mapped = mappedResources(world, guest);
  const missing = mapped.missing.get(target) ?? [];
  if (missing.length > 0) return `can't migrate to '${target}': missing mapped devices ${missing.join(', ')}`;
  if (online && mapped.fixed.length > 0)
    return `can't live migrate running VM which uses following mapped devices: ${mapped.fixed.join(', ')}`;
  const errors = localDisks(world, guest).flatMap((disk) => {
    if (disk.cdrom === 1 && disk.is_cloudinit === 0) return [[disk.volid, 'local cdrom image']];
    if (online && Object.keys(guest.snapshots).length > 0)
      return [[disk.volid, 'online storage migration not possible if non-replicated snapshot exists']];
    if (online && disk.is_cloudinit === 0 && !params.flag('with-local-disks'))
      return [[disk.volid, "can't live migrate attached local disks without with-local-disks option"]];
    const volume = findVolume(world, guest.node, disk.volid);
    if (volume?.base !== undefined && storages.of(volume.storage) === volume.storage)
      return [[disk.volid, `can't migrate '${disk.volid}' as it's a clone of '${volume.base}'`]];
    return [];
  });
  for (const [volid, words] of errors) log(`ERROR: can't migrate local disk '${volid}': ${words}`);
  return errors.length > 0 ? "Problem found while scanning volumes - can't migrate VM - check log" : undefined;
}

function* transfer(
  call: Call,
  { guest, target, online }: Plan,
  log: (line: string) => void,
): Generator<Step, void, void> {
  const { world, principal } = call;
  const disks = localDisks(world, guest);
  for (const { volid } of disks) log(`found local disk '${volid}' (attached)`);
  if (disks.length > 0 && !online) log('copying local disk images');
  for (const { size } of disks) yield { wait: networkDuration(size) };
  if (!online) {
    yield { wait: DURATION.migrate };
    return;
  }
  log(`starting VM ${guest.vmid} on remote node '${target}'`);
  // The other side's process is a task of its own, over there (FACTS 36).
  world.startTask({ node: target, type: 'qmstart', id: guest.vmid, user: principal.name }, function* (): Worker {
    yield { wait: 1_000 };
  });
  yield* copyMemory(call, guest, log);
  const now = world.now();
  const { agentAt } = guest.running ?? {};
  if (guest.running === undefined) return;
  Object.assign(guest.running, {
    since: now,
    pid: world.newPid(target),
    ...(agentAt === undefined ? {} : { agentAt: now }),
  });
}

function* copyMemory({ params }: Call, guest: Guest, log: (line: string) => void): Generator<Step, void, void> {
  yield { wait: 2_000 };
  const insecure = params.maybe('migration_type') === 'insecure';
  const uri = insecure ? 'tcp' : `unix:/run/qemu-server/${guest.vmid}.migrate`;
  log(`starting online/live migration on ${uri}`);
  yield { wait: DURATION.migrate + networkDuration(guestSize(guest).memory) };
  log('migration status: completed');
}

/** Before a migration: where it can go, and what stands in the way. Whether the named target exists is not looked at. */
function precheck(call: Call): unknown {
  const { world, node, params } = call;
  const guest = world.guestOn(node, params.number('vmid'));
  const storages = new Set(volumeIds(guest.config).map((volid) => parseVolid(volid)?.storage ?? ''));
  const mapped = mappedResources(world, guest);
  const refused: Record<string, Record<string, unknown>> = {};
  const sid = `vm:${guest.vmid}`;
  const along = isManaged(world, sid) ? goingAlong(world, sid) : [];
  for (const name of Object.keys(world.state.nodes).filter((one) => one !== node)) {
    const unavailable = [...storages].filter((id) => !servesNode(storageById(world, id), name));
    const missing = mapped.missing.get(name) ?? [];
    const blocking = isManaged(world, sid) ? blockingAt(world, sid, name) : [];
    refused[name] = {
      ...(blocking.length > 0 ? { 'blocking-ha-resources': blocking } : {}),
      ...(unavailable.length > 0 ? { unavailable_storages: unavailable } : {}),
      ...(missing.length > 0 ? { 'unavailable-resources': missing } : {}),
    };
  }
  return {
    running: guest.running === undefined ? 0 : 1,
    local_disks: localDisks(world, guest),
    local_resources: localResources(guest),
    'mapped-resources': Object.keys(mapped.info),
    'mapped-resource-info': mapped.info,
    allowed_nodes: Object.keys(refused).filter((name) => Object.keys(refused[name] ?? {}).length === 0),
    not_allowed_nodes: refused,
    ...(along.length > 0 ? { 'dependent-ha-resources': along } : {}),
    'has-dbus-vmstate': 1,
  };
}

export const migrateRoutes: Routes = {
  'GET /nodes/{node}/qemu/{vmid}/migrate': precheck,
  'POST /nodes/{node}/qemu/{vmid}/migrate': migrate,
};
