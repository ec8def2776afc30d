import type { Call, Handler, Routes } from '../core/call.ts';
import { requestHa } from '../ha/request.ts';
import { isManaged } from '../ha/resources.ts';
import { fail } from '../core/errors.ts';
import { lockStep, type World } from '../core/world.ts';
import { assertRead, lockOf } from '../state/guests.ts';
import type { Guest } from '../state/types.ts';
import { copyDuration, DURATION } from '../tasks/durations.ts';
import type { TaskContext, Worker } from '../tasks/engine.ts';
import { allocate } from '../storage/volumes.ts';
import { storageOn } from '../storage/lookup.ts';
import { markRunning, markStopped, startWorker } from './power-worker.ts';
import { drivesOf } from './drives.ts';
import { guestSize } from './size.ts';
import { demandRootFor } from './update.ts';
import { parseVolid } from '../storage/lookup.ts';

const SHUTDOWN_TIMEOUT_S = 60;

/** In tasks a VM that is not there has other words than in calls. */
function guestForTask(world: World, node: string, vmid: number): Guest {
  const guest = world.state.guests.get(vmid);
  if (guest === undefined || guest.node !== node || guest.type !== 'qemu') {
    throw fail(`unable to find configuration file for VM ${vmid} on node '${node}'`);
  }
  assertRead(guest);
  return guest;
}

/** A twin must know the guest before the task starts, where the missing reads can still be answered. */
function know(call: Call): void {
  const guest = call.world.state.guests.get(call.params.number('vmid'));
  if (guest !== undefined && guest.node === call.node) assertRead(guest);
}

type Body = (call: Call, vmid: number, task: TaskContext) => Worker;

const asTask =
  (type: string, body: Body) =>
  (call: Call): string => {
    demandRootFor(call, 'skiplock');
    know(call);
    const vmid = call.params.number('vmid');
    return call.world.startTask({ node: call.node, type, id: vmid, user: call.principal.name }, (task) =>
      body(call, vmid, task),
    );
  };

function runningGuest(call: Call): Guest {
  const vmid = call.params.number('vmid');
  const guest = call.world.guestOn(call.node, vmid);
  if (guest.running === undefined) throw fail(`VM ${vmid} not running`);
  return guest;
}

/** Actions that refuse a stopped guest at once, not in the task (FACTS 29). */
const whenRunning = (type: string, body: Body) => {
  const start = asTask(type, body);
  return (call: Call): string => {
    demandRootFor(call, 'skiplock');
    runningGuest(call);
    return start(call);
  };
};

function* stopBody(call: Call, vmid: number, task: TaskContext): Worker {
  const { world, node, params } = call;
  if (params.flag('overrule-shutdown')) overruleShutdowns(world, vmid, task);
  yield lockStep(vmid);
  const guest = guestForTask(world, node, vmid);
  if (guest.running === undefined) return;
  if (!params.flag('skiplock')) world.checkLock(guest);
  yield { wait: DURATION.stop };
  markStopped(world, guest);
}

function overruleShutdowns(world: World, vmid: number, task: TaskContext): void {
  const upids = world.tasks.running
    .filter(({ type, id }) => type === 'qmshutdown' && id === String(vmid))
    .map(({ upid }) => upid);
  if (upids.length === 0) return;
  for (const upid of upids) world.tasks.interrupt(upid, 'received interrupt');
  task.log(`overruled qmshutdown tasks: ${upids.join(', ')}`);
}

function* shutdownBody(call: Call, vmid: number, task: TaskContext): Worker {
  const { world, node, params } = call;
  yield lockStep(vmid);
  const guest = guestForTask(world, node, vmid);
  if (guest.running === undefined) return;
  if (!params.flag('skiplock')) world.checkLock(guest);
  yield* shutDown(call, guest, task);
  if (guest.running === undefined) return;
  if (params.flag('keepActive')) return;
  markStopped(world, guest);
}

/** Presses the power button and waits; after the timeout the task fails, or kills the guest with `forceStop`. */
function* shutDown({ params }: Call, guest: Guest, task: TaskContext): Worker {
  const timeout = (params.maybeNumber('timeout') ?? SHUTDOWN_TIMEOUT_S) * 1000;
  const responds = guest.running?.responds === true && guest.running.qmpstatus === 'running';
  if (responds && timeout >= DURATION.shutdown) {
    yield { wait: DURATION.shutdown };
    return;
  }
  yield { wait: timeout };
  if (!params.flag('forceStop')) throw fail('VM quit/powerdown failed - got timeout');
  task.log('VM still running - terminating now with SIGTERM');
  yield { wait: DURATION.stop };
}

