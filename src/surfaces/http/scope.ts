import type { FastifyRequest } from 'fastify';
import { bodyOf } from '../../changes/index.ts';
import { mayUse, requireActions, type Principal } from '../../identity/index.ts';
import { isAgentError } from '../../kernel/errors.ts';
import { findPlan, getOperation, getRunbookRun, type PlanRecord } from '../../store/index.ts';
import type { Rule } from './access.ts';
import type { HttpDeps } from './context.ts';

/**
 * Who is held to some actions has no say about plans of others: it neither applies nor approves nor ends them, by
 * whatever route. Errors: `FORBIDDEN` naming the action.
 */
export async function requireScope(
  deps: HttpDeps,
  { environment }: Rule,
  principal: Principal,
  request: FastifyRequest,
): Promise<void> {
  if (principal.actions === undefined || request.method === 'GET') return;
  const ids = { ...(request.body as object | null | undefined), ...(request.params as object) } as Named;
  // What the caller may not see, or what there is not, the route itself does not find.
  const plans = (await plansOf(deps, environment, ids)).filter((plan) => mayUse(principal, plan.environment));
  requireActions(
    principal,
    plans.flatMap((plan) => bodyOf(plan).requests.map(({ action }) => action)),
  );
}

interface Named {
  readonly plan_id?: string;
  readonly operation_id?: string;
  readonly run_id?: string;
}

async function plansOf({ store }: HttpDeps, environment: Rule['environment'], named: Named): Promise<PlanRecord[]> {
  const { plan_id = '', operation_id = '', run_id = '' } = named;
  const known = async <T>(read: Promise<T>): Promise<T | undefined> =>
    read.catch((error: unknown) => {
      if (isAgentError(error, 'OPERATION_NOT_FOUND') || isAgentError(error, 'NOT_FOUND')) return undefined;
      throw error;
    });
  const ids =
    environment === 'plan'
      ? [plan_id]
      : environment === 'operation'
        ? [(await known(getOperation(store, operation_id)))?.plan_id]
        : environment === 'run'
          ? attemptsOf((await known(getRunbookRun(store, run_id)))?.body)
          : [];
  const found = await Promise.all(ids.filter((id) => id !== undefined).map((id) => findPlan(store, id)));
  return found.filter((plan) => plan !== undefined);
}

/** The plans that the steps of a run have made. */
const attemptsOf = (body: unknown): (string | undefined)[] =>
  ((body ?? { steps: [] }) as { steps: { attempts: { plan_id?: string }[] }[] }).steps.flatMap(({ attempts }) =>
    attempts.map(({ plan_id }) => plan_id),
  );
