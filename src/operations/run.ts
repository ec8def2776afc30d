import type { Check, Effect } from '../actions/define.ts';
import { AgentError, isAgentError, toAgentError } from '../kernel/errors.ts';
import { compensate } from './compensate.ts';
import { assertRecorded } from './step.ts';
import { Thread, type Gate, type ThreadDeps, type ThreadHooks, type ThreadJournal } from './thread.ts';
import type {
  CompensationEntry,
  CompletedEffect,
  ExecutablePlan,
  PreparedRequest,
  TraceStep,
  VerificationEntry,
} from './types.ts';

/** Why a thread ended before its action did, without that being a failure. */
export class Stop extends Error {
  readonly reason: 'halted' | 'canceled' | 'handover';
  constructor(reason: Stop['reason']) {
    super(reason);
    this.reason = reason;
  }
}

export type RunState = 'running' | 'verifying' | 'compensating';

export interface RunDeps extends Omit<ThreadDeps, 'gate' | 'request' | 'journal' | 'hooks'> {
  readonly plan: ExecutablePlan;
  /** Where the operation stood; `compensating` means that nothing new is sent forward. */
  readonly state: RunState;
  /** Why it is being taken back, when `state` is `compensating`. */
  readonly error?: AgentError;
  readonly journal: (thread: string) => ThreadJournal;
  readonly hooks: ThreadHooks;
  readonly enterState: (state: RunState, error?: AgentError) => Promise<void>;
}

export type RunEnd =
  | {
      readonly state: 'applied';
      readonly results: Readonly<Record<string, unknown>>;
      readonly verification: readonly VerificationEntry[];
    }
  | {
      readonly state: 'failed' | 'canceled';
      readonly error: AgentError;
      readonly compensation: readonly CompensationEntry[];
      readonly verification: readonly VerificationEntry[];
    }
  | { readonly state: 'needs_attention'; readonly error: AgentError };

/** A postcondition may need a moment to become visible; so often and so long it is read again. */
const VERIFY_LOOKS = 4;
const VERIFY_PAUSE_MS = 1_500;

/**
 * Runs an operation to its end, or on from where the journal says it was. Throws only what is neither success nor
 * failure: a handover at shutdown, a store that cannot write, a crash; the operation then stays as it stands in the
 * store and is run again later.
 */
export async function run(deps: RunDeps): Promise<RunEnd> {
  const forward = await goForward(deps);
  if (deps.state === 'compensating' && deps.error !== undefined) forward.failure ??= deps.error;
  if (forward.fatal !== undefined) throw asError(forward.fatal);
  if (forward.attention !== undefined) return { state: 'needs_attention', error: forward.attention };
  if (forward.failure !== undefined) {
    // Undoing needs PVE as much as going on does: what was begun waits for a person instead.
    if (forward.failure.code === 'PVE_UNREACHABLE' && forward.completed.length > 0) return lost(forward.failure);
    return goBack(deps, forward, forward.failure);
  }
  await deps.enterState('verifying');
  let verification;
  try {
    verification = await verify(deps);
  } catch (error) {
    if (isAgentError(error, 'PVE_UNREACHABLE')) return lost(error);
    throw error;
  }
  const failed = verification.find(({ result }) => result === 'fail');
  if (failed === undefined) return { state: 'applied', results: forward.results, verification };
  // Every call did what it said, and the result is still not what was promised: undoing blindly could make it worse.
  const error = new AgentError('VERIFICATION_FAILED', `${failed.check}: ${failed.detail}`);
  return { state: 'failed', error, compensation: [], verification };
}

const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));

const lost = (error: AgentError): RunEnd => ({
  state: 'needs_attention',
  error: new AgentError(
    'NEEDS_ATTENTION',
    `Proxmox VE cannot be reached any more; resume when it can: ${error.message}`,
  ),
});

interface Forward {
  readonly results: Record<string, unknown>;
  readonly completed: CompletedEffect[];
  /** Effects of which nobody knows whether they took place; left over when a person gives an operation up. */
  readonly unsettled: TraceStep[];
  failure?: AgentError;
  attention?: AgentError;
  /** A handover, a crash or a fault of our own: leave everything as it is. */
  fatal?: unknown;
}

