import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { freeze, freezeRequestSchema, thaw } from '../../../changes/index.ts';
import { allow } from '../access.ts';
import { caller } from '../auth.ts';
import type { HttpDeps } from '../context.ts';
import { answers, environmentName } from './schemas.ts';

const params = z.strictObject({ environment: environmentName });
const answer = z.looseObject({ environment: z.string(), frozen: z.unknown() });

export async function freezeRoutes(server: FastifyInstance, { changes }: HttpDeps): Promise<void> {
  const schema = (summary: string) => ({
    summary,
    params,
    body: freezeRequestSchema,
    response: answers({ 200: answer }),
  });
  const read = (request: { params: unknown; body: unknown }) => ({
    ...(request.params as z.output<typeof params>),
    ...(request.body as z.output<typeof freezeRequestSchema>),
  });
  server.post(
    '/v1/environments/:environment/freeze',
    { config: { rule: allow('operator', 'path') }, schema: schema('Stop every apply of an environment') },
    async (request) => {
      const { environment, reason } = read(request);
      return { environment, frozen: await freeze(changes, environment, reason, caller(request)) };
    },
  );
  server.post(
    '/v1/environments/:environment/thaw',
    { config: { rule: allow('approver', 'path', 'people') }, schema: schema('Let operations go on (people only)') },
    async (request) => {
      const { environment, reason } = read(request);
      await thaw(changes, environment, reason, caller(request));
      return { environment, frozen: null };
    },
  );
}
