import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { parseTarget } from '../../../actions/index.ts';
import { freezeOf, tokenHealth } from '../../../changes/index.ts';
import { mayUse, type Principal } from '../../../identity/index.ts';
import { inventoryOf, locate, readInventory, type Environment } from '../../../estate/index.ts';
import type { Clock } from '../../../kernel/clock.ts';
import { AgentError, toAgentError } from '../../../kernel/errors.ts';
import { list, record, text } from '../../../proxmox/index.ts';
import { allow } from '../access.ts';
import { caller } from '../auth.ts';
import type { HttpDeps } from '../context.ts';
import { environmentFor, liveRead } from './live.ts';
import { answers, environmentName } from './schemas.ts';

const inventoryQuery = z.strictObject({
  environment: environmentName,
  state: z.string().optional().describe('Only guests in this state, such as running.'),
  node: z.string().optional().describe('Only guests on this node.'),
  tag: z.string().optional().describe('Only guests with this tag.'),
});
const statusQuery = z.strictObject({ environment: environmentName, target: z.string().describe('Such as vm/101.') });

/** What can be asked of a lab without a plan. Each answers live, with as few calls to PVE as there can be. */
export async function readRoutes(server: FastifyInstance, deps: HttpDeps): Promise<void> {
  liveRead(server, '/v1/environments', {
    summary: 'Environments with their state',
    query: z.strictObject({}),
    environment: 'none',
    answer: z.looseObject({ environments: z.array(z.unknown()) }),
    async work(_query, principal) {
      const mine = deps.estate.list().filter(({ name }) => mayUse(principal, name));
      return { environments: await Promise.all(mine.map((one) => describe(deps, one))) };
    },
  });
  healthRoute(server, deps);
  liveRead(server, '/v1/nodes', {
    summary: 'Nodes of an environment',
    query: z.strictObject({ environment: environmentName }),
    answer: z.looseObject({ nodes: z.array(z.unknown()) }),
    work: async ({ environment }, principal) => ({
      nodes: await environmentFor(deps, environment, principal).api.get('/nodes'),
    }),
  });
  liveRead(server, '/v1/inventory', {
    summary: 'Guests of an environment',
    query: inventoryQuery,
    answer: z.looseObject({ guests: z.array(z.unknown()) }),
    work: (query, principal) => inventory(deps, query, principal),
  });
  liveRead(server, '/v1/vm/status', {
    summary: 'State of a guest',
    query: statusQuery,
    answer: z.looseObject({ target: z.string() }),
    work: (query, principal) => guestStatus(deps, query, principal),
  });
}

/** The environment is in the path here, so it is no `liveRead`. */
function healthRoute(server: FastifyInstance, { changes }: HttpDeps): void {
  const params = z.strictObject({ environment: environmentName });
  server.get(
    '/v1/environments/:environment/health',
    {
      config: { rule: allow('viewer', 'path') },
      schema: {
        summary: 'What the token of an environment can do, against what the actions need',
        params,
        response: answers({ 200: z.looseObject({ environment: z.string(), status: z.string() }) }),
      },
    },
    (request) => tokenHealth(changes, (request.params as z.output<typeof params>).environment, caller(request)),
  );
}

async function inventory(
  deps: HttpDeps,
  { environment, state, node, tag }: z.output<typeof inventoryQuery>,
  principal: Principal,
) {
  const rows = list(await environmentFor(deps, environment, principal).api.get('/cluster/resources', { type: 'vm' }));
  const wanted = [...inventoryOf(rows).guests.values()].filter(
    (guest) =>
      (state === undefined || guest.status === state) &&
      (node === undefined || guest.node === node) &&
      (tag === undefined || guest.tags.includes(tag)),
  );
  return { guests: wanted.sort((a, b) => a.vmid - b.vmid).map(({ raw }) => raw) };
}

async function guestStatus(
  deps: HttpDeps,
  { environment, target }: z.output<typeof statusQuery>,
  principal: Principal,
) {
  const { api } = environmentFor(deps, environment, principal);
  const { kind, node, vmid, text: name } = locate(parseTarget(target), await readInventory(api), environment);
  if (kind !== 'vm' && kind !== 'ct') {
    throw new AgentError('VALIDATION_FAILED', `${target} is not a guest.`, {
      errors: { target: 'must be such as vm/101' },
    });
  }
  const status = await api.get(`/nodes/${node}/${kind === 'vm' ? 'qemu' : 'lxc'}/${vmid}/status/current`);
  return { target: name, node, ...record(status) };
}

/** A cluster that does not answer says so in its line; the others are shown all the same. */
async function describe(
  deps: HttpDeps,
  { name, production, endpoints, simulator, api }: Environment,
): Promise<Record<string, unknown>> {
  const frozen = await freezeOf(deps.store, name, deps.clock.now());
  const head = {
    name,
    production,
    endpoint: endpoints[0] ?? '',
    ...(simulator === undefined ? {} : { simulator }),
    ...(frozen === undefined ? {} : { frozen: { ...frozen, at: new Date(frozen.at).toISOString() } }),
  };
  try {
    const [{ guests, nodes }, version] = await within(
      deps.clock,
      Promise.all([readInventory(api), api.get('/version')]),
    );
    const online = nodes.filter((node) => node['status'] === 'online').length;
    return {
      ...head,
      status: 'ok',
      nodes: nodes.length,
      nodes_online: online,
      guests: guests.size,
      version: text(record(version)['version']),
    };
  } catch (error) {
    const { code, message } = toAgentError(error);
    return { ...head, status: 'unreachable', code, detail: message };
  }
}

/** One slow cluster must not keep the list of all waiting as long as its own calls may. */
const PATIENCE_MS = 4_000;

async function within<T>(clock: Clock, answer: Promise<T>): Promise<T> {
  const over = new AbortController();
  const late = clock.sleep(PATIENCE_MS, over.signal).then(() => {
    throw new AgentError('PVE_UNREACHABLE', `There was no answer within ${PATIENCE_MS / 1000} seconds.`);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    // What comes last is nobody's any more: the sleep ends with an error of its own, and a late answer may too.
    for (const rest of [answer, late]) rest.catch(() => undefined);
    over.abort();
  }
}
