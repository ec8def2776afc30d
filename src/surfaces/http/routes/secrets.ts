import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { rotateSchema, secretName, secretValueSchema } from '../../../changes/index.ts';
import { allow } from '../access.ts';
import { caller } from '../auth.ts';
import type { HttpDeps } from '../context.ts';
import { answers } from './schemas.ts';

const named = z.strictObject({ name: secretName.describe('Name of the secret.') });
const secretDocument = z
  .looseObject({ name: z.string(), reference: z.string() })
  .describe('A stored secret without its value.');

/** Stored secrets. Nothing here is kept for an Idempotency-Key, and no answer has a value. */
export async function secretRoutes(server: FastifyInstance, { secrets }: HttpDeps): Promise<void> {
  const config = { rule: allow('admin', 'everywhere', 'people') };
  server.get(
    '/v1/secrets',
    {
      config,
      schema: {
        summary: 'Stored secrets by name (people only)',
        response: answers({ 200: z.looseObject({ secrets: z.array(secretDocument) }) }),
      },
    },
    async (request) => ({ secrets: await secrets.list(caller(request)) }),
  );
  server.put(
    '/v1/secrets/:name',
    {
      config,
      schema: {
        summary: 'Store a secret (people only)',
        params: named,
        body: secretValueSchema,
        response: answers({ 200: secretDocument }),
      },
    },
    (request) => {
      const { name } = request.params as z.output<typeof named>;
      return secrets.set(name, (request.body as z.output<typeof secretValueSchema>).value, caller(request));
    },
  );
  server.delete(
    '/v1/secrets/:name',
    {
      config,
      schema: {
        summary: 'Remove a stored secret (people only)',
        params: named,
        response: answers({ 204: z.undefined() }),
      },
    },
    async (request, reply) => {
      await secrets.remove((request.params as z.output<typeof named>).name, caller(request));
      return reply.code(204).send();
    },
  );
  server.post(
    '/v1/secrets/rotate-key',
    {
      config,
      schema: {
        summary: 'Seal all stored secrets with another key (people only)',
        body: rotateSchema,
        response: answers({ 200: z.looseObject({ secrets: z.int(), key_id: z.string() }) }),
      },
    },
    (request) => secrets.rotate((request.body as z.output<typeof rotateSchema>).to, caller(request)),
  );
}
