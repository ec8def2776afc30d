import type { Effect, Operation, Plan } from '../../api/types.ts';
import { oneLine } from '../../parts/format.ts';

export interface Step {
  readonly key: string;
  readonly seq: number;
  readonly title: string;
  /** `to do` for a step of the plan that has not begun. */
  readonly state: string;
  readonly effect: Effect | undefined;
}

/** What the journal calls a step's state, in words. */
const STATES: Readonly<Record<string, string>> = {
  intent: 'sending',
  sent: 'sending',
  answered: 'running',
  pending: 'to do',
  planned: 'to do',
};

/** The steps of the plan in order, each with what became of it; then what only the operation knows (undo steps). */
export function stepsOf({ effects = [], state }: Operation, plan: Plan | undefined): Step[] {
  const stuck = state === 'needs_attention' || ENDED.includes(state);
  const rest = new Map(effects.map((effect, at) => [at, effect]));
  const planned = (plan?.trace ?? []).map(({ seq, title }): Step => {
    const found = [...rest].find(([, effect]) => effect.seq === seq && effect.title === title);
    if (found !== undefined) rest.delete(found[0]);
    return asStep(`plan ${seq}`, seq, title, found?.[1], stuck);
  });
  return [...planned, ...[...rest].map(([at, effect]) => asStep(`own ${at}`, effect.seq, effect.title, effect, stuck))];
}

const asStep = (key: string, seq: number, title: string, effect: Effect | undefined, stuck: boolean): Step => {
  const known = effect?.state ?? 'to do';
  const state = STATES[known] ?? known;
  // A call without an answer in an operation that does not go on by itself: nobody knows whether it took place.
  return { key, seq, title, state: stuck && state === 'sending' ? 'in doubt' : state, effect };
};

/** How far a step is, 0 to 1, and the last line of its task's log. */
export function progressOf(effect: Effect | undefined): { readonly fraction?: number; readonly line?: string } {
  const progress = effect?.progress;
  if (progress === undefined || progress === null) return {};
  if (typeof progress === 'number') return { fraction: progress > 1 ? progress / 100 : progress };
  if (typeof progress === 'string') return { line: progress };
  return progress;
}

const isUnderWay = (state: string): boolean => state === 'running' || state === 'sending';

/** How far the whole is, 0 to 1; undefined when the number of steps is not known. */
export function wholeOf(steps: readonly Step[]): number | undefined {
  if (steps.length === 0) return undefined;
  const done = steps.map(({ state, effect }) =>
    state === 'done' ? 1 : isUnderWay(state) ? (progressOf(effect).fraction ?? 0) : 0,
  );
  return done.reduce((sum, part) => sum + part, 0) / steps.length;
}

/** What the operation waits for, as a sentence. */
export function waitingText(waiting: Operation['waiting_for']): string | undefined {
  if (waiting === undefined || waiting === null || waiting === '') return undefined;
  if (typeof waiting === 'string') return waiting;
  const { why, resource, held_by } = waiting;
  if (why !== undefined) return oneLine(why);
  if (resource === undefined) return `Waits for ${oneLine(waiting)}`;
  return `Waits for ${oneLine(resource)}${held_by === undefined || held_by === null ? '' : `, held by ${oneLine(held_by)}`}`;
}

export function errorText(error: unknown): string | undefined {
  if (error === undefined || error === null || error === '') return undefined;
  if (typeof error === 'string') return error;
  const { detail, message, code } = error as { detail?: unknown; message?: unknown; code?: unknown };
  return oneLine(detail ?? message ?? code ?? error);
}

const ENDED = ['applied', 'failed', 'canceled', 'expired', 'denied'];

export const hasEnded = ({ state }: Operation): boolean => ENDED.includes(state);
