import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { list, nodeOf, path, record } from '../../../proxmox/index.ts';
import type { HttpDeps } from '../context.ts';
import { environmentFor, liveRead } from './live.ts';
import { environmentName } from './schemas.ts';

const tasksQuery = z.strictObject({
  environment: environmentName,
  node: z.string().optional().describe('Only this node, with its archive.'),
  limit: z.coerce.number().int().min(1).max(500).default(50),
});
const statusQuery = z.strictObject({
  environment: environmentName,
  node: z.string().optional().describe('Taken from the UPID when left out.'),
  upid: z.string().describe('The task.'),
});

export async function taskRoutes(server: FastifyInstance, deps: HttpDeps): Promise<void> {
  liveRead(server, '/v1/tasks', {
    summary: 'Tasks of an environment or of one node',
    query: tasksQuery,
    answer: z.looseObject({ tasks: z.array(z.unknown()) }),
    async work({ environment, node, limit }, principal) {
      const { api } = environmentFor(deps, environment, principal);
      const answer =
        node === undefined ? api.get('/cluster/tasks') : api.get(path`/nodes/${node}/tasks`, { source: 'all', limit });
      return { tasks: list(await answer).slice(0, limit) };
    },
  });
  liveRead(server, '/v1/tasks/status', {
    summary: 'State of one task',
    query: statusQuery,
    answer: z.looseObject({ upid: z.string() }),
    async work({ environment, node, upid }, principal) {
      const { api } = environmentFor(deps, environment, principal);
      return { upid, ...record(await api.get(path`/nodes/${node ?? nodeOf(upid)}/tasks/${upid}/status`)) };
    },
  });
}
