import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import {
  beginPasskey,
  createOwnToken,
  enrolTotp,
  finishPasskey,
  finishTotp,
  ownPasskeys,
  ownTokens,
  personView,
  plainText,
  proofSchema,
  registrationSchema,
  removePasskey,
  removeTotp,
  renewRecoveryCodes,
  revokeOwn,
  self,
  setPassword,
  tokenRequestSchema,
  viewToken,
  type Principal,
} from '../../../identity/index.ts';
import { allow } from '../access.ts';
import { caller } from '../auth.ts';
import type { HttpDeps } from '../context.ts';
import { placeOf } from '../cookies.ts';
import { requireEnvironments } from '../environments.ts';
import { making } from '../idempotency.ts';
import { madeTokenDocument, tokenDocument, withoutToken } from './people_schemas.ts';
import { answers, done } from './schemas.ts';

const passwordBody = proofSchema.extend({
  password: z.string().max(1_000).describe('The new one, 12 characters or more.'),
});
const codeBody = z.strictObject({ code: z.string().regex(/^\s*\d{3}\s*\d{3}\s*$/, 'must be six digits') });
const passkeyBody = z.strictObject({ name: plainText(64), credential: registrationSchema });
const itemId = z.strictObject({ id: z.string().min(1).max(1_500) });
const proof = proofSchema.nullish().transform((value) => value ?? {});
const codes = z.looseObject({ recovery_codes: z.array(z.string()).optional().describe('Shown this once.') });
const id = (params: unknown): string => (params as { id: string }).id;

/** The caller as `GET /v1/me` tells it; with what a person has set up, where it is one. */
export async function describeCaller({ identity }: HttpDeps, principal: Principal): Promise<Record<string, unknown>> {
  const {
    id,
    name,
    role,
    class: kind,
    environments,
    grants,
    actions,
    person,
    session,
    token,
    factorAt,
    method,
  } = principal;
  return {
    id,
    name,
    role,
    class: kind,
    environments,
    ...(actions === undefined ? {} : { actions }),
    ...(person === undefined || kind !== 'human'
      ? {}
      : {
          grants,
          method,
          person: await personView(identity, await self(identity, principal, 'see its account')),
          ...(session === undefined ? { token_id: token } : { session_id: session }),
          factor_at: factorAt === undefined ? null : new Date(factorAt).toISOString(),
        }),
  };
}

/** What people do with their own account. */
export async function meRoutes(server: FastifyInstance, deps: HttpDeps): Promise<void> {
  server.get(
    '/v1/me',
    {
      config: { rule: allow('viewer', 'none') },
      schema: {
        summary: 'Who this token or session is',
        response: answers({ 200: z.looseObject({ id: z.string() }) }),
      },
    },
    (request) => describeCaller(deps, caller(request)),
  );
  credentialRoutes(server, deps);
  passkeyRoutes(server, deps);
  ownTokenRoutes(server, deps);
}

function credentialRoutes(server: FastifyInstance, deps: HttpDeps): void {
  const { identity } = deps;
  const mine = { rule: allow('viewer', 'none', 'self') };
  server.put(
    '/v1/me/password',
    { config: mine, schema: { summary: 'Set one’s password', response: done, body: passwordBody } },
    async (request, reply) => {
      const { password, ...proven } = request.body as z.output<typeof passwordBody>;
      await setPassword(identity, caller(request), password, proven);
      return reply.code(204).send();
    },
  );
  server.post(
    '/v1/me/totp',
    {
      config: mine,
      schema: {
        summary: 'Begin to set an authenticator up',
        body: proof,
        response: answers({ 200: z.looseObject({ secret: z.string(), uri: z.string() }) }),
      },
    },
    (request) => enrolTotp(identity, caller(request), request.body as z.output<typeof proof>),
  );
  server.post(
    '/v1/me/totp/confirm',
    {
      config: mine,
      schema: { summary: 'Turn it on with one of its codes', body: codeBody, response: answers({ 200: codes }) },
    },
    async (request) => {
      const { code } = request.body as z.output<typeof codeBody>;
      const made = await finishTotp(identity, caller(request), code.replaceAll(/\s/g, ''));
      return made === undefined ? {} : { recovery_codes: made };
    },
  );
  server.post(
    '/v1/me/totp/remove',
    { config: mine, schema: { summary: 'Remove one’s authenticator', response: done, body: proof } },
    async (request, reply) => {
      await removeTotp(identity, caller(request), request.body as z.output<typeof proof>);
      return reply.code(204).send();
    },
  );
  server.post(
    '/v1/me/recovery-codes',
    {
      config: mine,
      schema: {
        summary: 'New recovery codes in the place of all others',
        body: proof,
        response: answers({ 200: codes }),
      },
    },
    async (request) => ({
      recovery_codes: await renewRecoveryCodes(identity, caller(request), request.body as z.output<typeof proof>),
    }),
  );
}

