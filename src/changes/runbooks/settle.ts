import { isAgentError } from '../../kernel/errors.ts';
import {
  findPlan,
  getRunbookRun,
  openRunbookRuns,
  operationOfPlan,
  type Actor,
  type OperationRecord,
  type PlanRecord,
} from '../../store/index.ts';
import { cancelPlan, expireIfOverdue } from '../decide.ts';
import { bodyOf } from '../plan.ts';
import type { Principal } from '../../identity/index.ts';
import { changeRun, type RunbookDeps } from './change.ts';
import { currentStep, runOf, withAttempt, withStep, type Attempt, type Run, type RunStep } from './run.ts';

const SYSTEM: Actor = { id: 'system', class: 'system' };

/** What is known now of a plan that a step waits for. */
type Outcome = Pick<Attempt, 'operation_id' | 'outcome' | 'reason' | 'evidence'>;

/**
 * Writes down what became of the plan or the operation that a run waits for. Operations go on by themselves, over
 * restarts and on other replicas; a run looks at them whenever somebody looks at it, and once a minute.
 */
export async function settleRun(deps: RunbookDeps, run: Run): Promise<Run> {
  const step = run.body.canceled ? undefined : currentStep(run);
  const { plan_id } = step?.attempts.at(-1) ?? {};
  if (step?.state !== 'running' || plan_id === undefined) return run;
  const known = await outcomeOf(deps, plan_id);
  if (known === undefined) return run;
  return changeRun(deps, run.run_id, (now, at) => {
    const still = currentStep(now);
    if (now.body.canceled || still?.state !== 'running' || still.attempts.at(-1)?.plan_id !== plan_id) return undefined;
    if (known.outcome === undefined && still.attempts.at(-1)?.operation_id !== undefined) return undefined;
    return { run: withStep(now, settled(still, known, at)), note: note(still, known, plan_id) };
  });
}

const settled = (step: RunStep, known: Outcome, at: number): RunStep =>
  known.outcome === undefined
    ? withAttempt(step, known)
    : withAttempt(step, { ...known, ended_at: at, ended_by: SYSTEM }, known.outcome);

const note = ({ number }: RunStep, { outcome, ...known }: Outcome, plan_id: string) => ({
  event: `runbook.step.${outcome ?? 'applying'}`,
  by: SYSTEM,
  payload: { step: number, plan_id, ...known },
});

/** Undefined while nothing new is known: the plan is not made yet, or waits for a person. */
async function outcomeOf(deps: RunbookDeps, plan_id: string): Promise<Outcome | undefined> {
  const { changes } = deps;
  const stored = await findPlan(changes.store, plan_id);
  if (stored === undefined) return undefined;
  const operation = await operationOfPlan(changes.store, plan_id);
  if (operation !== undefined) return ofOperation(operation);
  return ofPlan(await expireIfOverdue(changes, stored));
}

function ofOperation({ operation_id, state, error, environment }: OperationRecord): Outcome {
  if (state === 'applied')
    return { operation_id, outcome: 'done', evidence: `operation ${operation_id} was applied in ${environment}` };
  if (state !== 'failed' && state !== 'canceled') return { operation_id };
  const { message } = error ?? {};
  return {
    operation_id,
    outcome: 'failed',
    reason: typeof message === 'string' ? message : `the operation ended as ${state}`,
  };
}

function ofPlan(plan: PlanRecord): Outcome | undefined {
  const { failure } = bodyOf(plan);
  switch (plan.state) {
    case 'denied':
      return {
        outcome: 'failed',
        reason: failure === undefined ? 'the plan was denied' : `the rehearsal failed: ${failure.detail}`,
      };
    case 'expired':
      return { outcome: 'failed', reason: 'the plan expired before it was applied' };
    case 'canceled':
      return { outcome: 'failed', reason: 'the plan was taken back' };
    default:
      return undefined;
  }
}

/** All runs that can still go on; for the times when nobody looks. */
export async function settleRuns(deps: RunbookDeps): Promise<void> {
  for (const { run_id } of await openRunbookRuns(deps.changes.store))
    await settleRun(deps, runOf(await getRunbookRun(deps.changes.store, run_id)));
}

/** Takes a plan back that waits; one that ended or began meanwhile is left to what it does. */
export async function takeBack({ changes }: RunbookDeps, plan_id: string, principal: Principal): Promise<void> {
  if ((await findPlan(changes.store, plan_id)) === undefined) return;
  try {
    await cancelPlan(changes, plan_id, { comment: 'Its step of the runbook is not wanted any more.' }, principal);
  } catch (error) {
    const codes = ['PLAN_STATE', 'PLAN_CONSUMED', 'PLAN_EXPIRED'] as const;
    if (!codes.some((code) => isAgentError(error, code))) throw error;
  }
}
