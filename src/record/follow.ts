import { eventBounds, listEvents, type EventRecord, type Store } from '../store/index.ts';

const PAGE = 200;

/** Hands on every event once, in the order of the numbers, whichever replica wrote it. */
export interface Follower {
  /** Number of the newest event that was handed on; undefined before the first is known of. */
  readonly seen: number | undefined;
  /** An event of this process that has just become durable. */
  own(event: EventRecord): void;
  /** Others may have written: look into the table. */
  look(): void;
}

/**
 * What this process commits is handed on at once while nothing is between it and the one before; where another replica's
 * events are between, all of them are read from the table first. (Numbers have no gaps, and grow in the order of
 * commits.) A read that fails is made up for by the next one, which begins where the last good one ended.
 */
export function createFollower(store: Store, hand: (event: EventRecord) => void): Follower {
  let seen: number | undefined;
  let reading = false;
  let again = false;

  const pass = (event: EventRecord): void => {
    if (seen !== undefined && event.id <= seen) return;
    seen = event.id;
    hand(event);
  };

  const readOn = async (): Promise<void> => {
    const { last } = await eventBounds(store);
    seen ??= last;
    while (seen < last) {
      const page = await listEvents(store, { after: seen, upTo: last, limit: PAGE });
      for (const event of page) pass(event);
      // Forgotten before they were read: a stream says so to its watcher, a listener has no place for it.
      if (page.length < PAGE) seen = Math.max(seen, last);
    }
  };

  const look = (): void => {
    again = true;
    if (reading) return;
    reading = true;
    void (async () => {
      try {
        while (again) {
          again = false;
          await readOn();
        }
      } catch {
        // The store says itself that it does not answer; the next event looks again.
      } finally {
        reading = false;
      }
    })();
  };

  return {
    get seen() {
      return seen;
    },
    own: (event) => {
      if (seen === undefined || event.id <= seen + 1) pass(event);
      else look();
    },
    look,
  };
}
