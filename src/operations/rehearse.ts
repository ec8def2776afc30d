import type { Check } from '../actions/define.ts';
import type { Clock } from '../kernel/clock.ts';
import { isAgentError, type AgentError } from '../kernel/errors.ts';
import type { PveApi } from '../proxmox/types.ts';
import { diffObjects, type ObjectChange, type Objects } from './diff.ts';
import { inOrder } from './order.ts';
import type { StepForms } from './step.ts';
import { Thread, type Gate, type ThreadHooks, type ThreadJournal } from './thread.ts';
import type { PreparedRequest, TraceStep } from './types.ts';

export interface RehearsalFailure {
  readonly request: string;
  /** The effect that failed; absent when it was a check or a read. */
  readonly step?: number;
  readonly title: string;
  readonly code: AgentError['code'];
  readonly detail: string;
}

export interface Rehearsal {
  readonly trace: readonly TraceStep[];
  readonly diff: readonly ObjectChange[];
  readonly preflight: readonly (Check & { readonly request: string })[];
  /** What each request's code returned on the twin: shown as a prediction. */
  readonly results: Readonly<Record<string, unknown>>;
  /** Seconds of virtual time from the first effect to the end. */
  readonly seconds: number;
  readonly failure?: RehearsalFailure;
}

export interface Twin {
  readonly api: PveApi;
  /** Virtual time: sleeping moves it. */
  readonly clock: Clock;
  objects(): Objects;
}

/** Nothing is remembered: a rehearsal has no crash to survive. */
const forgetful: ThreadJournal = {
  past: () => undefined,
  read: () => {},
  intent: () => Promise.resolve(0),
  answered: () => Promise.resolve(),
  done: () => Promise.resolve(),
  failed: () => Promise.resolve(),
  claimed: () => Promise.resolve(false),
};

const quiet: ThreadHooks = {
  enter: () => Promise.resolve(() => {}),
  thawed: () => Promise.resolve(),
  sending: () => Promise.resolve(),
  at: () => {},
  waiting: () => {},
  progress: () => {},
  task: () => {},
  signal: new AbortController().signal,
  canceled: () => false,
  // A lock on the twin never goes away by itself.
  lockPatience: 0,
};

/**
 * Runs the requests' own code on the twin, one after the other, and records every effect: the recording is the plan's
 * trace. What the twin refuses is the plan's failure. Errors other than PVE's (a twin that needs more of the live lab
 * read first, a bug) are thrown on.
 */
export async function rehearse(requests: readonly PreparedRequest[], twin: Twin, forms: StepForms): Promise<Rehearsal> {
  const before = twin.objects();
  const began = twin.clock.now();
  const trace: TraceStep[] = [];
  const preflight: (Check & { request: string })[] = [];
  const results: Record<string, unknown> = {};
  let failure: RehearsalFailure | undefined;
  for (const request of inOrder(requests)) {
    const recorded = trace.length;
    try {
      const checks = await checkFirst(request, twin, forms);
      preflight.push(...checks.map((check) => ({ ...check, request: request.id })));
      const failed = checks.find(({ result }) => result === 'fail');
      if (failed) {
        failure = { request: request.id, title: failed.check, code: 'PREFLIGHT_FAILED', detail: failed.detail };
        break;
      }
      const thread = threadOn(twin, request.id, recorder(trace, request.id), forms);
      results[request.id] = await request.action.run(thread, request.input);
    } catch (error) {
      if (!isAgentError(error) || !EXPECTED.has(error.code)) throw error;
      const step = trace.length > recorded ? trace.at(-1) : undefined;
      failure = {
        request: request.id,
        ...(step ? { step: step.seq } : {}),
        title: step?.title ?? request.action.title,
        code: error.code,
        detail: error.message,
      };
      break;
    }
  }
  const seconds = Math.round((twin.clock.now() - began) / 1000);
  return {
    trace,
    diff: diffObjects(before, twin.objects()),
    preflight,
    results,
    seconds,
    ...(failure ? { failure } : {}),
  };
}

const EXPECTED: ReadonlySet<AgentError['code']> = new Set([
  'PVE_REJECTED',
  'PVE_TASK_FAILED',
  'PREFLIGHT_FAILED',
  'VALIDATION_FAILED',
  'NEEDS_ATTENTION',
]);

async function checkFirst(request: PreparedRequest, twin: Twin, forms: StepForms): Promise<readonly Check[]> {
  const refuse: Gate = {
    admit() {
      throw new Error(`the preflight of ${request.action.name} tried to change something`);
    },
  };
  return request.action.preflight(threadOn(twin, request.id, refuse, forms), request.input);
}

const threadOn = (twin: Twin, request: string, gate: Gate, forms: StepForms): Thread =>
  new Thread({
    operation: 'rehearsal',
    request,
    api: twin.api,
    clock: twin.clock,
    forms,
    clockAhead: () => Promise.resolve(0),
    gate,
    journal: forgetful,
    hooks: quiet,
  });

const recorder = (trace: TraceStep[], request: string): Gate => ({
  admit(index, form, effect) {
    const runtime = Object.entries(effect.runtime ?? {}).map(([param, origin]) => ({ param, origin }));
    const step: TraceStep = { seq: trace.length + 1, request, index, title: effect.title, ...form, runtime };
    trace.push(step);
    return step;
  },
});
