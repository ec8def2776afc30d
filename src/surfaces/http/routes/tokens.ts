import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { becomeOwner, createToken, revoke, tokenRequestSchema, tokens, viewToken } from '../../../identity/index.ts';
import { allow } from '../access.ts';
import { caller } from '../auth.ts';
import type { HttpDeps } from '../context.ts';
import { placeOf } from '../cookies.ts';
import { requireEnvironments } from '../environments.ts';
import { making } from '../idempotency.ts';
import { madeTokenDocument, tokenDocument, withoutToken } from './people_schemas.ts';
import { answers } from './schemas.ts';

const ownerBody = z.strictObject({ code: z.string().min(1).max(200).describe('From the one-time link.') });
const tokenId = z.strictObject({ id: z.string().min(1) });

export async function tokenRoutes(server: FastifyInstance, deps: HttpDeps): Promise<void> {
  const { identity } = deps;
  const underWay = new Set<string>();
  server.post(
    '/v1/tokens',
    {
      config: { rule: allow('admin', 'own', 'people') },
      schema: { summary: 'Make a token', body: tokenRequestSchema, response: answers({ 201: madeTokenDocument }) },
    },
    making(deps, underWay, {
      make: async (request, note) => {
        const wanted = request.body as z.output<typeof tokenRequestSchema>;
        requireEnvironments(deps, 'environments', wanted.environments ?? []);
        return { status: 201, body: await createToken(identity, wanted, caller(request), note) };
      },
      found: async (request, made) => ({
        status: 201,
        body: withoutToken(await viewToken(identity, made, caller(request))),
      }),
      keep: withoutToken,
    }),
  );
  server.get(
    '/v1/tokens',
    {
      config: { rule: allow('admin', 'own') },
      schema: { summary: 'Tokens', response: answers({ 200: z.looseObject({ tokens: z.array(tokenDocument) }) }) },
    },
    async (request) => ({ tokens: await tokens(identity, caller(request)) }),
  );
  server.delete(
    '/v1/tokens/:id',
    { config: { rule: allow('admin', 'own') }, schema: { summary: 'Revoke a token', params: tokenId } },
    async (request, reply) => {
      await revoke(identity, (request.params as z.output<typeof tokenId>).id, caller(request));
      return reply.code(204).send();
    },
  );
  server.post(
    '/v1/owner',
    {
      config: { rule: 'public', rateLimit: { max: 10, timeWindow: 60_000 } },
      schema: {
        summary: 'Become the owner with the one-time link',
        security: [],
        body: ownerBody,
        response: answers({ 201: madeTokenDocument }),
      },
    },
    async (request, reply) => {
      const owner = await becomeOwner(
        identity,
        (request.body as z.output<typeof ownerBody>).code,
        placeOf(request, deps),
      );
      return reply.code(201).send(owner);
    },
  );
}
