import type { Call, Routes } from '../core/call.ts';
import { fail } from '../core/errors.ts';
import { snapshotConfig, snapshotOf, snapshotRoutes as ofVms } from '../qemu/snapshot.ts';
import type { Config, Guest } from '../state/types.ts';
import { ownerOf } from '../storage/volumes.ts';
import { DURATION } from '../tasks/durations.ts';
import type { Step } from '../tasks/engine.ts';
import {
  assertNoTemplate,
  containerOf,
  freeUnused,
  hasFeature,
  lockStep,
  mountsOf,
  UNUSED,
  volumesOfConfig,
} from './parts.ts';
import { startContainer } from './power.ts';

const NOT_COPIED = /^(?:lock|parent|description|unused\d+)$/;

type Body = (call: Call, guest: Guest, name: string) => Generator<Step, void, void>;

const asTask = (type: string, lock: string, body: Body) => (call: Call) => {
  const { world, node, params, principal } = call;
  const vmid = params.number('vmid');
  containerOf(call);
  return world.startTask({ node, type, id: vmid, user: principal.name }, function* () {
    yield lockStep(vmid);
    const guest = world.guestOn(node, vmid, 'lxc');
    world.checkLock(guest);
    const name = params.text('snapname');
    check(call, guest, name, type === 'vzsnapshot');
    guest.config.lock = lock;
    try {
      yield* body(call, guest, name);
    } finally {
      delete guest.config.lock;
    }
    if (type !== 'vzrollback' || !params.flag('start')) return;
    yield { unlock: `lock-${vmid}` };
    yield* startContainer(call, vmid);
  });
};

function check({ world }: Call, guest: Guest, name: string, taking: boolean): void {
  if (!taking) return void snapshotOf(guest, name);
  assertNoTemplate(guest, "you can't take a snapshot if it's a template");
  if (Object.hasOwn(guest.snapshots, name)) throw fail(`snapshot name '${name}' already used`);
  if (!hasFeature(world, guest.config, 'snapshot')) throw fail('snapshot feature is not available');
}

function* take({ world, params }: Call, guest: Guest, name: string): Generator<Step, void, void> {
  const snaptime = world.seconds();
  yield { wait: DURATION.snapshot };
  const { parent } = guest.config;
  const description = params.maybe('description');
  guest.snapshots[name] = {
    config: Object.fromEntries(Object.entries(guest.config).filter(([key]) => !NOT_COPIED.test(key))),
    snaptime,
    ...(parent === undefined ? {} : { parent: String(parent) }),
    ...(description === undefined ? {} : { description }),
  };
  guest.config.parent = name;
}

function* remove(_call: Call, guest: Guest, name: string): Generator<Step, void, void> {
  const { parent, config } = snapshotOf(guest, name);
  yield { wait: DURATION.deleteSnapshot };
  delete guest.snapshots[name];
  for (const holder of [guest.config, ...Object.values(guest.snapshots)]) {
    if (holder.parent !== name) continue;
    if (parent === undefined) delete holder.parent;
    else holder.parent = parent;
  }
  const known = new Set(
    [guest.config, ...Object.values(guest.snapshots).map((one) => one.config)].flatMap(volumesOfConfig),
  );
  for (const volid of volumesOfConfig(config))
    if (!known.has(volid) && ownerOf(volid) === guest.vmid) guest.config[freeUnused(guest.config)] = volid;
}

function* rollback({ world }: Call, guest: Guest, name: string): Generator<Step, void, void> {
  const snapshot = snapshotOf(guest, name);
  if (guest.running !== undefined) yield { wait: DURATION.stop };
  delete guest.running;
  yield { wait: DURATION.rollback };
  const config: Config = { ...snapshot.config, parent: name };
  // What the snapshot uses is in use again; what came after it is unused, not lost.
  const used = new Set(volumesOfConfig(snapshot.config));
  for (const [key, value] of Object.entries(guest.config))
    if (UNUSED.test(key) && !used.has(String(value))) config[key] = value;
  for (const { volid } of mountsOf(guest.config))
    if (!used.has(volid) && ownerOf(volid) === guest.vmid) config[freeUnused(config)] = volid;
  if (guest.config.description !== undefined) config.description = guest.config.description;
  Object.assign(guest, { config, pending: {}, deleting: {} });
  world.changed(guest);
}

function list(call: Call): unknown[] {
  const { world } = call;
  const guest = containerOf(call);
  const rows: unknown[] = Object.entries(guest.snapshots).map(([name, { snaptime, description, parent }]) => ({
    name,
    snaptime,
    description: description ?? '',
    ...(parent === undefined ? {} : { parent }),
  }));
  const { parent } = guest.config;
  const now = {
    name: 'current',
    description: 'You are here!',
    digest: world.digestOf(guest),
    running: guest.running === undefined ? 0 : 1,
  };
  return [...rows, { ...now, ...(parent === undefined ? {} : { parent }) }];
}

function describe(call: Call): null {
  const { world, params } = call;
  return world.withLock(params.number('vmid'), () => {
    const guest = containerOf(call);
    world.checkLock(guest);
    const snapshot = snapshotOf(guest, params.text('snapname'));
    if (params.has('description')) snapshot.description = params.text('description');
    return null;
  });
}

const base = '/nodes/{node}/lxc/{vmid}/snapshot';
const index = ofVms['GET /nodes/{node}/qemu/{vmid}/snapshot/{snapname}'];

export const snapshotRoutes: Routes = {
  [`GET ${base}`]: list,
  [`POST ${base}`]: (call) => {
    const name = call.params.text('snapname');
    if (/^(?:current|vzdump)$/.test(name)) throw fail(`unable to use snapshot name '${name}' (reserved name)`);
    return asTask('vzsnapshot', 'snapshot', take)(call);
  },
  ...(index === undefined ? {} : { [`GET ${base}/{snapname}`]: index }),
  [`DELETE ${base}/{snapname}`]: asTask('vzdelsnapshot', 'snapshot-delete', remove),
  [`POST ${base}/{snapname}/rollback`]: asTask('vzrollback', 'rollback', rollback),
  [`GET ${base}/{snapname}/config`]: (call) => snapshotConfig(containerOf(call), call.params.text('snapname')),
  [`PUT ${base}/{snapname}/config`]: describe,
};