function* rebootBody(call: Call, vmid: number, task: TaskContext): Worker {
  const { world, node } = call;
  yield lockStep(vmid);
  const guest = guestForTask(world, node, vmid);
  world.checkLock(guest);
  yield* shutDown(call, guest, task);
  markStopped(world, guest);
  yield { wait: DURATION.start };
  markRunning(world, guest);
}

function* resetBody(call: Call, vmid: number): Worker {
  const { world, node, params } = call;
  yield lockStep(vmid);
  const guest = guestForTask(world, node, vmid);
  if (!params.flag('skiplock')) world.checkLock(guest);
  yield { wait: 200 };
  if (guest.running?.agentAt !== undefined) guest.running.agentAt = world.now() + DURATION.agent;
}

function* resumeBody(call: Call, vmid: number): Worker {
  const { world, node } = call;
  yield lockStep(vmid);
  const guest = guestForTask(world, node, vmid);
  yield { wait: 200 };
  if (guest.running !== undefined) guest.running.qmpstatus = 'running';
}

function* pauseBody(call: Call, vmid: number): Worker {
  const { world, node, params } = call;
  yield lockStep(vmid);
  const guest = guestForTask(world, node, vmid);
  if (!params.flag('skiplock')) world.checkLock(guest);
  yield { wait: 200 };
  if (guest.running !== undefined) guest.running.qmpstatus = 'paused';
}

/** The memory goes to a volume, the guest is off, and its lock says why (a start wakes it). */
function* hibernateBody(call: Call, vmid: number, task: TaskContext): Worker {
  const { world, node, params } = call;
  yield lockStep(vmid);
  const guest = guestForTask(world, node, vmid);
  world.checkLock(guest);
  guest.config.lock = 'suspending';
  const { memory } = guestSize(guest);
  const disk = drivesOf(guest.config)
    .map(([, drive]) => parseVolid(drive.file ?? '')?.storage)
    .find(Boolean);
  const storage = storageOn(world, node, params.maybe('statestorage') ?? disk ?? 'local');
  const log = (line: string): void => task.log(line);
  const volid = allocate(world, {
    node,
    storage,
    vmid,
    format: 'raw',
    size: 2 * memory,
    stem: `vm-${vmid}-state-suspend-${world.seconds()}`,
    written: memory,
    log,
  });
  yield { wait: copyDuration(memory) };
  Object.assign(guest.config, { lock: 'suspended', vmstate: volid, 'running-machine': guest.running?.machine ?? '' });
  delete guest.running;
  world.changed(guest);
}

const suspend = (call: Call): string => {
  const guest = runningGuest(call);
  const toDisk = call.params.flag('todisk');
  if (toDisk && lockOf(guest) !== undefined) throw fail(`Cannot suspend VM to disk - VM is locked`);
  return toDisk ? asTask('qmsuspend', hibernateBody)(call) : asTask('qmpause', pauseBody)(call);
};

/** For a guest under HA the call becomes a request to its manager (FACTS 35). */
const managed =
  (kind: 'start' | 'stop', otherwise: Handler): Handler =>
  (call) => {
    const { world, params, principal, node } = call;
    const vmid = params.number('vmid');
    if (principal.ha || !isManaged(world, `vm:${vmid}`)) return otherwise(call);
    demandRootFor(call, 'skiplock');
    return requestHa(call, node, 'vm', kind);
  };

const base = '/nodes/{node}/qemu/{vmid}/status';

export const powerRoutes: Routes = {
  [`POST ${base}/start`]: managed(
    'start',
    asTask('qmstart', ({ world, node, params }, vmid, task) =>
      startWorker(world, node, vmid, { skiplock: params.flag('skiplock') }, task),
    ),
  ),
  [`POST ${base}/stop`]: managed('stop', asTask('qmstop', stopBody)),
  [`POST ${base}/shutdown`]: managed('stop', asTask('qmshutdown', shutdownBody)),
  [`POST ${base}/reboot`]: whenRunning('qmreboot', rebootBody),
  [`POST ${base}/reset`]: whenRunning('qmreset', resetBody),
  [`POST ${base}/resume`]: whenRunning('qmresume', resumeBody),
  [`POST ${base}/suspend`]: suspend,
};
