import type { Context } from '../context.ts';
import type { Plan } from '../model.ts';
import { table } from '../render/table.ts';
import { instant } from '../render/values.ts';
import { fetchList } from './list.ts';
import { showPlanAnswer } from './plan.ts';

export async function listPlans(
  context: Context,
  { state, all }: { readonly state?: string; readonly all?: boolean },
): Promise<void> {
  const list = await fetchList<'plans', Plan>(context, '/v1/plans', 'plans', { state }, all === true);
  await context.show(list, async ({ plans, next }) => {
    if (plans.length === 0) return ['No plans.'];
    const rows = plans.map(({ plan_id, state, environment, created_at, requests }) => [
      plan_id,
      state.replaceAll('_', ' '),
      environment,
      instant(created_at),
      requests.map(({ action, target }) => `${action} ${target}`).join(', '),
    ]);
    const lines = await table(['PLAN', 'STATE', 'ENV', 'MADE', 'WHAT'], rows, context);
    return next ? [...lines, 'There are more; add --all.'] : lines;
  });
}

export async function showPlan(context: Context, _options: object, plan_id: string): Promise<void> {
  await showPlanAnswer(context, await context.api.get<Plan>(`/v1/plans/${encodeURIComponent(plan_id)}`));
}
