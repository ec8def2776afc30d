import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Place } from '../../identity/index.ts';
import { AgentError } from '../../kernel/errors.ts';
import type { HttpDeps } from './context.ts';

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/;

/** A browser takes no secure cookie over plain HTTP; on this machine nobody listens in between. */
const isPlain = (request: FastifyRequest): boolean => request.protocol !== 'https' && LOOPBACK.test(request.host);

/**
 * The name says to browsers that the cookie is ours alone: `__Host-` ones come only from this host itself, over TLS, so
 * no neighbour under the same domain can plant one.
 */
const nameOf = (request: FastifyRequest, what: string): string =>
  isPlain(request) ? `pxa_${what}` : `__Host-pxa_${what}`;

/**
 * Of two with one name nobody can say which is ours: without `__Host-` whatever else is served on this machine, on any
 * port, can plant one. Errors: `UNAUTHENTICATED`.
 */
export function readCookie(request: FastifyRequest, what: 'session' | 'sign_in'): string | undefined {
  const name = nameOf(request, what);
  const named = (request.headers.cookie ?? '').split(';').filter((part) => part.split('=')[0]?.trim() === name);
  if (named.length > 1)
    throw new AgentError(
      'UNAUTHENTICATED',
      `Two cookies are named ${name}, and one of them is not ours: remove the cookies of this address in the browser.`,
    );
  return request.cookies[name];
}

/** `lax` only for what has to come back from another site. `value` undefined removes it. */
export function writeCookie(
  request: FastifyRequest,
  reply: FastifyReply,
  what: 'session' | 'sign_in',
  value: string | undefined,
  seconds = 0,
): void {
  void reply.setCookie(nameOf(request, what), value ?? '', {
    path: '/',
    httpOnly: true,
    secure: !isPlain(request),
    sameSite: what === 'session' ? 'strict' : 'lax',
    maxAge: value === undefined ? 0 : seconds,
  });
}

/** The origin that the page has in the caller's browser. */
export function originOf(request: FastifyRequest, { publicUrl }: Pick<HttpDeps, 'publicUrl'>): string {
  if (publicUrl !== undefined) return new URL(publicUrl).origin;
  const text = `${isPlain(request) ? 'http' : 'https'}://${request.host}`;
  if (URL.canParse(text)) return new URL(text).origin;
  throw new AgentError('VALIDATION_FAILED', 'The Host header is not the name of a host.');
}

/** Errors: `FORBIDDEN` for a request that a page of another site has sent. */
export function requireSameSite(request: FastifyRequest, deps: Pick<HttpDeps, 'publicUrl'>): void {
  const { origin } = request.headers;
  const site = request.headers['sec-fetch-site'];
  const foreign =
    (site !== undefined && site !== 'same-origin') || (origin !== undefined && origin !== originOf(request, deps));
  if (foreign) throw new AgentError('FORBIDDEN', 'This request comes from a page of another site.');
}

export const viaOf = (request: FastifyRequest): Place['via'] => {
  const client = request.headers['x-proxmox-agent-client'];
  return client === 'cli' || client === 'web' ? client : 'http';
};

export const placeOf = (request: FastifyRequest, deps: Pick<HttpDeps, 'publicUrl'>): Place => ({
  address: request.ip,
  client: request.headers['user-agent'] ?? 'unknown',
  via: viaOf(request),
  origin: originOf(request, deps),
});
