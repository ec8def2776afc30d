import type { Clock } from '../kernel/clock.ts';
import { AgentError, isAgentError, toAgentError, type ErrorCode } from '../kernel/errors.ts';
import { nodeOf } from '../proxmox/index.ts';
import type { PveApi } from '../proxmox/types.ts';
import {
  addDuration,
  readJournal,
  releaseLocks,
  releaseReservations,
  updateOperation,
  updatePlan,
  type Actor,
  type JournalEntry,
  type JsonObject,
  type OperationChange,
  type OperationRecord,
} from '../store/index.ts';
import type { Engine } from './engine.ts';
import { OperationJournal } from './journal.ts';
import { LiveOperation, placeOf } from './live.ts';
import { run, Stop, type RunEnd, type RunState } from './run.ts';
import { readClockAhead } from './settle.ts';
import { SharedSlots } from './slots.ts';
import type { ExecutablePlan } from './types.ts';

/** Sees one claimed operation to its end, or leaves it for the next start (handover, store trouble). */
export async function attend(engine: Engine, operation: OperationRecord): Promise<void> {
  const { store, log } = engine.deps;
  const { operation_id, plan_id, environment } = operation;
  const actor = operation.body['actor'] as Actor;
  const api = engine.deps.connect(environment);
  const live = makeLive(engine, operation);
  if (operation.body['cancel_requested'] === true) await live.cancel();
  engine.live.set(operation_id, live);
  const targets = (operation.body['targets'] as string[] | undefined) ?? [];
  if (!(await engine.lock(operation, targets, live))) return;

  const entries = await engine.reading(() => readJournal(store, operation_id));
  const owner = { operation_id, plan_id, environment, fence: operation.fence, actor };
  const journal = new OperationJournal(engine.deps, owner, entries);
  try {
    const plan = await engine.reading(() => engine.deps.loadPlan(plan_id));
    const state = resumeState(operation);
    const error = state === 'compensating' ? storedError(operation) : undefined;
    if (state === 'running')
      await change(
        engine,
        operation,
        { state, waiting_for: null, ...(operation.started_at === null ? { started_at: engine.deps.clock.now() } : {}) },
        'operation.running',
      );
    if (journal.isEmpty && state === 'running' && !live.hooks().canceled()) await engine.deps.checkTargets(plan);
    const { clock, forms } = engine.deps;
    const ended = await run({
      plan,
      state,
      api,
      clock,
      forms,
      operation: operation_id,
      clockAhead: clocksOf(api, clock),
      ...(error === undefined ? {} : { error }),
      hooks: live.hooks(),
      journal: (thread) => journal.thread(thread),
      enterState: (next, why) =>
        change(
          engine,
          operation,
          { state: next, ...(why === undefined ? {} : { error: asJson(why) }) },
          `operation.${next}`,
        ),
    });
    await journal.flush();
    await finish(engine, operation, plan, ended);
  } catch (error) {
    if (error instanceof Stop) {
      await journal.flush();
      await engine.leases.release(operation).catch(() => log.info({ operation_id }, 'it was taken over already'));
      log.info({ operation_id }, 'an operation was handed over');
      return;
    }
    const trouble = toAgentError(error);
    if (LEAVE.has(trouble.code)) throw error;
    if (trouble.code === 'INTERNAL') log.error({ operation_id, err: error }, 'an action failed inside');
    // Nothing was sent: a target that changed, a lab that cannot be reached, an action that is gone. Else a person looks.
    const sent = !journal.isEmpty || (await hasJournal(engine, operation_id));
    const ended: RunEnd = sent
      ? { state: 'needs_attention', error: trouble }
      : { state: 'failed', error: trouble, compensation: [], verification: [] };
    await finish(engine, operation, undefined, ended);
  }
}

/** The store cannot write, or another process owns the operation now: what stands in the store is what counts. */
const LEAVE: ReadonlySet<ErrorCode> = new Set(['STORE_FAILED', 'TARGET_BUSY']);

/** One question per node and operation, however many threads ask. A token that may not ask leaves us with our own clock. */
function clocksOf(api: PveApi, clock: Clock): (node: string) => Promise<number> {
  const asked = new Map<string, Promise<number>>();
  const ask = (node: string): Promise<number> =>
    readClockAhead((path, params) => api.get(path, params), node, clock).catch((error: unknown) => {
      if (isAgentError(error, 'PVE_REJECTED')) return 0;
      asked.delete(node);
      throw error;
    });
  return (node) => {
    const known = asked.get(node) ?? ask(node);
    asked.set(node, known);
    return known;
  };
}

const hasJournal = async (engine: Engine, operation_id: string): Promise<boolean> =>
  (await readJournal(engine.deps.store, operation_id)).length > 0;

