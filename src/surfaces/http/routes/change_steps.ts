import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import {
  addEvidence,
  approveChange,
  boundOf,
  changeDigest,
  CHANGE_STATUSES,
  findChangeAs,
  judgeCriterion,
  reviewChange,
  runChecks,
  setStatus,
  viewChange,
} from '../../../changes/index.ts';
import { assertionOptions, factorSchema, type Principal } from '../../../identity/index.ts';
import { allow, approving, type Rule } from '../access.ts';
import { caller } from '../auth.ts';
import type { HttpDeps } from '../context.ts';
import { placeOf } from '../cookies.ts';
import { idempotent, making } from '../idempotency.ts';
import { changeDocument, changeId, changeParams, digestText, idOf } from './change_schemas.ts';
import { answers } from './schemas.ts';

const words = (most: number) => z.string().trim().min(1, 'is needed').max(most);
const note = z.string().trim().max(2000);
const approval = z.strictObject({
  digest: digestText,
  comment: note.optional().describe('Kept with the approval.'),
  factor: factorSchema.optional(),
  confirm: z
    .string()
    .max(64)
    .optional()
    .describe('The first 8 digits of the digest, typed by who approves a change of their own that needs it.'),
});
const rejection = z.strictObject({ note: words(2000).describe('Why it is rejected.') });
const passage = z.strictObject({
  status: z.enum(CHANGE_STATUSES).describe('Where it goes.'),
  note: note.optional().describe('Why; needed for paused, rolled_back and rejected.'),
});
const verdict = z.strictObject({
  result: z.enum(['passed', 'failed']),
  evidence: note.default('').describe('What shows it.'),
});
const text = z.strictObject({ text: words(20_000) });
const nothing = z.strictObject({}).nullish();
const criterionParams = z.strictObject({
  change_id: changeId,
  n: z.coerce.number().int().min(1).max(100).describe('Number of the criterion, from 1.'),
});

interface Step<B extends z.ZodType> {
  /** Behind `/v1/changes/{change_id}/`. */
  readonly path: string;
  readonly summary: string;
  readonly rule: Rule;
  readonly body: B;
  readonly params?: z.ZodType;
  readonly take: (id: string, body: z.output<B>, principal: Principal, request: FastifyRequest) => Promise<object>;
}

/** Steps of a change's life: each takes a few words and answers the change as it is after them. */
export function stepRoutes(server: FastifyInstance, deps: HttpDeps, underWay: Set<string>): void {
  const { changes } = deps;
  const step = <B extends z.ZodType>({ path, summary, rule, body, params = changeParams, take }: Step<B>): void => {
    server.post(
      `/v1/changes/:change_id/${path}`,
      { config: { rule }, schema: { summary, params, body, response: answers({ 200: changeDocument }) } },
      idempotent(deps, underWay, async (request) => ({
        status: 200,
        body: await take(idOf(request), request.body as z.output<B>, caller(request), request),
      })),
    );
  };
  step({
    path: 'approve',
    summary: 'Approve a change (people only)',
    rule: approving('change'),
    body: approval,
    take: (id, body, principal) => approveChange(changes, id, body, principal),
  });
  challengeRoute(server, deps);
  step({
    path: 'reject',
    summary: 'Reject a change (people only)',
    rule: approving('change'),
    body: rejection,
    take: (id, body, principal) => setStatus(changes, id, { status: 'rejected', note: body.note }, principal),
  });
  step({
    path: 'status',
    summary: 'Say where a change stands',
    rule: allow('operator', 'change'),
    body: passage,
    take: (id, body, principal) => setStatus(changes, id, body, principal),
  });
  step({
    path: 'check',
    summary: 'Run every check of a change',
    rule: allow('operator', 'change'),
    body: nothing,
    take: (id, _, principal) => runChecks(changes, id, principal),
  });
  step({
    path: 'criteria/:n',
    summary: 'Say whether a criterion holds (people only)',
    rule: approving('change', 'operator'),
    params: criterionParams,
    body: verdict,
    take: (id, body, principal, { params }) =>
      judgeCriterion(changes, id, { n: (params as z.output<typeof criterionParams>).n, ...body }, principal),
  });
  step({
    path: 'review',
    summary: 'Review an emergency afterwards (people only)',
    rule: approving('change'),
    body: text,
    take: (id, body, principal) => reviewChange(changes, id, body.text, principal),
  });
  evidenceRoute(server, deps, underWay);
}

/** Unlike the other steps it could be taken twice: what is added is added to what is there. */
function evidenceRoute(server: FastifyInstance, deps: HttpDeps, underWay: Set<string>): void {
  const { changes } = deps;
  server.post(
    '/v1/changes/:change_id/evidence',
    {
      config: { rule: allow('operator', 'change') },
      schema: {
        summary: 'Add evidence to a change',
        params: changeParams,
        body: text,
        response: answers({ 200: changeDocument }),
      },
    },
    making(deps, underWay, {
      make: async (request, note) => {
        const { text: evidence } = request.body as z.output<typeof text>;
        return { status: 200, body: await addEvidence(changes, idOf(request), evidence, caller(request), note) };
      },
      found: async (request, made) => ({ status: 200, body: await viewChange(changes, made, caller(request)) }),
    }),
  );
}

/** What a passkey signs to approve the change in these very words. */
function challengeRoute(server: FastifyInstance, deps: HttpDeps): void {
  server.get(
    '/v1/changes/:change_id/passkey-challenge',
    {
      config: { rule: approving('change') },
      schema: {
        summary: 'Begin to approve a change with a passkey: a challenge made of its digest',
        params: changeParams,
        response: answers({ 200: z.looseObject({ challenge: z.string() }) }),
      },
    },
    async (request) => {
      const { person, id: own } = caller(request);
      const record = await findChangeAs(deps.store, idOf(request), caller(request), 'approver');
      const whose = { person_id: person ?? own, bound: boundOf(record) };
      const options = await assertionOptions(deps.identity, 'passkey.approve', placeOf(request, deps), whose);
      return { ...options, digest: changeDigest(record) };
    },
  );
}
