import type { Clock } from '../kernel/clock.ts';
import { redact } from '../kernel/secret.ts';
import {
  eventBounds,
  insertEvent,
  listEvents,
  pruneEvents,
  type EventFilter,
  type EventRecord,
  type JsonObject,
  type Store,
  type StoreTx,
} from '../store/index.ts';
import { createFollower } from './follow.ts';

export interface NewEvent {
  readonly type: string;
  readonly environment?: string | undefined;
  readonly ids?: JsonObject | undefined;
  readonly data?: unknown;
}

export interface StreamFilter extends EventFilter {
  /** Members of `ids` that must be equal, such as `{plan_id}` or `{target}`. */
  readonly ids?: Readonly<Record<string, string>> | undefined;
}

export interface Events {
  /** Adds an event inside the caller's commit; those who watch learn of it once that is durable. */
  publish(trx: StoreTx, event: NewEvent): Promise<EventRecord>;
  /**
   * Calls `listener` for every event after its commit, those of other replicas as well, in order, until the answer is
   * called. A listener must not throw.
   */
  subscribe(listener: (event: EventRecord) => void): () => void;
  /**
   * Every event after `afterId` (null: from now on) that passes the filter, each once, in order, first the stored ones,
   * then new ones as they come, until the signal aborts. Where events after `afterId` are no longer kept, the first is
   * one of type `events.lost` with the numbers `{from, to}` that are gone: the watcher has to read the state anew.
   */
  stream(
    afterId: number | null,
    filter: StreamFilter,
    signal: AbortSignal,
  ): AsyncGenerator<EventRecord, void, undefined>;
}

export interface EventsOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** How many of the newest events are kept; default 10,000. */
  readonly keep?: number;
}

/** Events read at a time by a stream: the most that a slow watcher holds in memory. */
const PAGE = 200;

/**
 * The event stream. A watcher is only woken by a commit (of any replica) and always reads from the store, so there is no
 * seam between stored and live events, and one that is slow holds nothing but its place. Numbers grow in the order of
 * the commits because one transaction at a time hands them out.
 */
export function createEvents({ store, clock, keep = 10_000 }: EventsOptions): Events {
  const wakers = new Set<() => void>();
  const listeners = new Set<(event: EventRecord) => void>();
  const pruneEvery = Math.max(1, Math.floor(keep / 10));

  const follower = createFollower(store, (event) => {
    for (const listener of listeners) listener(event);
  });
  if (!store.exclusive) {
    follower.look();
    store.watch(() => {
      for (const wake of wakers) wake();
      follower.look();
    });
  }

  const publish = async (trx: StoreTx, event: NewEvent): Promise<EventRecord> => {
    const { type, environment, ids, data } = event;
    const row = { at: clock.now(), type, environment: environment ?? null, ids: redact(ids ?? {}) as JsonObject };
    const stored = await insertEvent(trx, { ...row, data: redact(data ?? null) });
    if (stored.id % pruneEvery === 0) await pruneEvents(trx, stored.id - keep);
    trx.onCommit(() => {
      for (const wake of wakers) wake();
      follower.own(stored);
    });
    return stored;
  };

  const subscribe = (listener: (event: EventRecord) => void): (() => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };

  async function* stream(afterId: number | null, filter: StreamFilter, signal: AbortSignal) {
    const bell = createBell(signal);
    wakers.add(bell.ring);
    try {
      let { cursor, lost } = await startOf(store, afterId ?? follower.seen ?? null);
      if (lost !== undefined) yield lostEvent(lost, cursor, clock.now());
      while (!signal.aborted) {
        // Silenced before the read: what is committed during it rings again.
        bell.silence();
        const { last } = await eventBounds(store);
        const page = await listEvents(store, { after: cursor, upTo: last, limit: PAGE }, filter);
        // Looked at after the page was read: nothing of it can have been forgotten unseen.
        const { first } = await eventBounds(store);
        if (cursor < first - 1) {
          lost = { from: cursor + 1, to: first - 1 };
          cursor = lost.to;
          yield lostEvent(lost, cursor, clock.now());
          continue;
        }
        for (const event of page) {
          if (signal.aborted) return;
          cursor = event.id;
          if (matches(event, filter)) yield event;
        }
        if (page.length === PAGE) continue;
        cursor = Math.max(cursor, last);
        await bell.rung();
      }
    } finally {
      wakers.delete(bell.ring);
      bell.close();
    }
  }

  return { publish, subscribe, stream };
}

const matches = (event: EventRecord, { ids = {} }: StreamFilter): boolean =>
  Object.entries(ids).every(([key, value]) => event.ids[key] === value);

interface Gap {
  readonly from: number;
  readonly to: number;
}

/** Where a stream begins. What it cannot show because it is no longer kept, the stream itself notices. */
async function startOf(store: Store, afterId: number | null): Promise<{ cursor: number; lost: Gap | undefined }> {
  const { first, last } = await eventBounds(store);
  if (afterId === null) return { cursor: last, lost: undefined };
  // Nobody who begins at the beginning has lost anything.
  if (afterId <= 0) return { cursor: Math.max(0, first - 1), lost: undefined };
  // A number from the future is one of another database, restored or begun anew since.
  if (afterId > last) return { cursor: last, lost: { from: last + 1, to: afterId } };
  return { cursor: afterId, lost: undefined };
}

const lostEvent = (lost: Gap, id: number, at: number): EventRecord => ({
  id,
  at,
  type: 'events.lost',
  environment: null,
  ids: {},
  data: lost,
});

/** Remembers one ring, however often it rings; an abort rings for good. */
function createBell(signal: AbortSignal) {
  let ringing = signal.aborted;
  let hear: (() => void) | undefined;
  const ring = (): void => {
    ringing = true;
    hear?.();
  };
  signal.addEventListener('abort', ring);
  return {
    ring,
    silence: (): void => {
      ringing = signal.aborted;
    },
    rung: (): Promise<void> =>
      ringing
        ? Promise.resolve()
        : new Promise((resolve) => {
            hear = resolve;
          }),
    close: (): void => signal.removeEventListener('abort', ring),
  };
}
