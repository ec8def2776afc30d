import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { freeze, freezeRequestSchema, thaw, thawRequestSchema } from '../../../changes/index.ts';
import { allow } from '../access.ts';
import { caller } from '../auth.ts';
import type { HttpDeps } from '../context.ts';
import { answers, environmentName } from './schemas.ts';

const params = z.strictObject({ environment: environmentName });
const answer = z.looseObject({ environment: z.string(), frozen: z.unknown() });

export async function freezeRoutes(server: FastifyInstance, { changes }: HttpDeps): Promise<void> {
  const schema = (summary: string, body: z.ZodType) => ({
    summary,
    params,
    body,
    response: answers({ 200: answer }),
  });
  const named = (request: { params: unknown }) => (request.params as z.output<typeof params>).environment;
  server.post(
    '/v1/environments/:environment/freeze',
    {
      config: { rule: allow('operator', 'path') },
      schema: schema('Stop every apply of an environment', freezeRequestSchema),
    },
    async (request) => {
      const environment = named(request);
      const body = request.body as z.output<typeof freezeRequestSchema>;
      return { environment, frozen: await freeze(changes, environment, body, caller(request)) };
    },
  );
  server.post(
    '/v1/environments/:environment/thaw',
    {
      config: { rule: allow('approver', 'path', 'people') },
      schema: schema('Let operations go on (people only)', thawRequestSchema),
    },
    async (request) => {
      const environment = named(request);
      const { reason } = request.body as z.output<typeof thawRequestSchema>;
      await thaw(changes, environment, reason, caller(request));
      return { environment, frozen: null };
    },
  );
}
