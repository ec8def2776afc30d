import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { ACTIONS, paramsSchema } from '../../../actions/index.ts';
import {
  apply,
  planRequestSchema,
  plansRequestSchema,
  schedulePlan,
  submit,
  submitted,
} from '../../../changes/index.ts';
import { isAgentError } from '../../../kernel/errors.ts';
import { allow } from '../access.ts';
import { caller } from '../auth.ts';
import type { HttpDeps } from '../context.ts';
import { idempotent, making } from '../idempotency.ts';
import { viewOperation } from './operations.ts';
import { answers, operationDocument, planDocument } from './schemas.ts';

const applyBody = z.strictObject({
  plan_id: z.uuid().describe('The approved plan.'),
  request: z.unknown().optional().describe('The request again; refused when it is not the one that was planned.'),
  when: z
    .string()
    .max(64)
    .optional()
    .describe(
      '`window` or a time of RFC 3339: the plan is applied then, by itself, and the answer is the plan with its `schedule`.',
    ),
});
const applyQuery = z.strictObject({
  wait: z.coerce.number().min(0).max(600).default(0).describe('Seconds to wait for the end.'),
});
const ENDED = new Set(['applied', 'failed', 'canceled']);

const catalogue = ACTIONS.map((action) => ({
  name: action.name,
  title: action.title,
  summary: action.docs.summary,
  aliases: action.aliases ?? [],
  target: action.target,
  risk: action.risk.base,
  risk_why: action.risk.why,
  approval: action.risk.approval ?? 'by risk',
  params: paramsSchema(action),
  example: { action: action.name, ...action.docs.example },
  surfaces: ['http', 'cli', 'web'],
}));

export async function actionRoutes(server: FastifyInstance, deps: HttpDeps): Promise<void> {
  const underWay = new Set<string>();
  server.get(
    '/v1/actions',
    {
      config: { rule: allow('viewer', 'none') },
      schema: {
        summary: 'The catalogue of actions',
        response: answers({ 200: z.looseObject({ actions: z.array(z.looseObject({ name: z.string() })) }) }),
      },
    },
    () => ({ actions: catalogue }),
  );
  const { changes } = deps;
  const plan = making(deps, underWay, {
    make: async (request, note) => ({
      status: 201,
      body: await submit(changes, request.body, caller(request), { note }),
    }),
    found: async (request, made) => ({ status: 201, body: await submitted(changes, made, caller(request)) }),
  });
  server.post(
    '/v1/actions/plan',
    {
      config: { rule: allow('operator', 'body') },
      schema: { summary: 'Plan one action', body: planRequestSchema, response: answers({ 201: planDocument }) },
    },
    plan,
  );
  server.post(
    '/v1/plans',
    {
      config: { rule: allow('operator', 'body') },
      schema: {
        summary: 'Plan several actions as one',
        body: plansRequestSchema,
        response: answers({ 201: planDocument }),
      },
    },
    plan,
  );
  server.post(
    '/v1/actions/apply',
    {
      config: { rule: allow('operator', 'plan') },
      schema: {
        summary: 'Apply an approved plan',
        body: applyBody,
        querystring: applyQuery,
        response: answers({ 200: operationDocument, 202: z.union([operationDocument, planDocument]) }),
      },
    },
    idempotent(deps, underWay, async (request, repeated) => {
      const { when, ...given } = request.body as z.output<typeof applyBody>;
      if (when !== undefined)
        return { status: 202, body: await schedulePlan(deps.changes, { ...given, when }, caller(request)) };
      const operation_id = await begin(deps, given, caller(request), repeated);
      const { wait } = request.query as z.output<typeof applyQuery>;
      if (wait > 0) await deps.engine.settled(operation_id, wait * 1000, server.closing);
      const body = await viewOperation(deps, operation_id, caller(request));
      return { status: ENDED.has(String(body['state'])) ? 200 : 202, body };
    }),
  );
}

/** The plan's operation; when a crash cut off the first answer to this very request, the operation that it began. */
async function begin(
  deps: HttpDeps,
  body: Omit<z.output<typeof applyBody>, 'when'>,
  principal: Parameters<typeof apply>[2],
  repeated: boolean,
): Promise<string> {
  try {
    return (await apply(deps.changes, body, principal)).operation_id;
  } catch (error) {
    if (!repeated || !isAgentError(error, 'PLAN_CONSUMED') || error.details.operation_id === undefined) throw error;
    return error.details.operation_id;
  }
}
