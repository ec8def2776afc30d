import { AgentError } from '../../kernel/errors.ts';
import type { ChangesDeps } from '../changes.ts';
import { actorOf, type Principal } from '../../identity/index.ts';
import { findChangeAs } from './access.ts';
import type { ChangeStatus } from './model.ts';
import { requireEmergencyBegun } from './approve.ts';
import { isApproved, type ChangeRecord } from './record.ts';
import { change, passed, type ChangeView } from './records.ts';

/** Where a change may go from where it stands. `approved` is reached by an approval alone. */
export const CHANGE_TRANSITIONS: Readonly<Record<ChangeStatus, readonly ChangeStatus[]>> = {
  planned: ['approved', 'in_progress', 'paused', 'rejected'],
  approved: ['in_progress', 'paused', 'planned', 'rejected'],
  in_progress: ['completed', 'paused', 'rolled_back'],
  paused: ['planned', 'approved', 'in_progress', 'rolled_back', 'rejected'],
  completed: ['rolled_back'],
  rolled_back: [],
  rejected: [],
};
/** These say why. */
const WITH_REASON: readonly ChangeStatus[] = ['paused', 'rolled_back', 'rejected'];
/** How long after an emergency its review may take. */
export const REVIEW_MS = 5 * 86_400_000;

/**
 * Moves a change on. Errors: `CHANGE_STATE` when it cannot go there from where it stands, when it is not approved, or when
 * criteria are open; `VALIDATION_FAILED` without a reason where one is needed; `FORBIDDEN`.
 */
export async function setStatus(
  deps: ChangesDeps,
  id: string,
  { status, note = '' }: { readonly status: ChangeStatus; readonly note?: string | undefined },
  principal: Principal,
): Promise<ChangeView> {
  await findChangeAs(deps.store, id, principal, status === 'rejected' ? 'approver' : 'operator');
  if (principal.class !== 'human' && status !== 'planned' && status !== 'paused')
    throw new AgentError('APPROVAL_FORBIDDEN', `Only a person says that a change is ${status.replace('_', ' ')}.`);
  if (WITH_REASON.includes(status) && note.trim() === '')
    throw new AgentError('VALIDATION_FAILED', `Say why it is ${status.replace('_', ' ')}.`, {
      errors: { note: 'is needed' },
    });
  return change(deps, id, principal, `change.${status}`, (record) => moved(deps, record, { status, note }, principal));
}

/** The change after the move. Errors: `CHANGE_STATE`, and what begins an emergency without a second factor. */
export function moved(
  deps: Pick<ChangesDeps, 'clock' | 'estate'>,
  record: ChangeRecord,
  { status, note }: { readonly status: ChangeStatus; readonly note: string },
  principal: Principal,
): ChangeRecord {
  const refuse = (why: string): never => {
    throw new AgentError('CHANGE_STATE', `${record.id} is ${record.status.replace('_', ' ')}: ${why}`);
  };
  if (!CHANGE_TRANSITIONS[record.status].includes(status))
    refuse(
      `it cannot become ${status.replace('_', ' ')}; next is ${CHANGE_TRANSITIONS[record.status].join(', ') || 'nothing'}.`,
    );
  const needsBoard = record.category === 'normal' && !isApproved(record);
  if (status === 'approved' && !isApproved(record)) refuse('an approval makes it approved, not a word.');
  if (status === 'in_progress' && needsBoard) refuse('a normal change is approved before it begins.');
  if (status === 'in_progress') requireEmergencyBegun(deps, record, principal);
  if (status === 'completed') requireCriteria(record, refuse);
  const begun = status === 'in_progress' ? { ...record, begun_as: record.category } : record;
  const after = passed(deps, begun, status, note, principal);
  const reviewed = record.category === 'emergency' && (status === 'completed' || status === 'rolled_back');
  return reviewed && after.review === undefined
    ? { ...after, review: { due_at: deps.clock.now() + REVIEW_MS } }
    : after;
}

function requireCriteria({ content, results }: ChangeRecord, refuse: (why: string) => never): void {
  const open = content.validation.filter(({ text }) => results[text]?.result !== 'passed');
  if (open.length > 0)
    refuse(
      `${open.length} of ${content.validation.length} criteria have not passed: ${open.map(({ text }) => text).join('; ')}.`,
    );
}

/** What was learned of an emergency. Errors: `CHANGE_STATE` when none is due, `APPROVAL_FORBIDDEN` for no person. */
export async function reviewChange(
  deps: ChangesDeps,
  id: string,
  text: string,
  principal: Principal,
): Promise<ChangeView> {
  if (principal.class !== 'human') throw new AgentError('APPROVAL_FORBIDDEN', 'Only a person reviews a change.');
  await findChangeAs(deps.store, id, principal, 'approver');
  return change(deps, id, principal, 'change.reviewed', (record) => {
    if (record.review === undefined)
      throw new AgentError('CHANGE_STATE', `${id} has no review to be made: it is no emergency, or not over yet.`);
    return { ...record, review: { ...record.review, done: { at: deps.clock.now(), by: actorOf(principal), text } } };
  });
}
