import { AgentError } from '../../kernel/errors.ts';
import { CUT_OFF, LOOK, RUN_ONCE } from '../../kernel/once_script.ts';
import type { PveAnswer, PveApi, PveRequest } from '../types.ts';
import type { Exec, HostFacts, SshAccess } from './hosts.ts';

/**
 * The hosts' shells as further paths beside PVE's own, so that a command is planned, held to its plan, journalled and
 * settled like every other call:
 *
 * - `GET /ssh/{node}`: how the host is reached, null when that is not configured;
 * - `POST /ssh/{node}/run {argv, id}`: runs a command once under `id` (see `RUN_ONCE`), `{exit, output}`;
 * - `GET /ssh/{node}/runs/{id}`: `{state: absent|running|cut off|ended, exit?, output?}`.
 */
export function withHosts(api: PveApi, access?: SshAccess, exec: Exec = unconfigured): PveApi {
  const answer = async (request: PveRequest): Promise<PveAnswer> => ({ data: await onHost(request, access, exec) });
  const call = (request: PveRequest): Promise<PveAnswer> =>
    isHostPath(request.path) ? answer(request) : api.call(request);
  return {
    ...api,
    call,
    get: async (path, params = {}) =>
      isHostPath(path) ? (await answer({ method: 'GET', path, params })).data : api.get(path, params),
  };
}

const unconfigured: Exec = (node) =>
  Promise.reject(new AgentError('PVE_REJECTED', `No SSH access to ${node} is configured.`));

export const isHostPath = (path: string): boolean => path.startsWith('/ssh/');

async function onHost(
  { method, path, params, signal }: PveRequest,
  access: SshAccess | undefined,
  exec: Exec,
): Promise<unknown> {
  const [, node = '', what, id] = /^\/ssh\/([^/]+)(?:\/(runs?)(?:\/([^/]+))?)?$/.exec(path) ?? [];
  if (method === 'GET' && what === undefined) return factsOf(access, node);
  const directory = access?.directory ?? '';
  if (method === 'GET' && what === 'runs' && id !== undefined) {
    const { stdout } = await exec(node, ['sh', '-c', LOOK, 'sh', directory, id], signal);
    return parseLook(stdout);
  }
  const argv = params?.['argv'];
  if (method !== 'POST' || what !== 'run' || !Array.isArray(argv))
    throw new AgentError('INTERNAL', `There is no ${method} ${path} on a host.`);
  return run(node, ['sh', '-c', RUN_ONCE, 'sh', directory, String(params?.['id']), ...argv.map(String)], exec, signal);
}

function factsOf(access: SshAccess | undefined, node: string): HostFacts | null {
  const host = access?.hosts[node];
  if (access === undefined || host === undefined) return null;
  return { user: access.user, address: host.address, port: host.port, host_key: host.hostKey };
}

async function run(
  node: string,
  argv: readonly string[],
  exec: Exec,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  const { code, stdout, stderr } = await exec(node, argv, signal);
  if (code === 75 && stderr.includes(CUT_OFF))
    throw new AgentError(
      'NEEDS_ATTENTION',
      `The command began on ${node} and was cut off; nobody knows how far it came.`,
    );
  if (code === 74 && stdout === '')
    throw new AgentError('PVE_REJECTED', `The folder for runs cannot be made on ${node}: ${stderr.trim()}`);
  return { exit: code, output: stdout };
}

export interface Run {
  readonly state: 'absent' | 'running' | 'cut off' | 'ended';
  readonly exit?: number;
  readonly output?: string;
}

function parseLook(text: string): Run {
  const [, state = '', exit, output = ''] = /^(absent|running|cut off|ended)(?: (\d+))?\n?([\s\S]*)$/.exec(text) ?? [];
  if (state === 'ended') return { state, exit: Number(exit), output };
  if (state === 'absent' || state === 'running' || state === 'cut off') return { state };
  throw new AgentError('INTERNAL', 'A host told nothing that can be understood of a run.');
}