function passkeyRoutes(server: FastifyInstance, deps: HttpDeps): void {
  const { identity } = deps;
  const mine = { rule: allow('viewer', 'none', 'self') };
  server.get(
    '/v1/me/passkeys',
    {
      config: mine,
      schema: {
        summary: 'One’s passkeys',
        response: answers({ 200: z.looseObject({ passkeys: z.array(z.unknown()) }) }),
      },
    },
    async (request) => ({ passkeys: await ownPasskeys(identity, caller(request)) }),
  );
  server.post(
    '/v1/me/passkeys/options',
    {
      config: mine,
      schema: {
        summary: 'Begin to add a passkey',
        body: proof,
        response: answers({ 200: z.looseObject({ challenge: z.string() }) }),
      },
    },
    (request) =>
      beginPasskey(identity, caller(request), request.body as z.output<typeof proof>, placeOf(request, deps)),
  );
  server.post(
    '/v1/me/passkeys',
    { config: mine, schema: { summary: 'Keep a passkey', body: passkeyBody, response: answers({ 201: codes }) } },
    async (request, reply) =>
      reply
        .code(201)
        .send(await finishPasskey(identity, caller(request), request.body as z.output<typeof passkeyBody>)),
  );
  server.post(
    '/v1/me/passkeys/:id/remove',
    { config: mine, schema: { summary: 'Remove a passkey', response: done, params: itemId, body: proof } },
    async (request, reply) => {
      const given = request.body as z.output<typeof proof>;
      await removePasskey(identity, caller(request), id(request.params), given);
      return reply.code(204).send();
    },
  );
}

function ownTokenRoutes(server: FastifyInstance, deps: HttpDeps): void {
  const { identity } = deps;
  const mine = { rule: allow('viewer', 'own', 'self') };
  server.get(
    '/v1/me/tokens',
    {
      config: mine,
      schema: {
        summary: 'One’s own tokens',
        response: answers({ 200: z.looseObject({ tokens: z.array(tokenDocument) }) }),
      },
    },
    async (request) => ({ tokens: await ownTokens(identity, caller(request)) }),
  );
  server.post(
    '/v1/me/tokens',
    {
      config: mine,
      schema: {
        summary: 'Make a token of one’s own; it ends with the person and never reaches further',
        body: tokenRequestSchema,
        response: answers({ 201: madeTokenDocument }),
      },
    },
    making(deps, new Set(), {
      make: async (request, note) => {
        const wanted = request.body as z.output<typeof tokenRequestSchema>;
        requireEnvironments(deps, 'environments', wanted.environments ?? []);
        return { status: 201, body: await createOwnToken(identity, wanted, caller(request), note) };
      },
      found: async (request, made) => ({
        status: 201,
        body: withoutToken(await viewToken(identity, made, caller(request))),
      }),
      keep: withoutToken,
    }),
  );
  server.delete(
    '/v1/me/tokens/:id',
    { config: mine, schema: { summary: 'Revoke one of one’s own tokens', response: done, params: itemId } },
    async (request, reply) => {
      await revokeOwn(identity, id(request.params), caller(request));
      return reply.code(204).send();
    },
  );
}
