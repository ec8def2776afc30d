import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import {
  approve,
  cancelPlan,
  expireIfOverdue,
  mayUse,
  reject,
  shownPlan,
  viewPlan,
  type Principal,
} from '../../../changes/index.ts';
import { listPlans, PLAN_STATES } from '../../../store/index.ts';
import { caller } from '../auth.ts';
import type { HttpDeps } from '../context.ts';
import { idempotent } from '../idempotency.ts';
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
  factor: z
    .union([z.string().min(1).max(200), z.looseObject({})])
    .optional()
    .describe('A second factor, where one is asked for: a code, or what a passkey answered.'),
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

export async function planRoutes(server: FastifyInstance, deps: HttpDeps): Promise<void> {
  const underWay = new Set<string>();
  const { changes } = deps;
  const id = (params: unknown): string => (params as { plan_id: string }).plan_id;

  server.get(
    '/v1/plans',
    {
      config: { rule: 'viewer' },
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
      config: { rule: 'viewer' },
      schema: { summary: 'A plan', params: planId, response: answers({ 200: planDocument }) },
    },
    (request) => viewPlan(changes, id(request.params), caller(request)),
  );
  server.post(
    '/v1/plans/:plan_id/approve',
    // Viewer, so that an agent is told why it can never approve, and not that its role is too low.
    {
      config: { rule: 'viewer' },
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
      config: { rule: 'viewer' },
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
      config: { rule: 'operator' },
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
