import { AgentError } from '../../kernel/errors.ts';
import type { ChangesDeps } from '../changes.ts';
import { isBootstrap, isFresh, prove, samePerson, SHORT_HASH, type Approved, type Proof } from '../duties/index.ts';
import { actorOf, type Principal } from '../../identity/index.ts';
import { bodyOf } from '../plan.ts';
import { findChangeAs } from './access.ts';
import { digestOf, isApproved, type ChangeRecord } from './record.ts';
import { change, passed, type ChangeView } from './records.ts';
import { environmentsOf, withStanding } from './standing.ts';
import { plansOf } from './view.ts';

type Where = Pick<ChangesDeps, 'estate'>;

/** The first environment in production that a change touches. */
const productionOf = (deps: Where, record: ChangeRecord): string | undefined =>
  environmentsOf(deps, record).find(({ production }) => production)?.name;

/** Why a person of that kind needs a second factor here at all; undefined where none can be asked for (ADR 0014). */
function factorReason(deps: Where, record: ChangeRecord, { name, enrolled }: Principal): string | undefined {
  const production = productionOf(deps, record);
  if (production !== undefined) return `${production} is in production`;
  return enrolled === true ? `${name} has a second factor enrolled` : undefined;
}

/** Two changes of the same words have one digest; a passkey signs for this one. */
export const boundOf = (record: ChangeRecord): string => `${record.id} ${digestOf(record)}`;

/**
 * What an approval of a change takes, as for a plan (ADR 0010): of what a person wrote, a second factor and the beginning
 * of the digest, in production or when something about it is of high risk; of an emergency a second factor in any case.
 */
async function approvedBy(deps: ChangesDeps, record: ChangeRecord, principal: Principal): Promise<Approved> {
  const { id, category, created_by, writers = [] } = record;
  const hash = digestOf(record);
  const approved = { mark: "change's digest", hash, bound: boundOf(record), own: undefined, all: undefined };
  const reason = factorReason(deps, record, principal);
  if (reason === undefined) return approved;
  const emergency = category === 'emergency';
  const all = emergency ? `${id} is an emergency, and ${reason}: it runs now, with a second factor.` : undefined;
  const own = [created_by, ...writers].some((writer) => samePerson(writer, principal));
  const risky = productionOf(deps, record) !== undefined || emergency || (await isHigh(deps, record));
  if (!own || !risky) return { ...approved, all };
  const needs = `a fresh second factor and the first ${SHORT_HASH} digits of the change's digest`;
  return { ...approved, all, own: `${principal.name} wrote ${id}, and ${reason}: the own approval needs ${needs}.` };
}

async function isHigh({ store }: ChangesDeps, { id, content }: ChangeRecord): Promise<boolean> {
  if (content.risk.level === 'high') return true;
  return (await plansOf(store, id)).some((plan) => bodyOf(plan).risk.level === 'high');
}

/**
 * The board's yes, which may be one person's; bound to the words as that person saw them. A `factor` that is given has
 * to be right, whether or not it is asked for. Errors: `APPROVAL_FORBIDDEN`, `FORBIDDEN`, `CHANGE_STATE` when it was
 * rewritten or there is nothing to approve, `SECOND_FACTOR_REQUIRED`, `FACTOR_INVALID`, `VALIDATION_FAILED`.
 */
export async function approveChange(
  deps: ChangesDeps,
  id: string,
  { digest, comment = '', ...proof }: { readonly digest: string; readonly comment?: string | undefined } & Proof,
  principal: Principal,
): Promise<ChangeView> {
  if (principal.class !== 'human')
    throw new AgentError('APPROVAL_FORBIDDEN', `${principal.name} is no person; only a person can approve a change.`);
  const found = await findChangeAs(deps.store, id, principal, 'approver');
  const kept = new Set((await withStanding(deps, found)).approvals.map(({ by }) => by.id));
  // Before the factor is looked at: a code that was looked at is used up.
  requireApprovable(found, digest, kept);
  const { factor, method } = await prove(deps, await approvedBy(deps, found, principal), proof, principal);
  return change(deps, id, principal, 'change.approved', (record) => {
    requireApprovable(record, digest, kept);
    const by = actorOf(principal);
    const approvals = record.approvals.filter((one) => one.by.id !== by.id || one.digest !== digest);
    const shown = factor === undefined ? {} : { factor };
    const given = { by, at: deps.clock.now(), comment, method: method ?? principal.method, ...shown, digest };
    const after = { ...record, approvals: [...approvals, given] };
    return record.status === 'planned' ? passed(deps, after, 'approved', comment, principal) : after;
  });
}

/** `kept`: whose approval of before counts still. */
function requireApprovable(record: ChangeRecord, digest: string, kept: ReadonlySet<string>): void {
  const { id, status } = record;
  if (digest !== digestOf(record))
    throw new AgentError('CHANGE_STATE', `${id} was changed since you looked at it; look at it again.`);
  const counting = { ...record, approvals: record.approvals.filter(({ by }) => kept.has(by.id)) };
  // One under way needs the board again when it was rewritten, or when nobody's yes to it counts any more.
  const again = status === 'in_progress' && !isApproved(counting);
  const open = ['planned', 'paused', 'approved'].includes(status) || again;
  if (!open) throw new AgentError('CHANGE_STATE', `${id} is ${status.replace('_', ' ')}; there is nothing to approve.`);
}

/**
 * An emergency waits for nobody, but somebody begins it with a second factor: by approving it, or by a factor shown a
 * moment ago. Errors: `SECOND_FACTOR_REQUIRED`, saying how; `APPROVAL_REQUIRED` for who is no person.
 */
export function requireEmergencyBegun(
  deps: Where & Pick<ChangesDeps, 'clock'>,
  record: ChangeRecord,
  by: Principal,
): void {
  const { id, category, status, begun_as } = record;
  const begun = (status === 'in_progress' && begun_as === 'emergency') || isApproved(record);
  if (category !== 'emergency' || begun || isBootstrap(by)) return;
  if (by.class !== 'human')
    throw new AgentError(
      'APPROVAL_REQUIRED',
      `${id} is an emergency; a person approves it before ${by.name} begins it.`,
    );
  const reason = factorReason(deps, record, by);
  if (reason === undefined || isFresh(by, deps.clock.now())) return;
  throw new AgentError(
    'SECOND_FACTOR_REQUIRED',
    `${id} is an emergency, and ${reason}: approve it with a second factor, and it can begin.`,
    { errors: { factor: 'is needed, with the approval of the change' } },
  );
}
