import type { Call, Routes } from '../core/call.ts';
import { fail, parameterError } from '../core/errors.ts';
import { lockStep, type World } from '../core/world.ts';
import type { Guest } from '../state/types.ts';
import { isShared } from '../storage/kinds.ts';
import { addVolume, findVolume, parseVolid, removeVolume, servesNode, storageById } from '../storage/lookup.ts';
import { DURATION, networkDuration } from '../tasks/durations.ts';
import type { TaskContext, Worker } from '../tasks/engine.ts';
import { volumeIds } from './drives.ts';
import { guestSize } from './size.ts';

interface LocalDisk {
  readonly volid: string;
  readonly size: number;
}

/** Volumes that are not on shared storage and would have to be copied. */
function localDisks(world: World, guest: Guest): LocalDisk[] {
  return volumeIds(guest.config)
    .filter((volid) => !isShared(storageById(world, parseVolid(volid)?.storage ?? '')))
    .map((volid) => ({ volid, size: findVolume(world, guest.node, volid)?.size ?? 0 }));
}

/** What is refused at once (FACTS 36). */
function check(call: Call): { guest: Guest; target: string } {
  const { world, node, params } = call;
  const target = params.text('target');
  const vmid = params.number('vmid');
  if (target === node) throw parameterError({ target: 'target is local node.' });
  const state = world.state.nodes[target];
  if (state === undefined) throw fail(`no such cluster node '${target}'`);
  const guest = world.guestOn(node, vmid);
  world.checkLock(guest);
  if (guest.running !== undefined && !params.flag('online')) throw fail("can't migrate running VM without --online");
  for (const volid of volumeIds(guest.config)) {
    const storage = storageById(world, parseVolid(volid)?.storage ?? '');
    if (!servesNode(storage, target)) throw fail(`storage '${storage.storage}' is not available on node '${target}'`);
  }
  return { guest, target };
}

function migrate(call: Call): string {
  const { world, node, params, principal } = call;
  const { guest, target } = check(call);
  if (world.state.haResources.has(`vm:${guest.vmid}`)) {
    return world.startTask({ node, type: 'hamigrate', id: guest.vmid, user: principal.name }, function* (task) {
      task.log(`requesting HA migration for VM ${guest.vmid} to node ${target}`);
      yield { wait: 100 };
      // The HA manager gets round to it with its next look.
      world.timeline.after(10_000, () => startMigration(call, guest, target, 'root@pam'));
    });
  }
  return startMigration(call, guest, target, principal.name, params.flag('with-local-disks'));
}

const startMigration = (call: Call, guest: Guest, target: string, user: string, localAllowed = false): string =>
  call.world.startTask({ node: guest.node, type: 'qmigrate', id: guest.vmid, user }, (task) =>
    migrateWorker(call, guest, target, localAllowed, task),
  );

function* migrateWorker(
  { world }: Call,
  guest: Guest,
  target: string,
  localAllowed: boolean,
  task: TaskContext,
): Worker {
  yield lockStep(guest.vmid);
  world.guestOn(guest.node, guest.vmid);
  world.checkLock(guest);
  const source = guest.node;
  task.log(`starting migration of VM ${guest.vmid} to node '${target}' (${world.nodeState(target).ip})`);
  if (!world.nodeState(target).online) throw fail('migration aborted');
  const local = localDisks(world, guest);
  if (local.length > 0 && guest.running !== undefined && !localAllowed) {
    for (const { volid } of local) task.log(`found local disk '${volid}' (attached)`);
    throw fail('migration aborted');
  }
  guest.config.lock = 'migrate';
  try {
    for (const { volid, size } of local) {
      task.log(`copying local disk image: '${volid}'`);
      yield { wait: networkDuration(size) };
    }
    yield { wait: DURATION.migrate + (guest.running === undefined ? 0 : networkDuration(guestSize(guest).memory)) };
  } finally {
    delete guest.config.lock;
  }
  for (const { volid } of local) {
    const volume = findVolume(world, source, volid);
    if (volume === undefined) continue;
    removeVolume(world, volume);
    addVolume(world, { ...volume, node: target });
  }
  guest.node = target;
  if (guest.running !== undefined) guest.running.pid = world.newPid(target);
  world.changed(guest);
  task.log('migration finished successfully');
}

/** Before a migration: where it can go, and what stands in the way. */
function precheck(call: Call): unknown {
  const { world, node, params } = call;
  const guest = world.guestOn(node, params.number('vmid'));
  const local = localDisks(world, guest);
  const nodes = Object.values(world.state.nodes).filter(({ name, online }) => name !== node && online);
  return {
    running: guest.running === undefined ? 0 : 1,
    local_disks: local.map(({ volid, size }) => ({ volid, size, cdrom: 0, is_unused: 0 })),
    local_resources: [],
    'mapped-resources': [],
    'mapped-resource-info': {},
    allowed_nodes: nodes.map(({ name }) => name),
    not_allowed_nodes: {},
    has_dbus_vmstate: 0,
  };
}

export const migrateRoutes: Routes = {
  'GET /nodes/{node}/qemu/{vmid}/migrate': precheck,
  'POST /nodes/{node}/qemu/{vmid}/migrate': migrate,
};
