import type { Call, Routes } from '../core/call.ts';
import { fail, PveError } from '../core/errors.ts';
import { guestName } from '../state/guests.ts';
import type { Guest } from '../state/types.ts';
import { answering } from './agent-answering.ts';

const KNOWN = new Set(['true', 'false', 'echo', 'cat', 'hostname', 'sh', 'bash', 'cloud-init', 'systemctl', 'apt-get']);

function outputOf(guest: Guest, name: string, args: readonly string[], input: string): string {
  switch (name) {
    case 'echo':
      return `${args.join(' ')}\n`;
    case 'cat':
      return input;
    case 'hostname':
      return `${guestName(guest)}\n`;
    case 'cloud-init':
      return 'status: done\n';
    default:
      return '';
  }
}

/** Runs a command in the guest. The simulated one knows a few that do nothing but end well; `false` does not. */
function exec(call: Call): unknown {
  const guest = answering(call);
  const command = call.params.raw('command');
  const [program = '', ...args] = typeof command === 'object' ? command.map(String) : [String(command)];
  const name = program.split('/').at(-1) ?? '';
  // The agent's words have curly quotes in them, and PVE's server breaks on those (FACTS 8).
  if (!KNOWN.has(name)) throw new PveError(596, 'Broken pipe');
  const output = outputOf(guest, name, args, call.params.maybe('input-data') ?? '');
  const pid = 1_000 + call.world.random(30_000);
  call.world.execResults.set(`${guest.vmid}/${pid}`, {
    exited: 1,
    exitcode: name === 'false' ? 1 : 0,
    ...(output === '' ? {} : { 'out-data': output }),
  });
  return { pid };
}

/** Tells the result once; asking again is an error, as with the real agent. */
function execStatus(call: Call): unknown {
  const guest = answering(call);
  const pid = call.params.number('pid');
  const key = `${guest.vmid}/${pid}`;
  const result = call.world.execResults.get(key);
  if (result === undefined) throw fail(`Agent error: PID ${pid} does not exist`);
  call.world.execResults.delete(key);
  return result;
}

/** Users there are in every guest, and the one that cloud-init made. */
function setPassword(call: Call): unknown {
  const guest = answering(call);
  const user = call.params.text('username');
  if (user !== 'root' && user !== String(guest.config.ciuser ?? ''))
    throw fail(
      `Agent error: child process has failed to set user password: chpasswd: line 1: user '${user}' does not exist\n`,
    );
  return { result: {} };
}

const base = '/nodes/{node}/qemu/{vmid}/agent';

export const execRoutes: Routes = {
  [`POST ${base}/exec`]: exec,
  [`GET ${base}/exec-status`]: execStatus,
  [`POST ${base}/set-user-password`]: setPassword,
};
