import { z } from 'zod';
import { AgentError } from '../../kernel/errors.ts';
import { actorOf, requireRole, type Principal } from '../../identity/index.ts';
import { carryOut } from './carry_out.ts';
import { changeRun, findRunFor, requireOperator, type RunbookDeps } from './change.ts';
import { withAttempt, withStep, type Attempt, type Run, type RunStep } from './run.ts';
import { settleRun, takeBack } from './settle.ts';
import { begin, requireCurrent, requireIdle } from './stand.ts';
import { environmentOf } from './steps.ts';

const evidence = z.string().trim().min(1).max(4000).describe('What was seen. Kept for ever: no passwords, no keys.');
const reason = z.string().trim().min(3).max(500);

/** What can be said to the step that a run stands at. */
export const actSchema = z.discriminatedUnion('do', [
  z.strictObject({
    do: z.literal('answer'),
    passed: z.boolean().describe('Whether what the step asks for is so.'),
    evidence: evidence.optional(),
  }),
  z.strictObject({ do: z.literal('approve'), comment: z.string().trim().max(2000).optional() }),
  z.strictObject({ do: z.literal('run') }),
  z.strictObject({ do: z.literal('skip'), reason: reason.describe('Why it is not needed; stands in the report.') }),
  z.strictObject({ do: z.literal('retry') }),
]);
export type StepAct = z.output<typeof actSchema>;

/**
 * Says something to step `number` of a run, in the name of the caller: answers a manual step, gives the word that an
 * approval step asks for, runs what the control plane does itself, skips, or clears a failed try away. A step that
 * changes a lab is planned, and applied once the plan is approved, each time with the rights of whoever says `run`.
 * Errors: `NOT_FOUND`, `FORBIDDEN`, `RUN_STATE`, `VALIDATION_FAILED`, and those of planning and applying.
 */
export async function actOnStep(
  deps: RunbookDeps,
  run_id: string,
  number: number,
  act: StepAct,
  principal: Principal,
): Promise<Run> {
  const found = await findRunFor(deps, run_id, principal);
  requireOperator(found, principal);
  const run = await settleRun(deps, found);
  const step = requireCurrent(run, number);
  mayAct(step, act, principal);
  switch (act.do) {
    case 'answer':
      return answer(deps, run_id, number, act, principal);
    case 'approve': {
      const { comment = 'approved' } = act;
      return end(deps, run_id, number, { kind: 'approval', outcome: 'done', evidence: comment, principal });
    }
    case 'skip':
      await dropPlan(deps, run, step, principal);
      return end(deps, run_id, number, { outcome: 'skipped', reason: act.reason, principal });
    case 'retry':
      await dropPlan(deps, run, step, principal);
      return retry(deps, run_id, number, principal);
    case 'run':
      return carryOut(deps, run, step, principal);
  }
}

/** Errors: `FORBIDDEN`. What is a person's word takes a person; the rest takes the role that changes take. */
function mayAct({ spec }: RunStep, act: StepAct, principal: Principal): void {
  requireRole(
    principal,
    act.do === 'approve' && spec.kind === 'approval' ? spec.role : 'operator',
    environmentOf(spec),
  );
  if (principal.class === 'human' || act.do === 'run' || act.do === 'retry') return;
  throw new AgentError('FORBIDDEN', `Only a person can ${act.do} a step of a runbook.`);
}

async function answer(
  deps: RunbookDeps,
  run_id: string,
  number: number,
  { passed, evidence: seen }: Extract<StepAct, { do: 'answer' }>,
  principal: Principal,
): Promise<Run> {
  const more = seen === undefined ? {} : { evidence: seen };
  const failed = passed ? {} : { reason: 'what the step asks for is not so' };
  return end(deps, run_id, number, {
    kind: 'manual',
    outcome: passed ? 'done' : 'failed',
    ...more,
    ...failed,
    principal,
  });
}

interface Ending extends Pick<Attempt, 'evidence' | 'reason'> {
  readonly outcome: NonNullable<Attempt['outcome']>;
  /** The only kind of step that ends this way. */
  readonly kind?: 'manual' | 'approval';
  readonly principal: Principal;
}

/** Ends a step on somebody's word. */
function end(deps: RunbookDeps, run_id: string, number: number, ending: Ending): Promise<Run> {
  const { kind, principal, outcome, ...said } = ending;
  const by = actorOf(principal);
  return changeRun(deps, run_id, (run, at) => {
    const step = requireCurrent(run, number);
    if (kind !== undefined) requireOpen(step, kind, ending);
    if (outcome === 'skipped') requireIdle(step);
    const last = { ended_by: by, ended_at: at, outcome, ...said };
    const attempts = step.state === 'running' ? step : begin(step, by, at);
    return {
      run: withStep(run, withAttempt(attempts, last, outcome)),
      note: { event: `runbook.step.${outcome}`, by, payload: { step: number, ...said } },
    };
  });
}

function requireOpen(
  { state, spec, number }: RunStep,
  kind: 'manual' | 'approval',
  { outcome, evidence: seen }: Ending,
): void {
  const verb = spec.kind === 'manual' ? 'answer' : spec.kind === 'approval' ? 'approve' : 'run';
  if (spec.kind !== kind) throw new AgentError('RUN_STATE', `Step ${number} is of the kind ${spec.kind}: ${verb} it.`);
  if (state === 'failed') throw new AgentError('RUN_STATE', `Step ${number} failed; retry or skip it.`);
  if (spec.kind === 'manual' && spec.evidence === 'required' && outcome === 'done' && seen === undefined)
    throw new AgentError('VALIDATION_FAILED', `Step ${number} asks for evidence: say what was seen.`, {
      errors: { evidence: 'is needed for this step' },
    });
}

/** Makes a failed step, or one whose plan was not applied yet, one that was not begun; the earlier try stays written. */
async function retry(deps: RunbookDeps, run_id: string, number: number, principal: Principal): Promise<Run> {
  const by = actorOf(principal);
  return changeRun(deps, run_id, (run, at) => {
    const step = requireCurrent(run, number);
    requireIdle(step);
    if (step.state === 'pending') throw new AgentError('RUN_STATE', `Step ${number} was not tried yet.`);
    const dropped = { outcome: 'failed', reason: 'tried again', ended_by: by, ended_at: at } as const;
    const cleared =
      step.state === 'running' ? withAttempt(step, dropped, 'pending') : { ...step, state: 'pending' as const };
    return { run: withStep(run, cleared), note: { event: 'runbook.step.retried', by, payload: { step: number } } };
  });
}

/** A plan of a step that is tried again or left out must not be applied any more: it is taken back first. */
async function dropPlan(deps: RunbookDeps, run: Run, step: RunStep, principal: Principal): Promise<void> {
  const { plan_id } = step.attempts.at(-1) ?? {};
  if (step.state !== 'running' || plan_id === undefined) return;
  await takeBack(deps, plan_id, principal);
  await settleRun(deps, run);
}
