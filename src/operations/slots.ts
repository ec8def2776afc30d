import type { Clock } from '../kernel/clock.ts';
import { releaseSlots, takeLocks, type Store } from '../store/index.ts';
import type { Wanted } from './limits.ts';

/** How often it is looked whether another replica has let go. */
const LOOK_MS = 500;

export interface SlotOwner {
  readonly operation_id: string;
  readonly fence: number;
}

/**
 * The limits once more, between replicas: rows that count the operations with effects under way at a place, where
 * `Places` counts the effects of this process. The rows of a replica that died go over to whoever takes its operation.
 */
export class SharedSlots {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #owner: SlotOwner;
  /** Effects of this operation under way, by place. */
  readonly #effects = new Map<string, number>();

  constructor({ store, clock }: { readonly store: Store; readonly clock: Clock }, owner: SlotOwner) {
    this.#store = store;
    this.#clock = clock;
    this.#owner = owner;
  }

  /**
   * Resolves with the release when every place is free for this operation. `onWait` hears which one is not, `goOn` is
   * asked between two looks and throws to give up. Errors: TARGET_BUSY when the operation was taken over.
   */
  async take(wanted: Wanted, onWait: (name: string) => void, goOn: () => void): Promise<() => Promise<void>> {
    const slots = wanted.map(([resource, limit]) => ({ resource, limit }));
    // Counted first: an effect that ends meanwhile must not give away what this one is about to rely on.
    for (const [name] of wanted) this.#count(name, 1);
    try {
      for (;;) {
        const request = { ...this.#owner, locks: [], slots };
        const answer = await this.#store.commit((trx) => takeLocks(trx, request, this.#clock.now()));
        if (answer.taken) break;
        onWait(answer.resource);
        await this.#clock.sleep(LOOK_MS);
        goOn();
      }
    } catch (error) {
      await this.#leave(wanted);
      throw error;
    }
    return () => this.#leave(wanted);
  }

  async #leave(wanted: Wanted): Promise<void> {
    for (const [name] of wanted) this.#count(name, -1);
    const free = wanted.map(([name]) => name).filter((name) => !this.#effects.has(name));
    if (free.length > 0) await this.#store.commit((trx) => releaseSlots(trx, this.#owner, free));
  }

  #count(name: string, by: 1 | -1): void {
    const count = (this.#effects.get(name) ?? 0) + by;
    if (count > 0) this.#effects.set(name, count);
    else this.#effects.delete(name);
  }
}
