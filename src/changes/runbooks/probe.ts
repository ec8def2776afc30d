import { connect } from 'node:net';
import { Agent, request } from 'undici';
import { parseTarget } from '../../actions/index.ts';
import { locate, readInventory, type Estate } from '../../estate/index.ts';
import { toAgentError } from '../../kernel/errors.ts';
import { record, text } from '../../proxmox/index.ts';
import type { ProbeSpec } from './steps.ts';

/** What a probe saw. Nothing of what a server sent is kept but its status: an answer may hold anything. */
export interface Seen {
  readonly passed: boolean;
  readonly evidence: string;
}

export type Probe = (spec: ProbeSpec) => Promise<Seen>;

/** Looks from the machine of the control plane. Never throws: what cannot be reached was seen not to answer. */
export function createProbe(estate: Estate): Probe {
  return async (spec) => {
    switch (spec.probe) {
      case 'tcp':
        return tcp(spec);
      case 'http':
        return http(spec);
      case 'guest':
        return guest(estate, spec);
    }
  };
}

function tcp({ host, port, timeout }: Extract<ProbeSpec, { probe: 'tcp' }>): Promise<Seen> {
  const where = `${host}:${port}`;
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (passed: boolean, evidence: string): void => {
      socket.destroy();
      resolve({ passed, evidence });
    };
    socket.setTimeout(timeout * 1000, () => end(false, `${where} did not answer within ${timeout} s`));
    socket.once('connect', () => end(true, `${where} accepts connections`));
    socket.once('error', (error: NodeJS.ErrnoException) => end(false, `${where}: ${error.code ?? 'no connection'}`));
  });
}

async function http({ url, status, verify, timeout }: Extract<ProbeSpec, { probe: 'http' }>): Promise<Seen> {
  const dispatcher = new Agent({ connect: { rejectUnauthorized: verify } });
  try {
    const answer = await request(url, { dispatcher, signal: AbortSignal.timeout(timeout * 1000) });
    answer.body.on('error', () => undefined).destroy();
    const evidence = `GET ${url} answered ${answer.statusCode}`;
    return {
      passed: answer.statusCode === status,
      evidence: answer.statusCode === status ? evidence : `${evidence}, not ${status}`,
    };
  } catch (error) {
    const { code, name } = error as NodeJS.ErrnoException;
    return {
      passed: false,
      evidence: `GET ${url}: ${name === 'TimeoutError' ? `no answer within ${timeout} s` : (code ?? name)}`,
    };
  } finally {
    await dispatcher.destroy();
  }
}

async function guest(
  estate: Estate,
  { environment, target, status }: Extract<ProbeSpec, { probe: 'guest' }>,
): Promise<Seen> {
  try {
    const { api } = estate.get(environment);
    const { kind, node, vmid } = locate(parseTarget(target), await readInventory(api), environment);
    const found = record(await api.get(`/nodes/${node}/${kind === 'vm' ? 'qemu' : 'lxc'}/${vmid}/status/current`));
    const now = text(found['status']);
    return {
      passed: now === status,
      evidence: `${target} on ${node} is ${now}${now === status ? '' : `, not ${status}`}`,
    };
  } catch (error) {
    const { code, message } = toAgentError(error);
    return { passed: false, evidence: `${target}: ${code === 'INTERNAL' ? 'could not be read' : message}` };
  }
}
