import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import {
  acceptInvitation,
  assertionOptions,
  assertionSchema,
  endOwnSession,
  endSignIn,
  factorSchema,
  ownSessions,
  passkeySignInOptions,
  plainText,
  readInvitation,
  signIn,
  signInForToken,
  signInSchema,
  signInWithPasskey,
  stepUp,
  csrfOf,
  type OpenedSession,
} from '../../../identity/index.ts';
import { allow } from '../access.ts';
import { caller, sessionOf } from '../auth.ts';
import type { HttpDeps } from '../context.ts';
import { placeOf, requireSameSite, writeCookie } from '../cookies.ts';
import { describeCaller } from './me.ts';
import { sessionDocument } from './people_schemas.ts';
import { answers, done } from './schemas.ts';

const opened = z.looseObject({ csrf: z.string().describe('To be sent as X-CSRF-Token with every change.') });
const options = z.looseObject({ challenge: z.string() }).describe('Options for navigator.credentials.get.');
const sessionId = z.strictObject({ id: z.string().min(1).max(100) });
const invitationBody = z.strictObject({
  code: z.string().min(1).max(200).describe('From the one-time link.'),
  password: z.string().max(1_000).optional().describe('The password to begin with; without it the link is only read.'),
});
const loginBody = signInSchema.extend({
  token: z.strictObject({ name: plainText(64), expires_in: z.enum(['1d', '30d', '90d']) }),
});
/** Behind the counting of attempts, which is by name and shared: so that nobody keeps the machine busy with hashes. */
const LIMITED = { rule: 'public', rateLimit: { max: 60, timeWindow: 60_000 } } as const;

const secondsOf = ({ identity }: HttpDeps): number => Math.floor(identity.sessions.absolute / 1000);

/** Every sign-in gets a session of its own; the one that the cookie named before ends with it. */
export async function keepSession(
  deps: HttpDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  session: OpenedSession,
): Promise<object> {
  const before = await sessionOf(request, deps);
  if (before?.principal.session !== undefined)
    await endOwnSession(deps.identity, before.principal.session, before.principal);
  writeCookie(request, reply, 'session', session.secret, secondsOf(deps));
  return { csrf: session.csrf, session_id: session.id, expires_at: new Date(session.expires_at).toISOString() };
}

/** Signing in and out. */
export async function sessionRoutes(server: FastifyInstance, deps: HttpDeps): Promise<void> {
  const { identity } = deps;
  server.get(
    '/v1/session',
    {
      config: { rule: 'public' },
      schema: {
        summary: 'Whether the browser is signed in, and how it may',
        security: [],
        response: answers({ 200: z.looseObject({ signed_in: z.boolean() }) }),
      },
    },
    async (request) => {
      const found = await sessionOf(request, deps);
      const providers = identity.oidc.map(({ name }) => name);
      if (found === undefined) return { signed_in: false, providers };
      return {
        signed_in: true,
        providers,
        csrf: csrfOf(found.secret),
        ...(await describeCaller(deps, found.principal)),
      };
    },
  );
  passwordRoutes(server, deps);
  passkeyRoutes(server, deps);
  invitationRoutes(server, deps);
  signedIn(server, deps);
}

function passwordRoutes(server: FastifyInstance, deps: HttpDeps): void {
  const { identity } = deps;
  server.post(
    '/v1/session',
    {
      config: LIMITED,
      schema: {
        summary: 'Sign in by name and password',
        security: [],
        body: signInSchema,
        response: answers({ 200: opened }),
      },
    },
    async (request, reply) => {
      requireSameSite(request, deps);
      const body = request.body as z.output<typeof signInSchema>;
      return keepSession(deps, request, reply, await signIn(identity, body, placeOf(request, deps)));
    },
  );
  server.post(
    '/v1/login',
    {
      config: LIMITED,
      schema: {
        summary: 'A token of one’s own for name and password, for programs on a terminal',
        security: [],
        body: loginBody,
        response: answers({ 201: z.looseObject({ token: z.string() }) }),
      },
    },
    async (request, reply) => {
      requireSameSite(request, deps);
      const { token, ...body } = request.body as z.output<typeof loginBody>;
      return reply.code(201).send(await signInForToken(identity, body, token, placeOf(request, deps)));
    },
  );
}

