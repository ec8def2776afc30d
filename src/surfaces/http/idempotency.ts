import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { canonicalJson, sha256 } from '../../kernel/canonical.ts';
import { AgentError, isAgentError } from '../../kernel/errors.ts';
import {
  beginIdempotent,
  dropIdempotent,
  endIdempotent,
  findIdempotent,
  keyedHash,
  noteMade,
  type IdempotencyKey,
  type MadeNote,
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
type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>;

/** A request that is safe to carry out again by itself, such as a step that is bound to a state. */
type Work = (request: FastifyRequest, repeated: boolean) => Promise<Answer>;

/** A request that makes a record. */
interface Making {
  /** Makes it; `note`, where there is a key, goes into the commit that stores it. */
  readonly make: (request: FastifyRequest, note: MadeNote | undefined) => Promise<Answer>;
  /** Answers the record that an earlier attempt made, as it is now and as far as the caller may see it. */
  readonly found: (request: FastifyRequest, id: string) => Promise<Answer>;
  /** What is kept of an answer for who asks again: without what is shown only once. */
  readonly keep?: (body: object) => object;
}

/** What is done under a key, of either kind. */
interface Way {
  readonly work: (
    request: FastifyRequest,
    use: { readonly repeated: boolean; readonly note?: MadeNote },
  ) => Promise<Answer>;
  readonly found?: Making['found'];
  readonly keep?: Making['keep'];
}

const KEY = /^[\x21-\x7e]{1,255}$/;
const KEYED = Symbol('takes an Idempotency-Key');

/** The header as the OpenAPI document describes it. */
export const keyHeader = z.object({
  'Idempotency-Key': z
    .string()
    .regex(KEY)
    .optional()
    .describe('Sent again with the same key within 24 h, the request is done once and answered again.'),
});

/** Whether a route's handler takes an `Idempotency-Key`. */
export const takesKey = (handler: unknown): boolean => typeof handler === 'function' && KEYED in handler;

/**
 * Wraps a handler so that the same `Idempotency-Key` of the same caller gets the first answer again (24 h). A key whose
 * first request died is tried again: `repeated` tells the handler so, which has to be safe to repeat; what makes a record
 * takes `making`. Errors: `IDEMPOTENCY_CONFLICT` for another payload, `TARGET_BUSY` while the first is under way.
 */
export const idempotent = (deps: HttpDeps, underWay: UnderWay, work: Work): Handler =>
  keyed(deps, underWay, { work: (request, { repeated }) => work(request, repeated) });

/**
 * The same for what makes a record: it is made once for a key, also when the first attempt died before its answer was
 * kept, and when the request is worked on by another replica at the same time. Errors as `idempotent`.
 */
export const making = (deps: HttpDeps, underWay: UnderWay, { make, ...rest }: Making): Handler =>
  keyed(deps, underWay, { work: (request, { note }) => make(request, note), ...rest });

function keyed(deps: HttpDeps, underWay: UnderWay, way: Way): Handler {
  const handler: Handler = async (request, reply) => {
    const key = keyOf(request);
    const answer =
      key === undefined
        ? await way.work(request, { repeated: false })
        : await once(deps, underWay, { key, payload: hashOf(request.body, deps.changes.keys.data), request }, way);
    return reply.code(answer.status).send(answer.body);
  };
  return Object.assign(handler, { [KEYED]: true });
}

function keyOf(request: FastifyRequest): IdempotencyKey | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key !== 'string' || !KEY.test(key))
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

interface Use {
  readonly key: IdempotencyKey;
  readonly payload: PayloadHash;
  readonly request: FastifyRequest;
}

async function once({ store, clock }: HttpDeps, underWay: UnderWay, use: Use, way: Way): Promise<Answer> {
  const { key, payload, request } = use;
  const { found, keep = (body: object) => body } = way;
  const begun = await store.commit((trx) => beginIdempotent(trx, key, payload, clock.now()));
  if (!begun.first && begun.answer !== undefined) return begun.answer;
  if (!begun.first && begun.made !== undefined && found !== undefined) return found(request, begun.made);
  const name = JSON.stringify(key);
  if (underWay.has(name))
    throw new AgentError('TARGET_BUSY', 'The first request with this Idempotency-Key is still being worked on.');
  underWay.add(name);
  try {
    const note: MadeNote = (trx, id) => noteMade(trx, key, payload, id);
    const answer = await way.work(request, { repeated: !begun.first, note });
    await store.commit((trx) => endIdempotent(trx, key, answer.status, keep(answer.body as object)));
    return answer;
  } catch (error) {
    // Nothing is known of what is stored then; whoever asks again learns it.
    if (isAgentError(error, 'STORE_FAILED')) throw error;
    // What failed may be tried again under the same key. Of a repeat the first may still be at work, elsewhere.
    if (begun.first) await store.commit((trx) => dropIdempotent(trx, key));
    const made = (await findIdempotent(store, key, payload))?.made;
    if (made === undefined || found === undefined) throw error;
    return found(request, made);
  } finally {
    underWay.delete(name);
  }
}
