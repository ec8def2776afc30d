import type { FastifyReply, FastifyRequest } from 'fastify';
import { hashJson } from '../../kernel/canonical.ts';
import { AgentError, isAgentError } from '../../kernel/errors.ts';
import { beginIdempotent, dropIdempotent, endIdempotent, type IdempotencyKey } from '../../store/index.ts';
import { caller } from './auth.ts';
import type { HttpDeps } from './context.ts';

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** Keys whose first request is being worked on in this process. */
type UnderWay = Set<string>;

/**
 * Wraps a handler so that the same `Idempotency-Key` of the same caller gets the first answer again (24 h). A key whose
 * first request died with an earlier process is tried again: `repeated` tells the handler so. Errors:
 * `IDEMPOTENCY_CONFLICT` for another payload, `TARGET_BUSY` while the first is under way.
 */
export function idempotent(
  deps: HttpDeps,
  underWay: UnderWay,
  work: (request: FastifyRequest, repeated: boolean) => Promise<Answer>,
) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const key = keyOf(request);
    const answer = key === undefined ? await work(request, false) : await once(deps, underWay, key, request, work);
    return reply.code(answer.status).send(answer.body);
  };
}

function keyOf(request: FastifyRequest): IdempotencyKey | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(key))
    throw new AgentError('VALIDATION_FAILED', 'Idempotency-Key must be 1 to 255 visible ASCII characters.');
  // A person's tokens may reach less far than the person; none gets the answer that another one got.
  const { id, token } = caller(request);
  return { endpoint: `${request.method} ${request.url.split('?')[0]}`, principal: token ?? id, key };
}

async function once(
  deps: HttpDeps,
  underWay: UnderWay,
  key: IdempotencyKey,
  request: FastifyRequest,
  work: (request: FastifyRequest, repeated: boolean) => Promise<Answer>,
): Promise<Answer> {
  const { store, clock } = deps;
  const begun = await store.commit((trx) => beginIdempotent(trx, key, hashJson(request.body ?? null), clock.now()));
  if (!begun.first && begun.answer !== undefined) return begun.answer;
  const name = JSON.stringify(key);
  if (underWay.has(name))
    throw new AgentError('TARGET_BUSY', 'The first request with this Idempotency-Key is still being worked on.');
  underWay.add(name);
  try {
    const answer = await work(request, !begun.first);
    // A token is shown once; its answer is not kept for anybody to ask again.
    const kept = request.url.startsWith('/v1/tokens')
      ? { ...(answer.body as object), token: '[redacted]' }
      : answer.body;
    await store.commit((trx) => endIdempotent(trx, key, answer.status, kept));
    return answer;
  } catch (error) {
    // What failed may be tried again under the same key, unless trying again could only ever fail.
    if (!isAgentError(error, 'STORE_FAILED')) await store.commit((trx) => dropIdempotent(trx, key));
    throw error;
  } finally {
    underWay.delete(name);
  }
}
