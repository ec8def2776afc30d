import type { Change, ChangeStatus } from '../../api/change_types.ts';
import type { Me } from '../../api/types.ts';
import { words } from '../../parts/format.ts';
import { mayNotApprove, mayNotPropose } from '../rights.ts';

/*
 * Why something cannot be done with a change, or undefined. This only explains buttons: the server decides, and asks
 * nobody here.
 */

type Why = string | undefined;

/** The first reason of all environments that a change touches; of every one that the caller has where it names none. */
function everywhere(me: Me | undefined, { environments }: Change, reason: (environment: string) => Why): Why {
  if (environments.length > 0) return environments.map(reason).find((why) => why !== undefined);
  if (me?.environments !== undefined && me.environments !== null)
    return `This change touches all environments; you have rights in ${me.environments.join(', ')} only.`;
  const named = Object.keys(me?.grants ?? { '*': '' });
  return named.map(reason).find((why) => why !== undefined);
}

export const mayNotWork = (me: Me | undefined, change: Change): Why =>
  me === undefined ? 'Reading who you are…' : everywhere(me, change, (environment) => mayNotPropose(me, environment));

export const mayNotDecide = (me: Me | undefined, change: Change): Why =>
  everywhere(me, change, (environment) => mayNotApprove(me, environment));

/** Only its end fixes the words of a change. */
export const whyNotEdit = (me: Me | undefined, change: Change): Why =>
  isOver(change) ? `${overText(change)} It is not rewritten.` : mayNotWork(me, change);

/** For what a person says of a change. */
export const mayNotSay = (me: Me | undefined, change: Change): Why =>
  me !== undefined && me.class !== 'human'
    ? `Only a person can say this; this token is of class ${me.class}.`
    : mayNotWork(me, change);

const isApproved = ({ approvals }: Change): boolean => approvals.some(({ holds }) => holds);

const OVER: readonly ChangeStatus[] = ['completed', 'rolled_back', 'rejected'];
export const isOver = ({ status }: Change): boolean => OVER.includes(status);
const overText = ({ status }: Change): string => `The change is ${words(status)}.`;

export const whyNotJudge = (me: Me | undefined, change: Change): Why =>
  isOver(change) ? overText(change) : mayNotSay(me, change);

export const whyNotCheck = (me: Me | undefined, change: Change): Why =>
  isOver(change)
    ? overText(change)
    : change.validation.every(({ check }) => check === undefined)
      ? 'No criterion has a check.'
      : mayNotWork(me, change);

export const whyNotApprove = (me: Me | undefined, change: Change): Why => {
  if (isOver(change) || (change.status === 'in_progress' && isApproved(change)))
    return `${overText(change)} There is nothing to approve.`;
  const own = change.approvals.some(({ by, holds }) => holds && typeof by === 'object' && by.id === me?.id);
  return own ? 'You have approved it as it stands.' : mayNotDecide(me, change);
};

/** Where a change may go from where it stands; approving and rejecting have buttons of their own. */
const NEXT: Readonly<Record<ChangeStatus, readonly ChangeStatus[]>> = {
  planned: ['in_progress', 'paused'],
  approved: ['in_progress', 'paused', 'planned'],
  in_progress: ['completed', 'paused', 'rolled_back'],
  paused: ['planned', 'approved', 'in_progress', 'rolled_back'],
  completed: ['rolled_back'],
  rolled_back: [],
  rejected: [],
};

export function whyNotMove(me: Me | undefined, change: Change, to: ChangeStatus, note: string): Why {
  const { status, category, validation } = change;
  const allowed: readonly ChangeStatus[] = to === 'rejected' ? ['planned', 'approved', 'paused'] : NEXT[status];
  const from = to === 'rejected' ? allowed.includes(status) : allowed.includes(to);
  if (!from) return `${overText(change)} It cannot become ${words(to)} from there.`;
  const may =
    to === 'rejected'
      ? mayNotDecide(me, change)
      : to === 'paused' || to === 'planned'
        ? mayNotWork(me, change)
        : mayNotSay(me, change);
  if (may !== undefined) return may;
  if (to === 'approved' && !isApproved(change)) return 'Nobody has approved it as it stands.';
  if (to === 'in_progress' && category === 'normal' && !isApproved(change))
    return 'A normal change is approved before it begins.';
  const open = validation.filter(({ result }) => result !== 'passed').length;
  if (to === 'completed' && open > 0) return `${open} of ${validation.length} criteria have not passed.`;
  const wantsWhy = to === 'paused' || to === 'rolled_back' || to === 'rejected';
  return wantsWhy && note.trim() === '' ? 'Say why, in the note.' : undefined;
}
