import type { Actor, JsonObject, RunbookRunRecord, RunState } from '../../store/index.ts';
import type { Values } from './parameters.ts';
import { environmentOf, type StepSpec } from './steps.ts';

export type StepState = 'pending' | 'running' | 'done' | 'failed' | 'skipped';

/** One try at a step. */
export interface Attempt {
  readonly begun_by: Actor;
  readonly begun_at: number;
  /** Chosen and stored before the plan is made, so that whatever happens in between it is made once. */
  readonly plan_id?: string;
  readonly operation_id?: string;
  readonly outcome?: 'done' | 'failed' | 'skipped';
  readonly ended_by?: Actor;
  readonly ended_at?: number;
  /** What was seen, in the words of a person or of a probe. */
  readonly evidence?: string;
  /** Why it was skipped, or what went wrong. */
  readonly reason?: string;
}

export interface RunStep {
  readonly number: number;
  readonly title: string;
  readonly text: string;
  readonly spec: StepSpec;
  readonly state: StepState;
  /** The last one is the one under way. */
  readonly attempts: readonly Attempt[];
}

export interface RunBody {
  readonly title: string;
  readonly version: string;
  readonly summary: string;
  readonly introduction: string;
  readonly parameters: Values;
  readonly steps: readonly RunStep[];
  /** Pauses, resumes and the abort, each with who and why. */
  readonly notes: readonly {
    readonly what: string;
    readonly by: Actor;
    readonly at: number;
    readonly reason?: string;
  }[];
  readonly paused: boolean;
  readonly canceled: boolean;
}

export interface Run extends Omit<RunbookRunRecord, 'body'> {
  readonly body: RunBody;
}

export const runOf = (record: RunbookRunRecord): Run => ({ ...record, body: record.body as unknown as RunBody });
export const recordOf = (run: Run): RunbookRunRecord => ({ ...run, body: run.body as unknown as JsonObject });

/** The step that a run stands at; undefined when all are behind it. */
export const currentStep = ({ body }: Run): RunStep | undefined =>
  body.steps.find(({ state }) => state !== 'done' && state !== 'skipped');

/** What the run is, by its steps and what was said to it. */
export function stateOf(run: Run): RunState {
  const { paused, canceled } = run.body;
  if (canceled) return 'canceled';
  const step = currentStep(run);
  if (step === undefined) return 'done';
  if (paused) return 'paused';
  if (step.state === 'failed') return 'failed';
  const { plan_id, operation_id } = step.attempts.at(-1) ?? {};
  const moves = step.state === 'running' && (operation_id !== undefined || plan_id === undefined);
  return moves ? 'running' : 'waiting';
}

/** The run with one step replaced. */
export const withStep = (run: Run, step: RunStep): Run => ({
  ...run,
  body: { ...run.body, steps: run.body.steps.map((one) => (one.number === step.number ? step : one)) },
});

/** The step with more known of its last attempt. */
export const withAttempt = (step: RunStep, more: Partial<Attempt>, state: StepState = step.state): RunStep => ({
  ...step,
  state,
  attempts: step.attempts.map((one, index) => (index === step.attempts.length - 1 ? { ...one, ...more } : one)),
});

/** Environments that a run is about. */
export const environmentsOf = (steps: readonly Pick<RunStep, 'spec'>[]): string[] => [
  ...new Set(steps.map(({ spec }) => environmentOf(spec)).filter((name) => name !== undefined)),
];