/** Every request in its own thread, each after those it names; the first failure stops the others between effects. */
async function goForward(deps: RunDeps): Promise<Forward> {
  const outcome: Forward = { results: {}, completed: [], unsettled: [] };
  const stopped = (): boolean =>
    outcome.failure !== undefined || outcome.attention !== undefined || outcome.fatal !== undefined;
  const hooks: ThreadHooks = {
    ...deps.hooks,
    canceled: () => deps.hooks.canceled(),
    async enter(step: TraceStep, effect: Effect, sent: boolean) {
      if (deps.state === 'compensating') {
        if (sent) outcome.unsettled.push(step);
        throw new Stop('halted');
      }
      if (stopped() && !sent) throw new Stop('halted');
      const leave = await deps.hooks.enter(step, effect, sent);
      if (sent || !stopped()) return leave;
      await leave();
      throw new Stop('halted');
    },
  };
  const ends = new Map<string, Promise<boolean>>();
  const start = async (request: PreparedRequest): Promise<boolean> => {
    const before = await Promise.all(request.after.map((id) => ends.get(id) ?? Promise.resolve(true)));
    if (before.includes(false)) return false;
    const thread = new Thread({
      ...deps,
      request: request.id,
      gate: approved(deps.plan, request.id),
      journal: deps.journal(request.id),
      hooks,
    });
    try {
      outcome.results[request.id] = await request.action.run(thread, request.input);
      return true;
    } catch (error) {
      note(outcome, error, deps.hooks.canceled());
      return false;
    } finally {
      outcome.completed.push(...thread.completed);
    }
  };
  for (const request of deps.plan.requests) ends.set(request.id, start(request));
  await Promise.all(ends.values());
  return outcome;
}

function note(outcome: Forward, error: unknown, canceled: boolean): void {
  if (error instanceof Stop) {
    if (error.reason === 'handover') outcome.fatal ??= error;
    if (error.reason === 'canceled')
      outcome.failure ??= new AgentError('OPERATION_STATE', 'The operation was canceled.', {
        more: { canceled: true },
      });
  } else if (!isAgentError(error) || error.code === 'STORE_FAILED' || error.code === 'TARGET_BUSY')
    outcome.fatal ??= error;
  else if (error.code === 'NEEDS_ATTENTION') outcome.attention ??= error;
  // The cancel itself stops tasks where that is safe; PVE tells of such a task as of one that failed.
  else if (canceled && error.code === 'PVE_TASK_FAILED')
    outcome.failure ??= new AgentError('OPERATION_STATE', `The operation was canceled: ${error.message}`, {
      more: { canceled: true },
    });
  else outcome.failure ??= error;
}

/** The approved trace of one request, effect by effect. */
function approved(plan: ExecutablePlan, request: string): Gate {
  const steps = plan.trace.filter((step) => step.request === request);
  return { admit: (index, form, effect) => assertRecorded(steps[index], form, effect.title) };
}

const LOST = 'its task was lost on the way; what it had done until then is not known, so look at the guest';

async function goBack(deps: RunDeps, { completed, unsettled }: Forward, error: AgentError): Promise<RunEnd> {
  await deps.enterState('compensating', error);
  try {
    const enter = async (): Promise<() => void> => {
      await deps.hooks.thawed();
      return () => {};
    };
    const hooks: ThreadHooks = { ...deps.hooks, canceled: () => false, enter };
    const unknown = unsettled.map(({ seq, title }) => ({
      seq,
      title,
      state: 'left' as const,
      why: 'nobody knows whether it took place; look at the guest',
    }));
    const { lost } = (error.details.more ?? {}) as { lost?: Pick<TraceStep, 'seq' | 'title'> };
    const begun = lost === undefined ? [] : [{ ...lost, state: 'left' as const, why: LOST }];
    const compensation = [
      ...begun,
      ...unknown,
      ...(await compensate(completed, { ...deps, journal: deps.journal('undo'), hooks })),
    ];
    const state = error.details.more?.['canceled'] === true ? 'canceled' : 'failed';
    return { state, error, compensation, verification: [] };
  } catch (trouble) {
    if (isAgentError(trouble, 'NEEDS_ATTENTION')) return { state: 'needs_attention', error: trouble };
    throw trouble;
  }
}

async function verify(deps: RunDeps): Promise<VerificationEntry[]> {
  const all = await Promise.all(deps.plan.requests.map((request) => verifyOne(deps, request)));
  return all.flat();
}

async function verifyOne(
  { operation, api, clock, hooks, forms, journal, plan, clockAhead }: RunDeps,
  request: PreparedRequest,
): Promise<VerificationEntry[]> {
  const reader = (): Thread =>
    new Thread({
      operation,
      request: request.id,
      api,
      clock,
      forms,
      clockAhead,
      hooks,
      gate: approved({ ...plan, trace: [] }, request.id),
      journal: liveReads(journal(request.id)),
    });
  for (let look = 1; ; look++) {
    const checks: readonly Check[] = await request.action.verify(reader(), request.input).catch((error: unknown) => {
      const { message, code } = toAgentError(error);
      if (code === 'PVE_UNREACHABLE' || code === 'INTERNAL') throw error;
      return [{ check: request.action.title, result: 'fail' as const, detail: message }];
    });
    if (look === VERIFY_LOOKS || checks.every(({ result }) => result !== 'fail'))
      return checks.map((check) => ({ ...check, request: request.id }));
    await clock.sleep(VERIFY_PAUSE_MS, hooks.signal);
  }
}

/** Postconditions are read live each time: what the journal remembers is the past. */
const liveReads = (journal: ThreadJournal): ThreadJournal => ({ ...journal, past: () => undefined, read: () => {} });
