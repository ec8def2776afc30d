import type { FastifyReply, FastifyRequest } from 'fastify';
import { canonicalJson, sha256 } from '../../kernel/canonical.ts';
import { AgentError, isAgentError } from '../../kernel/errors.ts';
import {
  beginIdempotent,
  dropIdempotent,
  endIdempotent,
  keyedHash,
  type IdempotencyKey,
  type PayloadHash,
} from '../../store/index.ts';
import { caller } from './auth.ts';
import type { HttpDeps } from './context.ts';

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** Keys whose first request is being worked on in this process. */
type UnderWay = Set<string>;
type Work = (request: FastifyRequest, repeated: boolean) => Promise<Answer>;
/** What is kept of an answer for who asks again. */
type Keep = (body: object) => object;

/**
 * Wraps a handler so that the same `Idempotency-Key` of the same caller gets the first answer again (24 h). A key whose
 * first request died with an earlier process is tried again: `repeated` tells the handler so. What an answer shows only
 * once, `keep` takes out of what is kept of it. Errors: `IDEMPOTENCY_CONFLICT` for another payload, `TARGET_BUSY` while
 * the first is under way.
 */
export function idempotent(deps: HttpDeps, underWay: UnderWay, work: Work, keep: Keep = (body) => body) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const key = keyOf(request);
    const answer =
      key === undefined ? await work(request, false) : await once(deps, underWay, key, request, work, keep);
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

/** Bodies have codes and passwords in them that a plain hash would let anybody guess who gets hold of the database. */
function hashOf(body: unknown, key: Uint8Array): PayloadHash {
  const text = canonicalJson(body ?? null);
  return { hash: keyedHash(key, 'idempotency', text), former: sha256(text) };
}

async function once(
  deps: HttpDeps,
  underWay: UnderWay,
  key: IdempotencyKey,
  request: FastifyRequest,
  work: Work,
  keep: Keep,
): Promise<Answer> {
  const { store, clock } = deps;
  const payload = hashOf(request.body, deps.changes.keys.data);
  const begun = await store.commit((trx) => beginIdempotent(trx, key, payload, clock.now()));
  if (!begun.first && begun.answer !== undefined) return begun.answer;
  const name = JSON.stringify(key);
  if (underWay.has(name))
    throw new AgentError('TARGET_BUSY', 'The first request with this Idempotency-Key is still being worked on.');
  underWay.add(name);
  try {
    const answer = await work(request, !begun.first);
    await store.commit((trx) => endIdempotent(trx, key, answer.status, keep(answer.body as object)));
    return answer;
  } catch (error) {
    // What failed may be tried again under the same key, unless trying again could only ever fail.
    if (!isAgentError(error, 'STORE_FAILED')) await store.commit((trx) => dropIdempotent(trx, key));
    throw error;
  } finally {
    underWay.delete(name);
  }
}
