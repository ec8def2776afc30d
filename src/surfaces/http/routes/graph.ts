import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { servicesOf } from '../../../changes/index.ts';
import { readGraph, readInventory } from '../../../estate/index.ts';
import type { HttpDeps } from '../context.ts';
import { environmentFor, liveRead } from './live.ts';
import { environmentName } from './schemas.ts';

const graphQuery = z.strictObject({
  environment: environmentName,
  detail: z
    .enum(['cluster', 'guests'])
    .default('cluster')
    .describe(
      'cluster: a handful of requests to Proxmox VE. guests: also each guest’s disks, cards and firewall groups, which takes two requests per guest and one per node.',
    ),
});

/** What depends on what in an environment. */
export async function graphRoutes(server: FastifyInstance, deps: HttpDeps): Promise<void> {
  liveRead(server, '/v1/graph', {
    summary: 'What depends on what',
    query: graphQuery,
    answer: z.looseObject({ environment: z.string(), objects: z.array(z.unknown()), edges: z.array(z.unknown()) }),
    async work({ environment, detail }, principal) {
      const { api } = environmentFor(deps, environment, principal);
      const inventory = await readInventory(api);
      const services = servicesOf(deps.changes.services ?? [], environment);
      const whole = detail === 'guests';
      const networks = whole
        ? inventory.nodes.filter(({ status }) => status === 'online').map(({ node }) => String(node))
        : [];
      const graph = await readGraph(api, inventory, {}, services, { guests: whole, networks });
      return { environment, objects: [...graph.objects.values()], edges: graph.edges, unread: graph.unread };
    },
  });
}
