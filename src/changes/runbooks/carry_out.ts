import { AgentError, isAgentError } from '../../kernel/errors.ts';
import { findPlan, type Actor, type PlanRecord } from '../../store/index.ts';
import { apply } from '../apply.ts';
import { submit } from '../changes.ts';
import { actorOf, type Principal } from '../../identity/index.ts';
import { changeRun, findRunFor, type RunbookDeps } from './change.ts';
import { withAttempt, withStep, type Attempt, type Run, type RunStep } from './run.ts';
import { settleRun } from './settle.ts';
import { begin, requireCurrent } from './stand.ts';
import { requestOf, type ChangeSpec, type ProbeSpec } from './steps.ts';

/**
 * Does what a step says that the control plane does itself: a probe, or a change through the one door. Whatever an
 * earlier try left is gone on with, so that a process that died at any point makes no second plan. Errors: `RUN_STATE`,
 * and those of planning and applying that pass by themselves.
 */
export async function carryOut(deps: RunbookDeps, run: Run, step: RunStep, principal: Principal): Promise<Run> {
  const { spec, number } = step;
  if (spec.kind === 'manual' || spec.kind === 'approval')
    throw new AgentError('RUN_STATE', `Step ${number} waits for a person's word; there is nothing to run.`);
  const claimed = await claim(deps, run.run_id, number, spec.kind !== 'probe', actorOf(principal));
  deps.crash?.('after-claim');
  if (spec.kind === 'probe') return look(deps, run.run_id, number, spec, principal);
  return change(deps, claimed, number, spec, principal);
}

/** Begins a try, with the id of the plan that it will make; goes on with the one under way where there is one. */
function claim(deps: RunbookDeps, run_id: string, number: number, plans: boolean, by: Actor): Promise<Run> {
  const plan_id = deps.changes.ids.uuid();
  return changeRun(deps, run_id, (run, at) => {
    const step = requireCurrent(run, number);
    if (step.state === 'failed') throw new AgentError('RUN_STATE', `Step ${number} failed; retry or skip it.`);
    if (step.state === 'running') return undefined;
    const ids = plans ? { plan_id } : {};
    return {
      run: withStep(run, begin(step, by, at, ids)),
      note: { event: 'runbook.step.begun', by, payload: { step: number, ...ids } },
    };
  });
}

async function look(
  deps: RunbookDeps,
  run_id: string,
  number: number,
  spec: ProbeSpec,
  principal: Principal,
): Promise<Run> {
  const { passed, evidence } = await deps.probe(spec);
  deps.crash?.('after-probe');
  const outcome = passed ? 'done' : 'failed';
  return ended(
    deps,
    run_id,
    number,
    { outcome, evidence, ...(passed ? {} : { reason: evidence }) },
    actorOf(principal),
  );
}

async function change(
  deps: RunbookDeps,
  { run_id, runbook_id, change_id, body }: Run,
  number: number,
  spec: ChangeSpec,
  principal: Principal,
): Promise<Run> {
  const { plan_id = '' } = body.steps[number - 1]?.attempts.at(-1) ?? {};
  const reason = `Step ${number} of the runbook ${runbook_id}, run ${run_id}`;
  const request = { ...requestOf(spec), reason, ...(change_id === null ? {} : { change_id }) };
  const plan = await planOnce(deps, plan_id, request, principal);
  deps.crash?.('after-plan');
  if (isAgentError(plan)) {
    const failed = { outcome: 'failed', reason: plan.message } as const;
    return ended(deps, run_id, number, failed, actorOf(principal));
  }
  if (plan.state === 'approved') {
    // Whoever paused or aborted the run while the plan was made meant this as well.
    requireCurrent(await findRunFor(deps, run_id, principal), number);
    await applyOnce(deps, plan_id, principal);
    deps.crash?.('after-apply');
  }
  return settleRun(deps, await findRunFor(deps, run_id, principal));
}

/** The plan of this id, made now unless it was; the error where the request itself is refused. */
async function planOnce(
  { changes }: RunbookDeps,
  plan_id: string,
  request: object,
  principal: Principal,
): Promise<PlanRecord | AgentError> {
  const known = await findPlan(changes.store, plan_id);
  if (known !== undefined) return known;
  try {
    await submit(changes, request, principal, { plan_id });
  } catch (error) {
    // A rehearsal that failed left its plan; so did whoever said `run` at the same time.
    const made = await findPlan(changes.store, plan_id);
    if (made !== undefined) return made;
    if (!isAgentError(error) || error.code === 'INTERNAL' || error.code === 'STORE_FAILED') throw error;
    return error;
  }
  return (await findPlan(changes.store, plan_id)) as PlanRecord;
}

/** Of two who apply at the same time one is told that it was done; that is no failure of the step. */
async function applyOnce({ changes }: RunbookDeps, plan_id: string, principal: Principal): Promise<void> {
  try {
    await apply(changes, { plan_id }, principal);
  } catch (error) {
    if (!isAgentError(error, 'PLAN_CONSUMED') && (await findPlan(changes.store, plan_id))?.consumed_by == null)
      throw error;
  }
}

/** Ends the try under way, unless somebody did meanwhile. */
function ended(
  deps: RunbookDeps,
  run_id: string,
  number: number,
  known: Pick<Attempt, 'evidence' | 'reason'> & { readonly outcome: 'done' | 'failed' },
  by: Actor,
): Promise<Run> {
  return changeRun(deps, run_id, (run, at) => {
    const step = run.body.steps[number - 1];
    if (run.body.canceled || step?.state !== 'running') return undefined;
    return {
      run: withStep(run, withAttempt(step, { ...known, ended_at: at, ended_by: by }, known.outcome)),
      note: { event: `runbook.step.${known.outcome}`, by, payload: { step: number, ...known } },
    };
  });
}
