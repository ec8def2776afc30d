import type { Call, Handler, Routes } from '../core/call.ts';
import { fail } from '../core/errors.ts';
import { requestHa } from '../ha/request.ts';
import { isManaged } from '../ha/resources.ts';
import { demandRootFor } from '../qemu/update.ts';
import { isTemplate } from '../state/guests.ts';
import type { Guest } from '../state/types.ts';
import { DURATION } from '../tasks/durations.ts';
import type { Step, Worker } from '../tasks/engine.ts';
import { applyPending } from './config.ts';
import { containerOf, lockStep, NET } from './parts.ts';

const START_MS = 900;
const SHUTDOWN_MS = 2_500;

export function* startContainer(call: Call, vmid: number): Generator<Step, void, void> {
  const { world, node, params } = call;
  yield lockStep(vmid);
  const guest = world.guestOn(node, vmid, 'lxc');
  if (isTemplate(guest)) throw fail("you can't start a CT if it's a template");
  if (!params.flag('skiplock')) world.checkLock(guest);
  if (guest.running !== undefined) throw fail(`CT ${vmid} already running`);
  checkBridges(call, guest);
  yield { wait: START_MS };
  run(call, guest);
}

function checkBridges({ world, node }: Call, { config }: Guest): void {
  const { network } = world.nodeState(node);
  for (const [key, value] of Object.entries(config)) {
    const bridge = NET.test(key) ? /(?:^|,)bridge=([^,]+)/.exec(String(value))?.[1] : undefined;
    if (bridge !== undefined && network !== undefined && network[bridge]?.active !== 1)
      throw fail(`bridge '${bridge}' does not exist`);
  }
}

function run({ world }: Call, guest: Guest): void {
  const pid = world.newPid(guest.node);
  guest.running = { since: world.now(), pid, qmpstatus: 'running', responds: true, machine: '' };
  world.changed(guest);
}

function halt({ world }: Call, guest: Guest): void {
  delete guest.running;
  applyPending(world, guest);
  world.changed(guest);
}

type Body = (call: Call, guest: Guest) => Generator<Step, void, void>;

function* stop(call: Call, guest: Guest): Worker {
  yield { wait: DURATION.stop };
  halt(call, guest);
}

function* shutdown(call: Call, guest: Guest): Worker {
  yield { wait: SHUTDOWN_MS };
  halt(call, guest);
}

function* reboot(call: Call, guest: Guest): Worker {
  yield { wait: SHUTDOWN_MS };
  halt(call, guest);
  yield { wait: START_MS };
  run(call, guest);
}

const pause = (qmpstatus: 'paused' | 'running'): Body =>
  function* (_call, guest) {
    yield { wait: 200 };
    if (guest.running !== undefined) guest.running.qmpstatus = qmpstatus;
  };

/** Calls on containers that are off are refused at once, unlike with VMs (FACTS 29). */
const whenRunning =
  (type: string, body: Body, who = 'CT'): Handler =>
  (call) => {
    const { world, node, params, principal } = call;
    const vmid = params.number('vmid');
    demandRootFor(call, 'skiplock');
    if (containerOf(call).running === undefined) throw fail(`${who} ${vmid} not running`);
    return world.startTask({ node, type, id: vmid, user: principal.name }, function* () {
      yield lockStep(vmid);
      const guest = world.guestOn(node, vmid, 'lxc');
      if (!params.flag('skiplock')) world.checkLock(guest);
      if (guest.running === undefined) return;
      yield* body(call, guest);
    });
  };

const start: Handler = (call) => {
  const { world, node, params, principal } = call;
  const vmid = params.number('vmid');
  demandRootFor(call, 'skiplock');
  if (containerOf(call).running !== undefined) throw fail(`CT ${vmid} already running`);
  return world.startTask({ node, type: 'vzstart', id: vmid, user: principal.name }, () => startContainer(call, vmid));
};

const managed =
  (kind: 'start' | 'stop', otherwise: Handler): Handler =>
  (call) => {
    const own = call.principal.ha === true || !isManaged(call.world, `ct:${call.params.number('vmid')}`);
    return own ? otherwise(call) : requestHa(call, call.node, 'ct', kind);
  };

const base = '/nodes/{node}/lxc/{vmid}/status';

export const powerRoutes: Routes = {
  [`POST ${base}/start`]: managed('start', start),
  [`POST ${base}/stop`]: managed('stop', whenRunning('vzstop', stop)),
  [`POST ${base}/shutdown`]: managed('stop', whenRunning('vzshutdown', shutdown)),
  [`POST ${base}/reboot`]: whenRunning('vzreboot', reboot, 'VM'),
  [`POST ${base}/suspend`]: whenRunning('vzsuspend', pause('paused')),
  [`POST ${base}/resume`]: whenRunning('vzresume', pause('running')),
};
