import { AgentError } from '../../kernel/errors.ts';
import { findChangeRecord, type PlanRecord, type Store, type StoreTx } from '../../store/index.ts';
import type { ChangesDeps } from '../changes.ts';
import type { ChangeFacts } from '../policy/types.ts';
import type { Principal } from '../../identity/index.ts';
import { findChangeFor } from './access.ts';
import { requireEmergencyBegun } from './approve.ts';
import { isApproved, recordOf, type ChangeRecord } from './record.ts';
import { changeIn } from './records.ts';
import { withStanding } from './standing.ts';
import { moved } from './status.ts';
import { isPreapproved } from './view.ts';

/** What rules see of the change that a plan names; undefined for one that is kept elsewhere. */
export async function changeFactsOf(store: Store, id: string): Promise<ChangeFacts | undefined> {
  const row = await findChangeRecord(store, id);
  if (row === undefined) return undefined;
  const { category, status, content } = recordOf(row);
  return { id, category, status, risk: content.risk.level };
}

/**
 * Whether a plan may be made for a change: what was approved for one environment says nothing of another. A change that is
 * kept elsewhere is not looked at. Errors: `NOT_FOUND` for one that the caller may not see; `CHANGE_STATE` when it does
 * not touch the environment.
 */
export async function requirePlannable(
  store: Store,
  { change_id, environment }: Pick<PlanRecord, 'change_id' | 'environment'>,
  principal: Principal,
): Promise<void> {
  const known = change_id !== null && (await findChangeRecord(store, change_id)) !== undefined;
  if (known) requireTouched(await findChangeFor(store, change_id, principal), environment);
}

function requireTouched({ id, content: { environments } }: ChangeRecord, environment: string): void {
  if (environments.length === 0 || environments.includes(environment)) return;
  throw new AgentError(
    'CHANGE_STATE',
    `${id} is about ${environments.join(', ')}; this plan would change ${environment}.`,
    {
      more: { change_id: id },
    },
  );
}

/**
 * Whether the change that a plan belongs to lets it be applied now. Errors: `CHANGE_STATE` when it is over, paused, or not
 * approved (a normal one, or a standard one for a plan that no rule has allowed) by somebody who may still approve, or when it does not touch the plan's
 * environment any more; and what begins an emergency without a second factor.
 */
export async function requireChange(
  deps: Pick<ChangesDeps, 'store' | 'estate' | 'clock' | 'roleNow'>,
  plan: PlanRecord,
  principal: Principal,
): Promise<void> {
  const { change_id, plan_id, environment } = plan;
  const row = change_id === null ? undefined : await findChangeRecord(deps.store, change_id);
  if (row === undefined) return;
  const stored = recordOf(row);
  requireTouched(stored, environment);
  const record = await withStanding(deps, stored, [environment]);
  const { id, category, status } = record;
  const refuse = (why: string): never => {
    const words = `${id} is ${status.replace('_', ' ')}; ${why}.`;
    throw new AgentError('CHANGE_STATE', words, { plan_id, more: { change_id: id } });
  };
  if (!['planned', 'approved', 'in_progress'].includes(status)) return refuse('its plans are not applied');
  if (category === 'emergency') return requireEmergencyBegun(deps, record, principal);
  if (category === 'normal' && status === 'planned')
    return refuse('a normal change is approved before its plans are applied');
  if (category === 'normal' && !isApproved(record)) {
    const why = isApproved(stored)
      ? `who approved it may not approve in ${environment} any more`
      : 'it was rewritten after its approval';
    return refuse(`${why}, so it is approved again as it stands now`);
  }
  // Also once it is under way: what is standard about it are the plans that the rule allows.
  if (category === 'standard' && !isPreapproved(plan) && !isApproved(record))
    return refuse('no rule has allowed this plan beforehand, so the change is approved first');
}

/** The first plan of a change that is applied begins it. */
export async function beginChange(
  deps: ChangesDeps,
  trx: StoreTx,
  { change_id, plan_id }: PlanRecord,
  principal: Principal,
): Promise<void> {
  const row = change_id === null ? undefined : await findChangeRecord(trx, change_id);
  if (row === undefined || row.status === 'in_progress') return;
  const note = `plan ${plan_id} is applied`;
  await changeIn(
    deps,
    trx,
    {
      id: row.id,
      event: 'change.in_progress',
      step: (record) => moved(deps, record, { status: 'in_progress', note }, principal),
    },
    principal,
  );
}
