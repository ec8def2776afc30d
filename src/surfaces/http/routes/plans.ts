import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import {
  approve,
  cancelPlan,
  expireIfOverdue,
  findPlanFor,
  reject,
  replan,
  shownPlan,
  submitted,
  viewPlan,
} from '../../../changes/index.ts';
import { assertionOptions, factorSchema, mayUse, requireRole, type Principal } from '../../../identity/index.ts';
import { listPlans, PLAN_STATES } from '../../../store/index.ts';
import { allow, approving } from '../access.ts';
import { caller } from '../auth.ts';
import type { HttpDeps } from '../context.ts';
import { placeOf } from '../cookies.ts';
import { idempotent, making } from '../idempotency.ts';
import { answers, cursor, planDocument, planId } from './schemas.ts';

const listQuery = z.strictObject({
  ...cursor,
  environment: z.string().optional(),
  state: z.enum(PLAN_STATES).optional().describe('Only plans in this state.'),
});
const approval = z.strictObject({
  plan_hash: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be the 64 hex digits of the plan’s hash')
    .describe('The hash of the plan as it was seen.'),
  comment: z.string().max(2000).optional(),
  factor: factorSchema.optional(),
  confirm: z
    .string()
    .max(64)
    .optional()
    .describe('The first 8 digits of the plan’s hash, typed by who approves a high-risk plan of their own.'),
});
const comment = z
  .strictObject({ comment: z.string().max(2000).optional() })
  .nullish()
  .transform((value) => value ?? {});

const id = (params: unknown): string => (params as { plan_id: string }).plan_id;

export async function planRoutes(server: FastifyInstance, deps: HttpDeps): Promise<void> {
  const underWay = new Set<string>();
  const { changes } = deps;
  server.get(
    '/v1/plans',
    {
      config: { rule: allow('viewer', 'none') },
      schema: {
        summary: 'Plans, newest first',
        querystring: listQuery,
        response: answers({ 200: z.looseObject({ plans: z.array(planDocument) }) }),
      },
    },
    (request) => list(deps, request.query as z.output<typeof listQuery>, caller(request)),
  );
  server.get(
    '/v1/plans/:plan_id',
    {
      config: { rule: allow('viewer', 'plan') },
      schema: { summary: 'A plan', params: planId, response: answers({ 200: planDocument }) },
    },
    (request) => viewPlan(changes, id(request.params), caller(request)),
  );
  server.post(
    '/v1/plans/:plan_id/replan',
    {
      config: { rule: allow('operator', 'plan') },
      schema: {
        summary: 'Plan the same again; approvals stay when nothing has changed',
        params: planId,
        response: answers({ 201: planDocument }),
      },
    },
    making(deps, underWay, {
      make: async (request, note) => ({
        status: 201,
        body: await replan(changes, id(request.params), caller(request), note),
      }),
      found: async (request, made) => ({ status: 201, body: await submitted(changes, made, caller(request)) }),
    }),
  );
  decisionRoutes(server, deps, underWay);
  challengeRoute(server, deps);
}

function decisionRoutes(server: FastifyInstance, deps: HttpDeps, underWay: Set<string>): void {
  const { changes } = deps;
  server.post(
    '/v1/plans/:plan_id/approve',
    {
      config: { rule: approving('plan') },
      schema: {
        summary: 'Approve a plan (people only)',
        params: planId,
        body: approval,
        response: answers({ 200: planDocument }),
      },
    },
    idempotent(deps, underWay, async (request) => ({
      status: 200,
      body: await approve(changes, id(request.params), request.body as z.output<typeof approval>, caller(request)),
    })),
  );
  server.post(
    '/v1/plans/:plan_id/reject',
    {
      config: { rule: approving('plan') },
      schema: {
        summary: 'Reject a plan (people only)',
        params: planId,
        body: comment,
        response: answers({ 200: planDocument }),
      },
    },
    idempotent(deps, underWay, async (request) => ({
      status: 200,
      body: await reject(changes, id(request.params), (request.body ?? {}) as { comment?: string }, caller(request)),
    })),
  );
  server.post(
    '/v1/plans/:plan_id/cancel',
    {
      config: { rule: allow('operator', 'plan') },
      schema: { summary: 'Take a plan back', params: planId, body: comment, response: answers({ 200: planDocument }) },
    },
    idempotent(deps, underWay, async (request) => ({
      status: 200,
      body: await cancelPlan(
        changes,
        id(request.params),
        (request.body ?? {}) as { comment?: string },
        caller(request),
      ),
    })),
  );
}

/** What a passkey signs to approve this very plan. */
function challengeRoute(server: FastifyInstance, deps: HttpDeps): void {
  server.get(
    '/v1/plans/:plan_id/passkey-challenge',
    {
      config: { rule: approving('plan') },
      schema: {
        summary: 'Begin to approve with a passkey: a challenge made of the plan’s hash',
        params: planId,
        response: answers({ 200: z.looseObject({ challenge: z.string() }) }),
      },
    },
    async (request) => {
      const { person, id: own } = caller(request);
      const { plan_hash, environment } = await findPlanFor(deps.changes, id(request.params), caller(request));
      requireRole(caller(request), 'approver', environment);
      const whose = { person_id: person ?? own, bound: plan_hash };
      return {
        ...(await assertionOptions(deps.identity, 'passkey.approve', placeOf(request, deps), whose)),
        plan_hash,
      };
    },
  );
}

async function list(deps: HttpDeps, query: z.output<typeof listQuery>, principal: Principal): Promise<object> {
  const { limit, before, environment, state } = query;
  const found = await listPlans(deps.store, {
    limit,
    before,
    environment,
    ...(state === undefined ? {} : { states: [state] }),
  });
  const mine = found.filter((plan) => mayUse(principal, plan.environment));
  const current = await Promise.all(mine.map((plan) => expireIfOverdue(deps.changes, plan)));
  const wanted = current.filter((plan) => state === undefined || plan.state === state);
  const plans = await Promise.all(wanted.map((plan) => shownPlan(deps.changes, plan)));
  return { plans, ...(found.length === limit ? { next: found.at(-1)?.plan_id } : {}) };
}