function makeLive(engine: Engine, operation: OperationRecord): LiveOperation {
  const { operation_id, plan_id, environment } = operation;
  const { store, events, log, clock, limits, connect, crash } = engine.deps;
  const ids = { operation_id, plan_id };
  const publish = (type: string, data: unknown): void => {
    store
      .commit((trx) => events.publish(trx, { type, environment, ids, data }))
      .catch((error: unknown) => log.warn({ operation_id, err: error }, 'progress was not recorded'));
  };
  return new LiveOperation({
    environment,
    api: connect(environment),
    clock,
    limits,
    places: engine.places,
    slots: store.exclusive ? undefined : new SharedSlots({ store, clock }, operation),
    frozen: () => engine.deps.frozen(environment),
    assertOwned: () => engine.leases.assert(operation),
    crash,
    onProgress: (step, progress) =>
      publish('operation.progress', { effect: placeOf(step), title: step.title, ...progress }),
    onWaiting: (why) => (why === undefined ? undefined : publish('operation.waiting', { why })),
  });
}

/** Where a run starts: what was being taken back is taken back further, everything else goes forward. */
const resumeState = (operation: OperationRecord): RunState =>
  operation.state === 'compensating' ? 'compensating' : 'running';

function storedError({ error }: OperationRecord): AgentError {
  const { code, message, more } = (error ?? {}) as { code?: ErrorCode; message?: string; more?: JsonObject };
  return new AgentError(
    code ?? 'INTERNAL',
    message ?? 'It failed before the restart.',
    more === undefined ? {} : { more },
  );
}

const asJson = ({ code, message, details }: AgentError): JsonObject => ({
  code,
  message,
  ...(details.more ? { more: details.more } : {}),
});

async function change(engine: Engine, operation: OperationRecord, what: OperationChange, event: string): Promise<void> {
  const { store, events } = engine.deps;
  const { operation_id, plan_id, environment } = operation;
  await store.commit(async (trx) => {
    await updateOperation(trx, operation, what);
    await events.publish(trx, { type: event, environment, ids: { operation_id, plan_id }, data: what.error ?? null });
  });
}

/** The end in one commit: operation, plan, locks, reservations, audit and event agree at every instant. */
async function finish(
  engine: Engine,
  operation: OperationRecord,
  plan: ExecutablePlan | undefined,
  ended: RunEnd,
): Promise<void> {
  const { store, audit, events, clock, metrics } = engine.deps;
  const { operation_id, plan_id, environment, fence } = operation;
  const ids = { operation_id, plan_id };
  const at = clock.now();
  const { state } = ended;
  const error = 'error' in ended ? asJson(ended.error) : null;
  const outcome = {
    ...('compensation' in ended ? { compensation: ended.compensation } : {}),
    ...('results' in ended ? { results: ended.results } : {}),
  };
  const verification = 'verification' in ended ? ended.verification : null;
  const entries = state === 'needs_attention' ? [] : await readJournal(store, operation_id);
  await store.commit(async (trx) => {
    const body = { ...operation.body, ...outcome };
    await updateOperation(trx, operation, {
      state,
      error,
      verification,
      waiting_for: null,
      lease_until: null,
      body,
      ...(state === 'needs_attention' ? {} : { ended_at: at }),
    });
    await audit.append(trx, {
      actor: operation.body['actor'] as Actor,
      environment,
      event: `operation.${state}`,
      ids,
      payload: { error, verification, ...outcome },
    });
    await events.publish(trx, { type: `operation.${state}`, environment, ids, data: { error } });
    if (state === 'needs_attention') return;
    await updatePlan(trx, { plan_id, from: 'applying' }, { state });
    await releaseLocks(trx, operation_id, fence);
    await releaseReservations(trx, plan_id);
    for (const duration of durations(environment, plan, entries)) await addDuration(trx, duration);
  });
  metrics?.operations.inc({ state });
}

/** How long this lab's own tasks took, for later predictions; at most 20 of one operation. */
function durations(environment: string, plan: ExecutablePlan | undefined, entries: readonly JournalEntry[]) {
  const types = new Map(plan?.trace.map((step) => [`${step.request}/${step.seq}`, step.task]));
  return entries
    .flatMap(({ upid, state, answered_at, ended_at, thread, seq }) => {
      const task_type = types.get(`${thread}/${seq}`);
      if (upid === null || state !== 'done' || answered_at === null || ended_at === null || !task_type) return [];
      return [
        {
          environment,
          task_type,
          node: nodeOf(upid),
          seconds: (ended_at - answered_at) / 1000,
          bytes: null,
          at: ended_at,
        },
      ];
    })
    .slice(0, 20);
}
