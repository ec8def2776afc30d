import type { FastifyInstance, FastifyRequest } from 'fastify';
import { authenticate, requireRole, type Principal } from '../../changes/index.ts';
import { AgentError, isAgentError } from '../../kernel/errors.ts';
import type { HttpDeps } from './context.ts';

/** Every route states its rule, and every request is judged by it before anything else of it is looked at. */
export function addAuthentication(server: FastifyInstance, deps: HttpDeps): void {
  server.decorateRequest('principal', undefined);
  server.addHook('onRoute', ({ url, method, config }) => {
    if (config?.rule === undefined) throw new Error(`route ${String(method)} ${url} has no rule`);
  });
  server.addHook('onRequest', async (request) => {
    const rule = request.routeOptions.config.rule ?? 'viewer';
    if (rule === 'public') return;
    const principal = await principalOf(request, deps);
    requireRole(principal, rule);
    request.principal = principal;
  });
}

/** Whether the token of a long answer is good still: it may have been revoked or have expired since the answer began. */
export async function stillValid(request: FastifyRequest, deps: HttpDeps): Promise<boolean> {
  // The bootstrap token is good as long as the process lives, and every look at it would be audited.
  if (caller(request).method === 'bootstrap-token') return true;
  return principalOf(request, deps).then(
    () => true,
    (error: unknown) => {
      if (isAgentError(error, 'UNAUTHENTICATED')) return false;
      throw error;
    },
  );
}

async function principalOf(request: FastifyRequest, deps: HttpDeps): Promise<Principal> {
  const { authorization } = request.headers;
  const token = /^Bearer ([^\s]+)$/.exec(authorization ?? '')?.[1];
  if (token === undefined)
    throw new AgentError(
      'UNAUTHENTICATED',
      authorization === undefined
        ? 'The request carries no token.'
        : 'The Authorization header must be `Bearer pxa_…`.',
    );
  const via =
    request.headers['x-proxmox-agent-client'] === 'cli'
      ? 'cli'
      : request.headers['x-proxmox-agent-client'] === 'web'
        ? 'web'
        : 'http';
  const principal = await authenticate(deps.identity, token, {
    via,
    what: `${request.method} ${request.routeOptions.url ?? request.url.split('?')[0]}`,
  });
  if (principal === undefined)
    throw new AgentError('UNAUTHENTICATED', 'The token is not valid: unknown, expired or revoked.');
  return principal;
}

/** The caller of a route that is not public. */
export function caller(request: FastifyRequest): Principal {
  if (request.principal === undefined) throw new AgentError('UNAUTHENTICATED', 'The request carries no token.');
  return request.principal;
}