function passkeyRoutes(server: FastifyInstance, deps: HttpDeps): void {
  const { identity } = deps;
  server.post(
    '/v1/session/passkey/options',
    {
      config: LIMITED,
      schema: { summary: 'Begin to sign in with a passkey', security: [], response: answers({ 200: options }) },
    },
    (request) => passkeySignInOptions(identity, placeOf(request, deps)),
  );
  server.post(
    '/v1/session/passkey',
    {
      config: LIMITED,
      schema: {
        summary: 'Sign in with a passkey',
        security: [],
        body: assertionSchema,
        response: answers({ 200: opened }),
      },
    },
    async (request, reply) => {
      requireSameSite(request, deps);
      const assertion = request.body as z.output<typeof assertionSchema>;
      return keepSession(deps, request, reply, await signInWithPasskey(identity, assertion, placeOf(request, deps)));
    },
  );
}

function invitationRoutes(server: FastifyInstance, deps: HttpDeps): void {
  const { identity } = deps;
  server.post(
    '/v1/invitation',
    {
      config: LIMITED,
      schema: {
        summary: 'Read an invitation, or use it and sign in',
        security: [],
        body: invitationBody,
        response: answers({ 200: z.looseObject({ name: z.string() }) }),
      },
    },
    async (request, reply) => {
      requireSameSite(request, deps);
      const { code, password } = request.body as z.output<typeof invitationBody>;
      const whom = await readInvitation(identity, code, placeOf(request, deps));
      if (password === undefined) return whom;
      const session = await acceptInvitation(identity, { code, password }, placeOf(request, deps));
      return { ...whom, ...(await keepSession(deps, request, reply, session)) };
    },
  );
}

/** What a session can do with itself. */
function signedIn(server: FastifyInstance, deps: HttpDeps): void {
  const { identity } = deps;
  const mine = { rule: allow('viewer', 'none', 'self') };
  server.delete(
    '/v1/session',
    { config: mine, schema: { summary: 'Sign out: ends this session, or this token of a person', response: done } },
    async (request, reply) => {
      await endSignIn(identity, caller(request));
      writeCookie(request, reply, 'session', undefined);
      return reply.code(204).send();
    },
  );
  server.get(
    '/v1/session/passkey-challenge',
    { config: mine, schema: { summary: 'Begin to step up with a passkey', response: answers({ 200: options }) } },
    (request) =>
      assertionOptions(identity, 'passkey.step_up', placeOf(request, deps), {
        person_id: caller(request).person ?? '',
      }),
  );
  const stepUpBody = z.strictObject({ factor: factorSchema });
  server.post(
    '/v1/session/step-up',
    {
      config: mine,
      schema: {
        summary: 'Show the second factor; it counts as fresh for five minutes',
        body: stepUpBody,
        response: answers({ 200: opened }),
      },
    },
    async (request, reply) => {
      const { factor } = request.body as z.output<typeof stepUpBody>;
      const { secret, csrf, factor_at } = await stepUp(identity, caller(request), factor);
      writeCookie(request, reply, 'session', secret, secondsOf(deps));
      return { csrf, factor_at: new Date(factor_at).toISOString() };
    },
  );
  server.get(
    '/v1/sessions',
    {
      config: mine,
      schema: {
        summary: 'One’s own sessions',
        response: answers({ 200: z.looseObject({ sessions: z.array(sessionDocument) }) }),
      },
    },
    async (request) => ({ sessions: await ownSessions(identity, caller(request)) }),
  );
  server.delete(
    '/v1/sessions/:id',
    { config: mine, schema: { summary: 'End one of one’s own sessions', response: done, params: sessionId } },
    async (request, reply) => {
      await endOwnSession(identity, (request.params as z.output<typeof sessionId>).id, caller(request));
      return reply.code(204).send();
    },
  );
}
