import type { Call, Routes } from '../core/call.ts';
import { fail } from '../core/errors.ts';
import { demandRootFor } from '../qemu/update.ts';
import { sha1 } from '../state/guests.ts';
import type { Guest } from '../state/types.ts';

/** Nobody comes to look: the console waits this long. */
const WAIT_MS = 10_000;
const FIRST_PORT = 5_900;

/** A process that waits for a viewer; its port is a text (FACTS 15). */
function open(call: Call, type: string, id: string | number): Record<string, unknown> {
  const { world, node, principal } = call;
  const taken = world.tasks.running.filter((task) => /^(?:vncproxy|vncshell|termproxy)$/.test(task.type)).length;
  const upid = world.startTask({ node, type, id, user: principal.name }, function* () {
    yield { wait: WAIT_MS };
    throw fail('connection timed out');
  });
  const stamp = world.seconds().toString(16).toUpperCase().padStart(8, '0');
  const ticket = `PVEVNC:${stamp}::${Buffer.from(world.ids.bytes(48)).toString('base64')}`;
  return { user: principal.name, ticket, port: String(FIRST_PORT + taken), upid };
}

const certificate = ({ world, node }: Call): string => world.nodeState(node).fingerprint ?? sha1(node);

const guestOf = (call: Call, type: Guest['type']): Guest =>
  call.world.guestOn(call.node, call.params.number('vmid'), type);

const vnc = (type: Guest['type']) => (call: Call) => {
  const { vmid } = guestOf(call, type);
  const opened = open(call, 'vncproxy', vmid);
  const password = call.params.flag('generate-password') ? { password: sha1(String(opened.ticket)).slice(0, 8) } : {};
  return { ...opened, cert: certificate(call), ...password };
};

const terminal = (type: Guest['type']) => (call: Call) => {
  const { vmid, config } = guestOf(call, type);
  const serial = call.params.maybe('serial');
  const has = serial === undefined ? Object.keys(config).some((key) => /^serial\d$/.test(key)) : serial in config;
  if (type === 'qemu' && !has) throw fail('the VM has no such serial port');
  return open(call, 'vncproxy', vmid);
};

/** A key for the screen of a VM; nothing is behind it, but it must run. */
function sendKey(call: Call): null {
  demandRootFor(call, 'skiplock');
  const { vmid, running } = guestOf(call, 'qemu');
  if (running === undefined) throw fail(`VM ${vmid} not running`);
  return null;
}

export const consoleRoutes: Routes = {
  'POST /nodes/{node}/qemu/{vmid}/vncproxy': vnc('qemu'),
  'POST /nodes/{node}/qemu/{vmid}/termproxy': terminal('qemu'),
  'PUT /nodes/{node}/qemu/{vmid}/sendkey': sendKey,
  'POST /nodes/{node}/lxc/{vmid}/vncproxy': vnc('lxc'),
  'POST /nodes/{node}/lxc/{vmid}/termproxy': terminal('lxc'),
  'POST /nodes/{node}/vncshell': (call) => ({ ...open(call, 'vncshell', ''), cert: certificate(call) }),
  'POST /nodes/{node}/termproxy': (call) => open(call, 'termproxy', ''),
};
