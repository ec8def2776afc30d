import type { FastifyInstance, FastifyRequest } from 'fastify';
import { authenticate, authenticateSession, csrfFits, type Principal } from '../../identity/index.ts';
import { AgentError, isAgentError } from '../../kernel/errors.ts';
import { allow, requireRule, type AccessRow } from './access.ts';
import type { HttpDeps } from './context.ts';
import { readCookie, requireSameSite, viaOf } from './cookies.ts';
import { requireScope } from './scope.ts';

/** What there is no route for is refused like a route that everybody with a token may call. */
const UNKNOWN = allow('viewer', 'none');

/** Every route states its rule, and every request is judged by it before anything else of it is looked at. */
export function addAuthentication(server: FastifyInstance, deps: HttpDeps): void {
  server.decorateRequest('principal', undefined);
  const table: AccessRow[] = [];
  server.decorate('accessTable', table);
  server.addHook('onRoute', ({ url, method, config }) => {
    if (config?.rule === undefined) throw new Error(`route ${String(method)} ${url} has no rule`);
    table.push({ route: `${String(method)} ${url.replaceAll(/:(\w+)/g, '{$1}')}`, rule: config.rule });
  });
  server.addHook('onRequest', async (request) => {
    const rule = request.routeOptions.config.rule ?? UNKNOWN;
    if (rule === 'public' || isPageLost(request)) return;
    const principal = await principalOf(request, deps);
    requireRule(rule, principal, request);
    request.principal = principal;
  });
  // Once the body is known to be what it should be.
  server.addHook('preHandler', async (request) => {
    const { rule } = request.routeOptions.config;
    if (rule !== undefined && rule !== 'public') await requireScope(deps, rule, caller(request), request);
  });
}

/** Whether a browser asks for a page that there is not: a mistyped address, which tells nobody anything. */
export const isPageLost = ({ is404, method, url, headers }: FastifyRequest): boolean =>
  is404 && method === 'GET' && !url.startsWith('/v1') && (headers.accept ?? '').includes('text/html');

/**
 * The caller of a long answer with the rights of now: they may have changed since it began. Undefined for a credential
 * that was revoked or has expired meanwhile.
 */
export async function callerNow(request: FastifyRequest, deps: HttpDeps): Promise<Principal | undefined> {
  // The bootstrap token is good as long as the process lives, and every look at it would be audited.
  if (caller(request).method === 'bootstrap-token') return caller(request);
  return principalOf(request, deps, true).catch((error: unknown) => {
    if (isAgentError(error, 'UNAUTHENTICATED')) return undefined;
    throw error;
  });
}

const useOf = (request: FastifyRequest, look = false) => ({
  via: viaOf(request),
  what: `${request.method} ${request.routeOptions.url ?? request.url.split('?')[0]}`,
  address: request.ip,
  look,
});

/** By the token, where there is one: a cookie beside it counts for nothing. */
async function principalOf(request: FastifyRequest, deps: HttpDeps, look = false): Promise<Principal> {
  const { authorization } = request.headers;
  if (authorization === undefined) return bySession(request, deps, look);
  const token = /^Bearer ([^\s]+)$/.exec(authorization)?.[1];
  if (token === undefined || authorizations(request) > 1)
    throw new AgentError('UNAUTHENTICATED', 'The Authorization header must be `Bearer pxa_…`.');
  const principal = await authenticate(deps.identity, token, useOf(request, look));
  if (principal === undefined)
    throw new AgentError('UNAUTHENTICATED', 'The token is not valid: unknown, expired or revoked.');
  return principal;
}

/** Node keeps the first and says nothing of the others; what stands in between may have looked at the last. */
const authorizations = ({ raw }: FastifyRequest): number =>
  raw.rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'authorization').length;

async function bySession(request: FastifyRequest, deps: HttpDeps, look: boolean): Promise<Principal> {
  const found = await sessionOf(request, deps, look);
  if (found === undefined)
    throw new AgentError(
      'UNAUTHENTICATED',
      readCookie(request, 'session') === undefined
        ? 'The request carries no token.'
        : 'The session has ended; sign in again.',
    );
  if (request.method !== 'GET' && request.method !== 'HEAD') requireOwnPage(request, deps, found.secret);
  return found.principal;
}

/** Who the cookie is of; undefined for nobody. For routes that are open and tell whether somebody is signed in. */
export async function sessionOf(
  request: FastifyRequest,
  { identity }: HttpDeps,
  look = false,
): Promise<{ readonly principal: Principal; readonly secret: string } | undefined> {
  const secret = readCookie(request, 'session');
  const principal =
    secret === undefined ? undefined : await authenticateSession(identity, secret, useOf(request, look));
  return principal === undefined || secret === undefined ? undefined : { principal, secret };
}

/** A browser sends the cookie whoever wrote the page; only our own page can read what the header has to hold. */
function requireOwnPage(request: FastifyRequest, deps: HttpDeps, secret: string): void {
  requireSameSite(request, deps);
  const given = request.headers['x-csrf-token'];
  if (typeof given === 'string' && csrfFits(secret, given)) return;
  throw new AgentError('FORBIDDEN', 'The header X-CSRF-Token is missing or is not the one of this session.');
}

/** The caller of a route that is not public. */
export function caller(request: FastifyRequest): Principal {
  if (request.principal === undefined) throw new AgentError('UNAUTHENTICATED', 'The request carries no token.');
  return request.principal;
}
