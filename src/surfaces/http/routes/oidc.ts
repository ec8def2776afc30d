import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { createOidc } from '../../../identity/index.ts';
import { isAgentError } from '../../../kernel/errors.ts';
import type { HttpDeps } from '../context.ts';
import { placeOf, readCookie, writeCookie } from '../cookies.ts';
import { keepSession } from './session.ts';
import { answers } from './schemas.ts';

const providerName = z.strictObject({ name: z.string().min(1).max(64) });
const AWAY_SECONDS = 600;

/** The way to an identity provider and back; both are steps of a browser, so both end in a redirection. */
export async function oidcRoutes(server: FastifyInstance, deps: HttpDeps): Promise<void> {
  const oidc = createOidc(deps.identity);
  const nameOf = (request: FastifyRequest): string => (request.params as z.output<typeof providerName>).name;
  const config = { rule: 'public', rateLimit: { max: 60, timeWindow: 60_000 } } as const;
  const schema = (summary: string) => ({
    summary,
    security: [],
    params: providerName,
    response: answers({ 303: z.null().describe('To the provider, or back to the page.') }),
  });
  server.get(
    '/v1/session/oidc/:name',
    { config, schema: schema('Sign in at an identity provider') },
    async (request, reply) => {
      const { url, secret } = await oidc.begin(nameOf(request), placeOf(request, deps));
      writeCookie(request, reply, 'sign_in', secret, AWAY_SECONDS);
      return reply.redirect(url, 303);
    },
  );
  server.get(
    '/v1/session/oidc/:name/callback',
    { config, schema: schema('Come back from an identity provider') },
    async (request, reply) => {
      const secret = readCookie(request, 'sign_in');
      writeCookie(request, reply, 'sign_in', undefined);
      try {
        const answer = new URL(request.url, 'http://localhost').searchParams;
        const session = await oidc.finish(nameOf(request), answer, secret, placeOf(request, deps));
        await keepSession(deps, request, reply, session);
        return await reply.redirect('/', 303);
      } catch (error) {
        return backWith(reply, error);
      }
    },
  );
}

/** A person looks at a browser here: the page says what it means, by its code alone; the audit log has the rest. */
function backWith(reply: FastifyReply, error: unknown): FastifyReply {
  if (!isAgentError(error)) throw error;
  return reply.redirect(`/#refused=${error.code}`, 303);
}
