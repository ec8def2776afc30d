import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import cookie from '@fastify/cookie';
import rateLimit from '@fastify/rate-limit';
import staticFiles from '@fastify/static';
import swagger from '@fastify/swagger';
import fastify, { type FastifyInstance } from 'fastify';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import { AgentError } from '../../kernel/errors.ts';
import { fieldErrors, fit } from '../../kernel/fit.ts';
import { addAuthentication, isPageLost } from './auth.ts';
import { addClosing } from './closing.ts';
import type { HttpDeps } from './context.ts';
import { keyHeader, takesKey } from './idempotency.ts';
import { sendProblem } from './problem.ts';
import { actionRoutes } from './routes/actions.ts';
import { changeRoutes } from './routes/changes.ts';
import { auditRoutes } from './routes/audit.ts';
import { calendarRoutes } from './routes/calendar.ts';
import { eventRoutes } from './routes/events.ts';
import { graphRoutes } from './routes/graph.ts';
import { freezeRoutes } from './routes/freeze.ts';
import { meRoutes } from './routes/me.ts';
import { operationRoutes } from './routes/operations.ts';
import { oidcRoutes } from './routes/oidc.ts';
import { peopleRoutes } from './routes/people.ts';
import { planRoutes } from './routes/plans.ts';
import { policyRoutes } from './routes/policy.ts';
import { readRoutes } from './routes/reads.ts';
import { sessionRoutes } from './routes/session.ts';
import { runbookRoutes } from './routes/runbooks.ts';
import { secretRoutes } from './routes/secrets.ts';
import { taskRoutes } from './routes/tasks.ts';
import { systemRoutes } from './routes/system.ts';
import { tokenRoutes } from './routes/tokens.ts';

const BODY_LIMIT = 1024 * 1024;
/** Requests of one address in ten seconds; a person or a program at work stays far below. */
const RATE = { max: 5_000, timeWindow: 10_000 };
/** What the page itself shows, by its own router. */
const PAGES = ['/', '/changes', '/runbooks', '/calendar', '/people'];
const PAGE = join(import.meta.dirname, '../../../web/dist');

/** The HTTP surface: the routes of the contract, OpenAPI made from their schemas, and the page at `/`. */
export async function createHttpServer(deps: HttpDeps): Promise<FastifyInstance> {
  const built = existsSync(join(PAGE, 'index.html'));
  const server = fastify({
    bodyLimit: BODY_LIMIT,
    genReqId: () => deps.ids.uuid(),
    forceCloseConnections: 'idle',
    exposeHeadRoutes: false,
    ...(deps.trustedProxies.length === 0 ? {} : { trustProxy: [...deps.trustedProxies] }),
    // A path with bad percent-encoding is the caller's mistake, not a crash.
    frameworkErrors: (error, request, reply) => void sendProblem(deps.log, error, request, reply),
  });
  server.setValidatorCompiler(
    ({ schema }) =>
      (data: unknown) =>
        validate(schema as z.ZodType, data),
  );
  server.setSerializerCompiler(() => (data) => JSON.stringify(data));
  addClosing(server, deps.clock);
  addJsonParser(server);
  server.setErrorHandler((error, request, reply) => sendProblem(deps.log, error, request, reply));
  await server.register(cookie);
  addAuthentication(server, deps);
  server.setNotFoundHandler({}, (request, reply) => {
    if (isPageLost(request) && built) return reply.code(404).header('Cache-Control', 'no-cache').sendFile('index.html');
    const what = `There is no ${request.method} ${request.url.split('?')[0]}.`;
    return sendProblem(deps.log, new AgentError('NOT_FOUND', what), request, reply);
  });
  await server.register(rateLimit, {
    ...RATE,
    errorResponseBuilder: () => new AgentError('RATE_LIMITED', 'Too many requests from this address.'),
  });
  addHeaders(server);
  await addDescription(server, deps);
  for (const routes of [
    actionRoutes,
    planRoutes,
    changeRoutes,
    operationRoutes,
    readRoutes,
    graphRoutes,
    policyRoutes,
    taskRoutes,
    freezeRoutes,
    calendarRoutes,
    runbookRoutes,
    secretRoutes,
    auditRoutes,
    eventRoutes,
    tokenRoutes,
    sessionRoutes,
    meRoutes,
    oidcRoutes,
    peopleRoutes,
    systemRoutes,
  ]) {
    await server.register((instance) => routes(instance, deps));
  }
  await addPage(server, built);
  return server;
}

