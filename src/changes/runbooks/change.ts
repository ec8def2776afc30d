import { AgentError } from '../../kernel/errors.ts';
import { getRunbookRun, updateRunbookRun, type Actor, type StoreTx } from '../../store/index.ts';
import type { ChangesDeps } from '../changes.ts';
import { mayUse, requireRole, type Principal } from '../../identity/index.ts';
import type { RunbookLibrary } from './library.ts';
import type { Probe } from './probe.ts';
import { environmentsOf, recordOf, runOf, stateOf, type Run } from './run.ts';

/** Between what is recorded and what follows from it; tests stop the process there. */
export type RunPoint = 'after-claim' | 'after-plan' | 'after-apply' | 'after-probe';

export interface RunbookDeps {
  readonly changes: ChangesDeps;
  readonly library: RunbookLibrary;
  readonly probe: Probe;
  readonly crash?: (point: RunPoint) => void;
}

/** What is said of a change of a run, in the audit log and to those who watch. */
export interface Noted {
  /** Such as `runbook.step.done`. */
  readonly event: string;
  readonly by: Actor;
  readonly payload?: object;
}

/** A run that the caller may see. Errors: `NOT_FOUND`, also for one of an environment that the caller has no rights in. */
export async function findRunFor(deps: RunbookDeps, run_id: string, principal: Principal): Promise<Run> {
  const run = runOf(await getRunbookRun(deps.changes.store, run_id));
  if (environmentsOf(run.body.steps).every((name) => mayUse(principal, name))) return run;
  throw new AgentError('NOT_FOUND', `There is no run ${run_id} of a runbook.`);
}

/** Whoever brings a run on may plan in every environment that it touches. Errors: `FORBIDDEN`. */
export function requireOperator({ body }: Run, principal: Principal): void {
  requireRole(principal, 'operator');
  for (const name of environmentsOf(body.steps)) requireRole(principal, 'operator', name);
}

/**
 * Reads a run, lets `work` say what it becomes, and writes that with its audit record, all in one transaction: of two
 * who answer the same step one is told that it is answered. `work` may be run again and answers undefined for no change.
 */
export function changeRun(
  deps: RunbookDeps,
  run_id: string,
  work: (run: Run, at: number) => { readonly run: Run; readonly note: Noted } | undefined,
): Promise<Run> {
  const { store, clock } = deps.changes;
  return store.commit(async (trx) => {
    const at = clock.now();
    const before = runOf(await getRunbookRun(trx, run_id));
    const made = work(before, at);
    if (made === undefined) return before;
    const state = stateOf(made.run);
    const ended_at = state === 'done' || state === 'canceled' ? (before.ended_at ?? at) : null;
    const run = { ...made.run, state, updated_at: at, ended_at };
    await updateRunbookRun(trx, recordOf(run));
    await noteChange(deps, trx, run, made.note);
    return run;
  });
}

/** The audit record and the event of a change, inside its transaction. */
export async function noteChange(
  deps: RunbookDeps,
  trx: StoreTx,
  run: Run,
  { event, by, payload }: Noted,
): Promise<void> {
  const { audit, events } = deps.changes;
  const { run_id, runbook_id, state, body } = run;
  const names = environmentsOf(body.steps);
  // A run over several environments is nobody's alone; its records carry none then.
  const [environment] = names.length === 1 ? names : [];
  const where = environment === undefined ? {} : { environment };
  const ids = { run_id };
  await audit.append(trx, { actor: by, ...where, event, ids, payload: { runbook: runbook_id, ...payload } });
  await events.publish(trx, { type: event, ...where, ids, data: { state, runbook: runbook_id } });
}
