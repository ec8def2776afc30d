import { listPlans, type PlanRecord, type StoreReader } from '../../store/index.ts';
import { bodyOf } from '../plan.ts';
import { mayUse, type Principal } from '../../identity/index.ts';
import { digestOf, noteOf, type BoardApproval, type ChangeRecord } from './record.ts';
import type { Category } from './model.ts';
import { CATEGORIES } from './model.ts';

const iso = (ms: number): string => new Date(ms).toISOString();

/** Every plan of a change; more than these belong into several changes. */
const MOST_PLANS = 500;

export const plansOf = (reader: StoreReader, id: string): Promise<PlanRecord[]> =>
  listPlans(reader, { change_id: id, limit: MOST_PLANS });

/** Plans that are over without having changed anything. */
export const NEVER_APPLIED: readonly PlanRecord['state'][] = ['denied', 'expired', 'canceled'];

/** Whether a rule of the policy has allowed all of a plan in advance. */
export const isPreapproved = (plan: PlanRecord): boolean => bodyOf(plan).change_category?.rule !== undefined;

/** The category that the plans' reach and risk ask for; undefined as long as there are no plans. */
export function proposedCategory(plans: readonly PlanRecord[]): { proposed: Category; why: string } | undefined {
  const proposals = plans.flatMap((plan) => bodyOf(plan).change_category ?? []);
  return proposals.toSorted((a, b) => CATEGORIES.indexOf(b.proposed) - CATEGORIES.indexOf(a.proposed))[0];
}

/**
 * The document of `GET /v1/changes/{id}`; `standing` has those approvals alone whose givers may still approve. Plans of environments that the caller may not see are
 * left out.
 */
export function changeView(
  record: ChangeRecord,
  plans: readonly PlanRecord[],
  principal: Principal,
  now: number,
  standing: ChangeRecord = record,
): Record<string, unknown> {
  const { content, results, history, approvals, evidence, review, created_at, updated_at, ...row } = record;
  const mine = plans.filter(({ environment }) => mayUse(principal, environment));
  return {
    ...row,
    ...content,
    status_note: noteOf(record),
    digest: digestOf(record),
    created_at: iso(created_at),
    updated_at: iso(updated_at),
    proposed_category: proposedCategory(mine) ?? null,
    validation: content.validation.map((criterion, index) => {
      const found = results[criterion.text];
      return {
        n: index + 1,
        ...criterion,
        result: found?.result ?? 'open',
        ...(found === undefined ? {} : { how: found.how, by: found.by, at: iso(found.at), evidence: found.evidence }),
      };
    }),
    plans: mine.map(({ plan_id, state, environment, consumed_by }) => ({
      plan_id,
      state,
      environment,
      ...(consumed_by === null ? {} : { operation_id: consumed_by }),
    })),
    approvals: approvals.map((approval) => ({
      ...approval,
      at: iso(approval.at),
      ...holding(approval, record, standing),
    })),
    evidence: evidence.map(({ at, ...one }) => ({ ...one, at: iso(at) })),
    history: history.map(({ at, ...passage }) => ({ ...passage, at: iso(at) })),
    ...(review === undefined ? {} : { review: reviewView(review, now) }),
  };
}

/** Whether an approval counts for the change as it is now, and why not. */
function holding(approval: BoardApproval, record: ChangeRecord, standing: ChangeRecord) {
  if (approval.digest !== digestOf(record)) return { holds: false, lapsed: 'rewritten' };
  return standing.approvals.includes(approval) ? { holds: true } : { holds: false, lapsed: 'may_not_approve' };
}

const reviewView = ({ due_at, done }: NonNullable<ChangeRecord['review']>, now: number): Record<string, unknown> => ({
  due_at: iso(due_at),
  overdue: done === undefined && due_at <= now,
  ...(done === undefined ? {} : { done: { ...done, at: iso(done.at) } }),
});
