import type { Clock } from '../kernel/clock.ts';
import type { PveParams } from '../proxmox/types.ts';
import type { Audit, Events } from '../record/index.ts';
import {
  entryOfTask,
  reopenIntent,
  updateEntry,
  writeIntent,
  writeRead,
  type Actor,
  type JournalEntry,
  type Store,
  type StoreTx,
} from '../store/index.ts';
import { recordError, type ThreadJournal } from './thread.ts';
import type { JournalRecord, TraceStep } from './types.ts';

export interface JournalDeps {
  readonly store: Store;
  readonly audit: Audit;
  readonly events: Events;
  readonly clock: Clock;
}

export interface JournalOwner {
  readonly operation_id: string;
  readonly plan_id: string;
  readonly environment: string;
  readonly fence: number;
  readonly actor: Actor;
}

interface BufferedRead {
  readonly pos: number;
  readonly path: string;
  readonly params: PveParams;
  readonly answer: unknown;
  readonly at: number;
}

/**
 * The durable journal of one operation. Every write carries the fence, and the audit record and the event of an effect
 * are written in the same transaction, so none of the three can exist without the others.
 */
export class OperationJournal {
  readonly #deps: JournalDeps;
  readonly #owner: JournalOwner;
  readonly #past = new Map<string, JournalRecord>();
  readonly #claimed = new Set<string>();
  #unawaited: Promise<void>[] = [];

  constructor(deps: JournalDeps, owner: JournalOwner, entries: readonly JournalEntry[]) {
    this.#deps = deps;
    this.#owner = owner;
    for (const entry of entries) {
      this.#past.set(`${entry.thread}/${entry.pos}`, toRecord(entry));
      if (entry.upid !== null) this.#claimed.add(entry.upid);
    }
  }

  get isEmpty(): boolean {
    return this.#past.size === 0;
  }

  /** Resolves when everything said so far is durable. Errors: those of the store. */
  async flush(): Promise<void> {
    await Promise.all(this.#unawaited.splice(0));
  }

  #later(written: Promise<void>): void {
    // Whoever flushes gets the error; until then it is nobody's unhandled one.
    written.catch(() => {});
    this.#unawaited.push(written);
  }

  thread(thread: string): ThreadJournal {
    const { store, clock } = this.#deps;
    const reads: BufferedRead[] = [];
    const key = (pos: number) => ({ operation_id: this.#owner.operation_id, thread, pos, fence: this.#owner.fence });
    return {
      past: (pos) => this.#past.get(`${thread}/${pos}`),
      claimed: async (upid) =>
        this.#claimed.has(upid) || (await entryOfTask(store, this.#owner.environment, upid)) !== undefined,
      read: (pos, path, params, answer) => {
        reads.push({ pos, path, params, answer, at: clock.now() });
      },
      intent: async (pos, step) => {
        const at = clock.now();
        const again = this.#past.has(`${thread}/${pos}`);
        const { method, path, params, seq } = step;
        const flushed = reads.splice(0);
        const written = store.commit(async (trx) => {
          for (const read of flushed)
            await writeRead(
              trx,
              { ...key(read.pos), method: 'GET', path: read.path, params: read.params },
              read.answer,
              read.at,
            );
          if (again) await reopenIntent(trx, key(pos), at);
          else await writeIntent(trx, { ...key(pos), seq, method, path, params }, at);
          await this.#tell(trx, 'operation.effect.sent', thread, step, { method, path, params });
        });
        await Promise.all([written, this.flush()]);
        this.#past.set(`${thread}/${pos}`, { kind: 'effect', state: 'intent', method, path, params, intent_at: at });
        return at;
      },
      answered: async (pos, _step, answer, upid, settledBy) => {
        if (upid !== undefined) this.#claimed.add(upid);
        const change = {
          state: 'answered' as const,
          answer,
          answered_at: clock.now(),
          ...(upid === undefined ? {} : { upid }),
          ...settled(settledBy),
        };
        await store.commit((trx) => updateEntry(trx, key(pos), change));
      },
      done: async (pos, step, answer, settledBy) => {
        const at = clock.now();
        const written = store.commit(async (trx) => {
          await updateEntry(trx, key(pos), { state: 'done', answer, ended_at: at, ...settled(settledBy) });
          await this.#tell(trx, 'operation.effect.done', thread, step, { answer, ...settled(settledBy) });
        });
        // A task's end can be read from PVE again, so the next intent may share its commit; a plain call's answer cannot.
        if (step.task === null) await written;
        else this.#later(written);
      },
      failed: async (pos, step, error) => {
        const answer = recordError(error);
        await store.commit(async (trx) => {
          await updateEntry(trx, key(pos), { state: 'failed', answer, ended_at: clock.now() });
          await this.#tell(trx, 'operation.effect.failed', thread, step, answer);
        });
      },
    };
  }

  async #tell(trx: StoreTx, event: string, thread: string, step: TraceStep, payload: object): Promise<void> {
    const { operation_id, plan_id, environment, actor } = this.#owner;
    const ids = { operation_id, plan_id };
    const data = { seq: step.seq, title: step.title, request: thread, ...payload };
    await this.#deps.audit.append(trx, { actor, environment, event, ids, payload: data });
    await this.#deps.events.publish(trx, { type: event, environment, ids, data });
  }
}

const settled = (by: string | undefined): { settled_by?: string } => (by === undefined ? {} : { settled_by: by });

const toRecord = (entry: JournalEntry): JournalRecord => ({
  kind: entry.kind,
  state: entry.state,
  method: entry.method,
  path: entry.path,
  params: entry.params as PveParams,
  answer: entry.answer,
  ...(entry.upid === null ? {} : { upid: entry.upid }),
  intent_at: entry.intent_at,
  ...(entry.settled_by === null ? {} : { settled_by: entry.settled_by }),
});
