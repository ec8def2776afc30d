import type { Call, Routes } from '../core/call.ts';
import { fail, parameterError } from '../core/errors.ts';
import { requestHaMigration } from '../ha/request.ts';
import { blockingAt, goingAlong } from '../ha/affinity.ts';
import { isManaged } from '../ha/resources.ts';
import type { World } from '../core/world.ts';
import type { Guest } from '../state/types.ts';
import { isShared } from '../storage/kinds.ts';
import { addVolume, findVolume, parseVolid, removeVolume, servesNode, storageById } from '../storage/lookup.ts';
import { DURATION, networkDuration } from '../tasks/durations.ts';
import type { Worker } from '../tasks/engine.ts';
import { containerOf, lockStep, mountsOf, volumesOfConfig } from './parts.ts';
import { startContainer } from './power.ts';

const storageOf = (world: World, volid: string) => storageById(world, parseVolid(volid)?.storage ?? '');

function migrate(call: Call): string {
  const { world, node, params, principal } = call;
  const vmid = params.number('vmid');
  const target = params.text('target');
  if (target === node) throw parameterError({ target: 'target is local node.' });
  if (world.state.nodes[target] === undefined) throw fail(`no such cluster node '${target}'`);
  const guest = containerOf(call);
  world.checkLock(guest);
  const running = guest.running !== undefined;
  if (running && !params.flag('online') && !params.flag('restart'))
    throw fail("can't migrate running container without --restart");
  if (principal.ha !== true && isManaged(world, `ct:${vmid}`)) return requestHaMigration(call, node, 'ct', target);
  return world.startTask({ node, type: 'vzmigrate', id: vmid, user: principal.name }, (task) =>
    worker(call, guest, target, (line) => task.log(line)),
  );
}

function* worker(call: Call, guest: Guest, target: string, log: (line: string) => void): Worker {
  const { world, params } = call;
  yield lockStep(guest.vmid);
  world.checkLock(guest);
  const abort = (why: string): Error => {
    log(`ERROR: migration aborted (duration 00:00:00): ${why}`);
    return fail('migration aborted');
  };
  if (!world.nodeState(target).online) throw abort("Can't connect to destination address using public key");
  const running = guest.running !== undefined;
  if (running && !params.flag('restart')) throw abort('lxc live migration is currently not implemented');
  for (const volid of volumesOfConfig(guest.config))
    if (!servesNode(storageOf(world, volid), target))
      throw abort(`storage '${storageOf(world, volid).storage}' is not available on node '${target}'`);
  const bind = mountsOf(guest.config).find(
    ({ volid, options }) => parseVolid(volid) === undefined && !/shared=1/.test(options),
  );
  if (bind !== undefined) throw abort(`cannot migrate local bind mount point '${bind.key}'`);
  guest.config.lock = 'migrate';
  try {
    if (running) yield { wait: DURATION.shutdown };
    delete guest.running;
    log(`starting migration of CT ${guest.vmid} to node '${target}' (${world.nodeState(target).ip})`);
    for (const volid of volumesOfConfig(guest.config)) yield* carry(world, guest, volid, target);
    yield { wait: DURATION.migrate };
  } finally {
    delete guest.config.lock;
  }
  guest.node = target;
  world.changed(guest);
  log('migration finished successfully');
  if (!running) return;
  yield { unlock: `lock-${guest.vmid}` };
  yield* startContainer({ ...call, node: target }, guest.vmid);
}

function* carry(world: World, guest: Guest, volid: string, target: string): Worker {
  const volume = findVolume(world, guest.node, volid);
  if (volume === undefined || isShared(storageOf(world, volid))) return;
  yield { wait: networkDuration(volume.used) };
  removeVolume(world, volume);
  addVolume(world, { ...volume, node: target });
}

function precheck(call: Call): unknown {
  const { world, node } = call;
  const guest = containerOf(call);
  const sid = `ct:${guest.vmid}`;
  const managed = isManaged(world, sid);
  const against: Record<string, Record<string, unknown>> = {};
  for (const name of Object.keys(world.state.nodes).filter((one) => one !== node)) {
    const missing = volumesOfConfig(guest.config)
      .map((volid) => storageOf(world, volid))
      .filter((storage) => !servesNode(storage, name))
      .map(({ storage }) => storage);
    const blocking = managed ? blockingAt(world, sid, name) : [];
    against[name] = {
      ...(missing.length === 0 ? {} : { unavailable_storages: missing }),
      ...(blocking.length === 0 ? {} : { 'blocking-ha-resources': blocking }),
    };
  }
  const along = managed ? goingAlong(world, sid) : [];
  return {
    running: guest.running === undefined ? 0 : 1,
    'allowed-nodes': Object.keys(against).filter((name) => Object.keys(against[name] ?? {}).length === 0),
    'not-allowed-nodes': against,
    ...(along.length === 0 ? {} : { 'dependent-ha-resources': along }),
  };
}

export const migrateRoutes: Routes = {
  'GET /nodes/{node}/lxc/{vmid}/migrate': precheck,
  'POST /nodes/{node}/lxc/{vmid}/migrate': migrate,
};
