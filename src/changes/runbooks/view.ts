import { isoTime } from '../../kernel/clock.ts';
import { listRunbookRuns, type RunState } from '../../store/index.ts';
import type { Principal } from '../../identity/index.ts';
import { mayUse } from '../../identity/index.ts';
import { findRunFor, type RunbookDeps } from './change.ts';
import type { Runbook } from './parse.ts';
import { renderReport } from './report.ts';
import { currentStep, environmentsOf, runOf, type Attempt, type Run, type RunStep } from './run.ts';
import { settleRun } from './settle.ts';

/** The line of a runbook in a list. */
export const runbookSummary = ({
  id,
  title,
  version,
  summary,
  steps,
  parameters,
}: Runbook): Record<string, unknown> => ({
  id,
  title,
  version,
  summary,
  steps: steps.length,
  parameters: parameters.map(({ name }) => name),
});

/** The whole of a runbook, for who reads it before starting it. */
export const runbookView = (runbook: Runbook): Record<string, unknown> => ({
  ...runbook,
  steps: runbook.steps.map(({ number, title, text, fields }) => ({ number, title, text, ...fields })),
});

/** The document of a run, with what is known now. Errors: `NOT_FOUND`. */
export async function viewRun(
  deps: RunbookDeps,
  run_id: string,
  principal: Principal,
): Promise<Record<string, unknown>> {
  return runView(await settleRun(deps, await findRunFor(deps, run_id, principal)));
}

/** The report of a run, ended or not, in Markdown. Errors: `NOT_FOUND`. */
export async function reportRun(deps: RunbookDeps, run_id: string, principal: Principal): Promise<string> {
  return renderReport(await settleRun(deps, await findRunFor(deps, run_id, principal)), deps.changes.clock.now());
}

/** Runs that the caller may see, newest first, without their steps. */
export async function listRuns(
  deps: RunbookDeps,
  filter: {
    readonly limit: number;
    readonly before?: string | undefined;
    readonly states?: readonly RunState[] | undefined;
  },
  principal: Principal,
): Promise<Record<string, unknown>> {
  const found = await listRunbookRuns(deps.changes.store, filter);
  const mine = found
    .map(runOf)
    .filter(({ body }) => environmentsOf(body.steps).every((name) => mayUse(principal, name)));
  const runs = mine.map(runSummary);
  return { runs, ...(found.length === filter.limit ? { next: found.at(-1)?.run_id } : {}) };
}

function runSummary(run: Run): Record<string, unknown> {
  const { run_id, runbook_id, state, change_id, created_at, updated_at, ended_at, created_by, body } = run;
  const step = currentStep(run);
  return {
    run_id,
    runbook: runbook_id,
    title: body.title,
    version: body.version,
    state,
    ...(change_id === null ? {} : { change_id }),
    created_at: isoTime(created_at),
    updated_at: isoTime(updated_at),
    ...(ended_at === null ? {} : { ended_at: isoTime(ended_at) }),
    created_by,
    steps_total: body.steps.length,
    steps_done: body.steps.filter((one) => one.state === 'done' || one.state === 'skipped').length,
    ...(step === undefined || ended_at !== null
      ? {}
      : { current: step.number, current_title: step.title, next: nextOf(run, step) }),
  };
}

export const runView = (run: Run): Record<string, unknown> => ({
  ...runSummary(run),
  summary: run.body.summary,
  introduction: run.body.introduction,
  parameters: run.body.parameters,
  environments: environmentsOf(run.body.steps),
  steps: run.body.steps.map(stepView),
  notes: run.body.notes.map(({ at, ...note }) => ({ ...note, at: isoTime(at) })),
});

const stepView = ({ number, title, text, spec, state, attempts }: RunStep): Record<string, unknown> => ({
  number,
  title,
  text,
  state,
  ...spec,
  attempts: attempts.map(attemptView),
});

const attemptView = ({ begun_at, ended_at, ...attempt }: Attempt): Record<string, unknown> => ({
  ...attempt,
  begun_at: isoTime(begun_at),
  ...(ended_at === undefined ? {} : { ended_at: isoTime(ended_at) }),
});

/** What brings a run on: a verb for its step, or waiting for what is under way. */
function nextOf({ body, state }: Run, { spec, attempts, ...step }: RunStep): string {
  if (body.paused) return 'resume';
  if (step.state === 'failed') return 'retry';
  if (spec.kind === 'manual') return 'answer';
  if (spec.kind === 'approval') return 'approve';
  return state === 'running' && attempts.at(-1)?.operation_id !== undefined ? 'wait' : 'run';
}
