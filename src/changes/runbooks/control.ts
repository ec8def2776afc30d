import { z } from 'zod';
import { AgentError } from '../../kernel/errors.ts';
import { actorOf, type Principal } from '../../identity/index.ts';
import { changeRun, findRunFor, requireOperator, type RunbookDeps } from './change.ts';
import { currentStep, withAttempt, withStep, type Run } from './run.ts';
import { settleRun, takeBack } from './settle.ts';

const reason = z.string().trim().min(3).max(500);
export const pauseSchema = z.strictObject({ reason: reason.describe('Why; stands in the report.') });
export const abortSchema = pauseSchema;

/** Stops a run where it stands; an operation that is under way ends by itself. Errors: `NOT_FOUND`, `FORBIDDEN`, `RUN_STATE`. */
export const pauseRun = (deps: RunbookDeps, run_id: string, why: string, principal: Principal): Promise<Run> =>
  control(deps, run_id, principal, 'paused', why);

/** Lets a paused run go on. Errors: as `pauseRun`. */
export const resumeRun = (deps: RunbookDeps, run_id: string, principal: Principal): Promise<Run> =>
  control(deps, run_id, principal, 'resumed');

/**
 * Ends a run before its last step. A plan of it that waits is taken back; an operation that is under way goes on, and
 * the report says so. Errors: as `pauseRun`.
 */
export async function abortRun(deps: RunbookDeps, run_id: string, why: string, principal: Principal): Promise<Run> {
  await settleRun(deps, await findRunFor(deps, run_id, principal));
  const run = await control(deps, run_id, principal, 'aborted', why);
  const { plan_id, operation_id } = run.body.steps.find(({ state }) => state === 'failed')?.attempts.at(-1) ?? {};
  if (plan_id !== undefined && operation_id === undefined) await takeBack(deps, plan_id, principal);
  return run;
}

type What = 'paused' | 'resumed' | 'aborted';

async function control(
  deps: RunbookDeps,
  run_id: string,
  principal: Principal,
  what: What,
  why?: string,
): Promise<Run> {
  requireOperator(await findRunFor(deps, run_id, principal), principal);
  // Stopping does less and is anybody's; going on and giving up is a person's.
  if (what !== 'paused' && principal.class !== 'human')
    throw new AgentError('FORBIDDEN', 'Only a person can resume or abort a run of a runbook.');
  const by = actorOf(principal);
  return changeRun(deps, run_id, (run, at) => {
    requireOpen(run, what);
    const said = why === undefined ? {} : { reason: why };
    const notes = [...run.body.notes, { what, by, at, ...said }];
    const left = what === 'aborted' ? abandon(run, at) : run;
    const flags = what === 'aborted' ? { canceled: true } : { paused: what === 'paused' };
    return {
      run: { ...left, body: { ...left.body, notes, ...flags } },
      note: { event: `runbook.${what}`, by, payload: { step: currentStep(run)?.number ?? null, ...said } },
    };
  });
}

function requireOpen({ body, state }: Run, what: What): void {
  if (body.canceled || state === 'done') throw new AgentError('RUN_STATE', `The run has ended: it is ${state}.`);
  if (what === 'paused' && body.paused) throw new AgentError('RUN_STATE', 'The run is paused already.');
  if (what === 'resumed' && !body.paused) throw new AgentError('RUN_STATE', 'The run is not paused.');
}

/** The step under way is not left as if it still were. */
function abandon(run: Run, at: number): Run {
  const step = currentStep(run);
  if (step?.state !== 'running') return run;
  const { operation_id } = step.attempts.at(-1) ?? {};
  const reason =
    operation_id === undefined
      ? 'the run was aborted'
      : `the run was aborted; operation ${operation_id} was still under way`;
  return withStep(run, withAttempt(step, { outcome: 'failed', reason, ended_at: at }, 'failed'));
}
