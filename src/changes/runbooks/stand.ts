import { AgentError } from '../../kernel/errors.ts';
import type { Actor } from '../../store/index.ts';
import { currentStep, type Attempt, type Run, type RunStep } from './run.ts';

/** Errors: `RUN_STATE` saying what the run stands at. */
export function requireCurrent(run: Run, number: number): RunStep {
  const refuse = (why: string): AgentError => new AgentError('RUN_STATE', why, { more: { run_id: run.run_id } });
  if (!run.body.steps.some((step) => step.number === number))
    throw new AgentError('NOT_FOUND', `The run has ${run.body.steps.length} steps and no step ${number}.`);
  if (run.body.canceled) throw refuse('The run was aborted.');
  const step = currentStep(run);
  if (step === undefined) throw refuse('The run has ended.');
  if (run.body.paused) throw refuse('The run is paused; resume it first.');
  if (step.number !== number) throw refuse(`The run stands at step ${step.number}, "${step.title}".`);
  return step;
}

/**
 * For what ends a try from outside: an operation that is under way is not forgotten, and a plan that is being made is
 * not left to be applied later. Errors: `RUN_STATE`.
 */
export function requireIdle({ state, attempts, number }: RunStep): void {
  const { operation_id, plan_id } = attempts.at(-1) ?? {};
  if (state !== 'running' || plan_id === undefined) return;
  if (operation_id === undefined)
    throw new AgentError('RUN_STATE', `The plan of step ${number} is not settled; run the step once more.`, {
      plan_id,
    });
  throw new AgentError(
    'RUN_STATE',
    `Operation ${operation_id} of step ${number} is under way; wait for its end or cancel it.`,
    { operation_id },
  );
}

/** The step with a new try. */
export const begin = (step: RunStep, by: Actor, at: number, more: Partial<Attempt> = {}): RunStep => ({
  ...step,
  state: 'running',
  attempts: [...step.attempts, { begun_by: by, begun_at: at, ...more }],
});
