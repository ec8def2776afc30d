import {
  getOperation,
  readJournal,
  type JournalEntry,
  type OperationRecord,
  type StoreReader,
} from '../store/index.ts';
import { placeOf, type LiveOperation } from './live.ts';
import { isRecordedError } from './thread.ts';
import type { TraceStep } from './types.ts';

const time = (ms: number | null): string | undefined => (ms === null ? undefined : new Date(ms).toISOString());

/** The document of `GET /v1/operations/{id}`: every step of the approved trace with what became of it, then the undo. */
export async function operationView(
  reader: StoreReader,
  operation_id: string,
  trace: readonly TraceStep[],
  live: LiveOperation | undefined,
): Promise<Record<string, unknown>> {
  const operation = await getOperation(reader, operation_id);
  const entries = (await readJournal(reader, operation_id)).filter(({ kind }) => kind === 'effect');
  const bySeq = new Map(entries.filter(({ thread }) => thread !== 'undo').map((entry) => [entry.seq, entry]));
  return {
    ...summaryOf(operation, live),
    effects: trace.map((step) => effectView(step, bySeq.get(step.seq), live)),
    verification: operation.verification ?? [],
    ...('compensation' in operation.body ? { compensation: operation.body['compensation'] } : {}),
    ...('results' in operation.body ? { results: operation.body['results'] } : {}),
  };
}

/** The line of an operation in a list. */
export function summaryOf(operation: OperationRecord, live?: LiveOperation): Record<string, unknown> {
  const { operation_id, plan_id, environment, state, attempt, error, body } = operation;
  const waiting_for = live?.waitingFor === undefined ? operation.waiting_for : { why: live.waitingFor };
  return {
    operation_id,
    plan_id,
    environment,
    state,
    attempt,
    targets: body['targets'] ?? [],
    started_by: body['actor'],
    created_at: time(operation.created_at),
    ...(operation.started_at === null ? {} : { started_at: time(operation.started_at) }),
    ...(operation.ended_at === null ? {} : { ended_at: time(operation.ended_at) }),
    ...(waiting_for === null ? {} : { waiting_for }),
    ...(error === null ? {} : { error }),
  };
}

function effectView(
  step: TraceStep,
  entry: JournalEntry | undefined,
  live: LiveOperation | undefined,
): Record<string, unknown> {
  const { seq, request, title, method, path } = step;
  const head = { seq, request, title, method, path };
  if (entry === undefined) return { ...head, state: 'pending' };
  const progress = live?.progress.get(placeOf(step));
  const failed = isRecordedError(entry.answer);
  return {
    ...head,
    state: entry.state === 'intent' ? 'sent' : entry.state === 'answered' ? 'running' : entry.state,
    started_at: time(entry.intent_at),
    ...(entry.ended_at === null ? {} : { ended_at: time(entry.ended_at) }),
    ...(entry.upid === null ? {} : { upid: entry.upid }),
    ...(progress === undefined ? {} : { progress }),
    ...(entry.state === 'done'
      ? { result: (entry.answer as { exitstatus?: unknown } | null)?.exitstatus ?? 'OK' }
      : {}),
    ...(failed ? { error: (entry.answer as { error: unknown }).error } : {}),
    ...(entry.settled_by === null ? {} : { in_doubt: { settled_by: entry.settled_by } }),
  };
}
