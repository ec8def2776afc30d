import type { FastifyInstance } from 'fastify';
import type { z } from 'zod';
import { mayUse, requireRole, type Principal } from '../../../identity/index.ts';
import type { Environment } from '../../../estate/index.ts';
import { allow } from '../access.ts';
import { caller } from '../auth.ts';
import type { HttpDeps } from '../context.ts';
import { answers } from './schemas.ts';

interface LiveRead<S extends z.ZodType> {
  readonly summary: string;
  readonly query: S;
  /** `none` for what is about no single environment. */
  readonly environment?: 'none';
  readonly answer: z.ZodType;
  readonly work: (query: z.output<S>, principal: Principal) => Promise<unknown>;
}

/** A GET that reads a lab; the caller's environments are checked by `environmentFor`. */
export function liveRead<S extends z.ZodType>(
  server: FastifyInstance,
  url: string,
  { summary, query, environment, answer, work }: LiveRead<S>,
): void {
  const schema = { summary, querystring: query, response: answers({ 200: answer }) };
  server.get(url, { config: { rule: allow('viewer', environment ?? 'query') }, schema }, (request) =>
    work(request.query as z.output<S>, caller(request)),
  );
}

/** Errors: `FORBIDDEN` before `NOT_FOUND`, so that nobody learns the names of environments by asking. */
export function environmentFor({ estate }: HttpDeps, name: string, principal: Principal): Environment {
  if (!mayUse(principal, name)) requireRole(principal, 'viewer', name);
  return estate.get(name);
}