/** The OpenAPI document, made of the schemas of the routes that are added after it. */
async function addDescription(server: FastifyInstance, deps: HttpDeps): Promise<void> {
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'proxmox-agent',
        version: deps.version,
        description: 'Plans, approvals, operations and audit for Proxmox VE.',
        license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
      },
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', description: 'An API token, `pxa_…`.' },
          session: {
            type: 'apiKey',
            in: 'cookie',
            name: '__Host-pxa_session',
            description: 'Of a browser; changes need the header X-CSRF-Token beside it. `pxa_session` on loopback.',
          },
        },
      },
      security: [{ token: [] }, { session: [] }],
    },
    transform: (route) =>
      jsonSchemaTransform(
        takesKey(route.route.handler) ? { ...route, schema: { ...route.schema, headers: keyHeader } } : route,
      ),
    transformObject: jsonSchemaTransformObject,
  });
}

/** As fastify's own, but a body of no bytes is no body: clients send the content type with every POST. */
function addJsonParser(server: FastifyInstance): void {
  const parse = server.getDefaultJsonParser('error', 'error');
  server.removeContentTypeParser('application/json');
  server.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') return done(null, undefined);
    return void parse(request, body as string, done);
  });
}

function validate(schema: z.ZodType, data: unknown): { value: unknown } | { error: AgentError } {
  const parsed = fit(schema, data);
  if (parsed.success) return { value: parsed.data };
  return {
    error: new AgentError('VALIDATION_FAILED', 'The request is not valid.', { errors: fieldErrors(parsed.misfits) }),
  };
}

function addHeaders(server: FastifyInstance): void {
  server.addHook('onSend', async (request, reply, payload) => {
    void reply
      .header('X-Correlation-Id', request.id)
      .header('X-Content-Type-Options', 'nosniff')
      .header('Referrer-Policy', 'no-referrer');
    if (!reply.hasHeader('Content-Security-Policy')) {
      void reply.header(
        'Content-Security-Policy',
        "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
      );
    }
    if (!request.url.startsWith('/v1/')) return payload;
    if (!reply.hasHeader('Cache-Control')) void reply.header('Cache-Control', 'no-store');
    return request.method === 'GET' && reply.statusCode === 200 && typeof payload === 'string'
      ? withEtag(request.headers['if-none-match'], reply, payload)
      : payload;
  });
}

function withEtag(
  known: string | undefined,
  reply: { header(name: string, value: string): unknown; code(status: number): unknown },
  payload: string,
): string {
  const etag = `"${createHash('sha1').update(payload).digest('base64url')}"`;
  reply.header('ETag', etag);
  if (known !== etag) return payload;
  reply.code(304);
  return '';
}

async function addPage(server: FastifyInstance, built: boolean): Promise<void> {
  const open = { config: { rule: 'public' as const }, schema: { hide: true } };
  if (!built) {
    for (const path of PAGES)
      server.get(path, open, (_request, reply) =>
        reply.type('text/plain').send('The page is not built here; run `npm start`.\n'),
      );
    return;
  }
  await server.register(staticFiles, { root: PAGE, serve: false });
  for (const path of PAGES)
    server.get(path, open, (_request, reply) => reply.header('Cache-Control', 'no-cache').sendFile('index.html'));
  // Names of assets carry a hash of their content, so a browser may keep them.
  server.get('/assets/*', open, (request, reply) =>
    reply.sendFile(`assets/${(request.params as { '*': string })['*']}`, { maxAge: '365d', immutable: true }),
  );
}
