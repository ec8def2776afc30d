import type { Effect, UndoEffect } from '../actions/define.ts';
import { isAgentError } from '../kernel/errors.ts';
import { guestIdentity, Thread, type Gate, type ThreadDeps } from './thread.ts';
import type { CompensationEntry, CompletedEffect, TraceStep } from './types.ts';

/**
 * Takes completed effects back, newest first, through the journal (thread `undo`), and says what was undone and what
 * was left. A failing undo does not stop the others: each that works leaves less behind.
 */
export async function compensate(
  completed: readonly CompletedEffect[],
  deps: Omit<ThreadDeps, 'gate' | 'request'>,
): Promise<CompensationEntry[]> {
  let current: TraceStep | undefined;
  const gate: Gate = { admit: (index) => ({ ...(current as TraceStep), index }) };
  const thread = new Thread({ ...deps, request: 'undo', gate });
  const entries: CompensationEntry[] = [];
  for (const done of [...completed].sort((a, b) => b.step.seq - a.step.seq)) {
    const { seq, title } = done.step;
    const { undo } = done.effect;
    if (undo.kind === 'none') entries.push({ seq, title, state: 'nothing', why: undo.why });
    else if (undo.kind === 'irreversible') entries.push({ seq, title, state: 'left', why: undo.why });
    else if (undo.kind === 'with') entries.push({ seq, title, state: 'undone', why: `together with "${undo.title}"` });
    else {
      current = undoStep(done.step, undo.effect);
      entries.push({ seq, title, ...(await takeBack(thread, done, undo.effect)) });
    }
  }
  return withFates(entries, completed);
}

/** The undo as a step of its own: approved with the plan, because it stands in the step's `undo`. */
function undoStep(step: TraceStep, effect: UndoEffect): TraceStep {
  const params = step.undo.kind === 'call' ? step.undo.params : {};
  return {
    ...step,
    request: 'undo',
    title: effect.title,
    method: effect.method,
    path: effect.path,
    params,
    task: effect.task ?? null,
    undo: NO_UNDO,
    runtime: [],
  };
}

const NO_UNDO = { kind: 'none', why: 'it takes back a step' } as const;

async function takeBack(
  thread: Thread,
  done: CompletedEffect,
  undo: UndoEffect,
): Promise<Pick<CompensationEntry, 'state' | 'why'>> {
  try {
    if (undo.onlyOwned !== undefined) {
      const { node, vmid } = undo.onlyOwned;
      const config = await thread.find(`/nodes/${node}/qemu/${vmid}/config`);
      if (config === undefined) return { state: 'undone', why: 'it was gone already' };
      if (done.created === undefined || guestIdentity(config) !== done.created) {
        return { state: 'left', why: `vm/${vmid} is not the guest that this operation made, so it is not touched` };
      }
    }
    const effect: Effect = { ...undo, undo: NO_UNDO };
    await thread.effect(effect);
    return { state: 'undone', why: undo.title };
  } catch (error) {
    if (!isAgentError(error) || error.code === 'NEEDS_ATTENTION') throw error;
    return { state: 'failed', why: `${undo.title}: ${error.message}` };
  }
}

/** What was to go together with another step shares its fate. */
function withFates(entries: CompensationEntry[], completed: readonly CompletedEffect[]): CompensationEntry[] {
  return entries.map((entry) => {
    const undo = completed.find(({ step }) => step.seq === entry.seq)?.effect.undo;
    if (undo?.kind !== 'with') return entry;
    const carrier = entries.find(({ title, seq }) => title === undo.title && seq < entry.seq);
    return carrier === undefined || carrier.state === 'undone'
      ? entry
      : { ...entry, state: carrier.state, why: `"${undo.title}" was not undone` };
  });
}
