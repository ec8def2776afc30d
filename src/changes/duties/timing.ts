import { AgentError } from '../../kernel/errors.ts';
import type { PlanRecord } from '../../store/index.ts';
import { bodyOf, type Decision, type PlanBody } from '../plan.ts';
import { obligationOf } from './person.ts';
import type { ChangeScope, Windows } from './seams.ts';

/** Errors: `OBLIGATION_UNMET` with the time from which a plan may be approved and applied. */
export function requireCooledDown(plan: PlanRecord, decision: Decision, now: number): void {
  const { minutes = 0, rules = [] } = obligationOf(decision, 'cool_down') ?? {};
  const from = plan.created_at + minutes * 60_000;
  if (now >= from) return;
  throw new AgentError(
    'OBLIGATION_UNMET',
    `This plan may be approved and applied from ${new Date(from).toISOString()} on, ${minutes} minutes after it was made (rule ${rules.join(', ')}).`,
    { plan_id: plan.plan_id, more: { from: new Date(from).toISOString() } },
  );
}

/** What of a plan decides which windows are for it: its most critical target, and its category. */
export function windowScope({
  facts,
  change_category,
}: Pick<PlanBody, 'facts' | 'change_category'>): Required<ChangeScope> {
  const tiers = Object.values(facts?.targets ?? {}).flatMap(({ tier }) => (tier > 0 ? [tier] : []));
  const category = facts?.change?.category || change_category?.proposed || 'normal';
  return { tier: tiers.length === 0 ? 0 : Math.min(...tiers), category };
}

/** Errors: `OBLIGATION_UNMET` when the decision asks for a window and none is open. */
export async function requireWindow(
  windows: Windows,
  plan: PlanRecord,
  decision: Decision,
  now: number,
): Promise<void> {
  const asked = obligationOf(decision, 'window');
  if (asked === undefined) return;
  const { open, why, next } = await windows.check(plan.environment, now, windowScope(bodyOf(plan)));
  if (open) return;
  const then = next === null ? 'none is planned' : `the next one opens at ${new Date(next).toISOString()}`;
  throw new AgentError(
    'OBLIGATION_UNMET',
    `This plan is applied in a change window only (rule ${asked.rules.join(', ')}), and ${why}; ${then}.`,
    { plan_id: plan.plan_id, more: next === null ? {} : { from: new Date(next).toISOString() } },
  );
}
