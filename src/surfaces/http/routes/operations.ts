import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { bodyOf } from '../../../changes/index.ts';
import { actorOf, mayUse, requireRole, type Principal } from '../../../identity/index.ts';
import { AgentError } from '../../../kernel/errors.ts';
import { operationView, summaryOf } from '../../../operations/index.ts';
import { getOperation, getPlan, listOperations, OPERATION_STATES, type OperationRecord } from '../../../store/index.ts';
import { allow } from '../access.ts';
import { caller } from '../auth.ts';
import type { HttpDeps } from '../context.ts';
import { idempotent } from '../idempotency.ts';
import { answers, cursor, operationDocument, operationId } from './schemas.ts';

const listQuery = z.strictObject({
  ...cursor,
  environment: z.string().optional(),
  state: z.enum(OPERATION_STATES).optional(),
  active: z.enum(['0', '1']).optional().describe('1: only operations that have not ended.'),
});
const ACTIVE = OPERATION_STATES.filter((state) => !['applied', 'failed', 'canceled'].includes(state));

export async function operationRoutes(server: FastifyInstance, deps: HttpDeps): Promise<void> {
  const underWay = new Set<string>();
  const id = (params: unknown): string => (params as { operation_id: string }).operation_id;
  const { engine } = deps;

  server.get(
    '/v1/operations',
    {
      config: { rule: allow('viewer', 'none') },
      schema: {
        summary: 'Operations, newest first',
        querystring: listQuery,
        response: answers({ 200: z.looseObject({ operations: z.array(operationDocument) }) }),
      },
    },
    async (request) => {
      const { limit, before, environment, state, active } = request.query as z.output<typeof listQuery>;
      const states = state !== undefined ? [state] : active === '1' ? ACTIVE : undefined;
      const found = await listOperations(deps.store, { limit, before, environment, states });
      const operations = found
        .filter((one) => mayUse(caller(request), one.environment))
        .map((one) => summaryOf(one, engine.live.get(one.operation_id)));
      return { operations, ...(found.length === limit ? { next: found.at(-1)?.operation_id } : {}) };
    },
  );
  server.get(
    '/v1/operations/:operation_id',
    {
      config: { rule: allow('viewer', 'operation') },
      schema: {
        summary: 'An operation, step by step',
        params: operationId,
        response: answers({ 200: operationDocument }),
      },
    },
    (request) => viewOperation(deps, id(request.params), caller(request)),
  );
  for (const verb of ['cancel', 'resume'] as const) {
    server.post(
      `/v1/operations/:operation_id/${verb}`,
      {
        config: { rule: allow('operator', 'operation') },
        schema: {
          summary: verb === 'cancel' ? 'Stop and undo an operation' : 'Go on with an operation that needed attention',
          params: operationId,
          response: answers({ 200: operationDocument }),
        },
      },
      idempotent(deps, underWay, async (request) => {
        const principal = caller(request);
        const operation = await find(deps, id(request.params), principal);
        requireRole(principal, 'operator', operation.environment);
        // What nobody knows is for a person to decide.
        if (operation.state === 'needs_attention' && principal.class !== 'human')
          throw new AgentError('FORBIDDEN', 'Only a person decides on an operation that needs attention.');
        await engine[verb](operation.operation_id, actorOf(principal));
        return { status: 200, body: await viewOperation(deps, operation.operation_id, principal) };
      }),
    );
  }
}

async function find(deps: HttpDeps, operation_id: string, principal: Principal): Promise<OperationRecord> {
  const operation = await getOperation(deps.store, operation_id);
  if (!mayUse(principal, operation.environment))
    throw new AgentError('OPERATION_NOT_FOUND', `There is no operation ${operation_id}.`, { operation_id });
  return operation;
}

export async function viewOperation(
  deps: HttpDeps,
  operation_id: string,
  principal: Principal,
): Promise<Record<string, unknown>> {
  const { plan_id } = await find(deps, operation_id, principal);
  const { trace } = bodyOf(await getPlan(deps.store, plan_id));
  return operationView(deps.store, operation_id, trace, deps.engine.live.get(operation_id));
}
