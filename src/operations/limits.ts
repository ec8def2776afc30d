/**
 * How much is sent at once. PVE queues little by itself: a template is locked while it is cloned, and a node that
 * starts twenty guests at once starts all of them late.
 */
export interface Limits {
  /** Effects under way in one environment. */
  readonly environment: number;
  /** Effects under way on one node. */
  readonly node: number;
  /** Effects that copy onto or from one storage under way. */
  readonly storage: number;
  /** Clones of one template under way. */
  readonly template: number;
}

export const DEFAULT_LIMITS: Limits = { environment: 16, node: 8, storage: 4, template: 1 };

/** Counted places by name, first come first served. */
export class Places {
  readonly #taken = new Map<string, number>();
  readonly #queues = new Map<string, (() => void)[]>();

  /** Resolves with the release when a place under `name` is free. `onWait` is called once if it is not at once. */
  async take(name: string, limit: number, onWait: (name: string) => void): Promise<() => void> {
    const taken = this.#taken.get(name) ?? 0;
    if (taken < limit) this.#taken.set(name, taken + 1);
    else {
      onWait(name);
      // The place is handed over, not freed: who comes later cannot slip in between.
      await new Promise<void>((resolve) => this.#queue(name).push(resolve));
    }
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#release(name);
    };
  }

  #queue(name: string): (() => void)[] {
    let queue = this.#queues.get(name);
    if (queue === undefined) this.#queues.set(name, (queue = []));
    return queue;
  }

  #release(name: string): void {
    const next = this.#queues.get(name)?.shift();
    if (next !== undefined) return next();
    const left = (this.#taken.get(name) ?? 1) - 1;
    if (left > 0) this.#taken.set(name, left);
    else {
      this.#taken.delete(name);
      this.#queues.delete(name);
    }
  }
}

/** Names of places with how many may be taken. */
export type Wanted = readonly (readonly [name: string, limit: number])[];

/** Takes one place of each name, always in the same order, so that two takers never wait for each other. */
export async function takeAll(places: Places, wanted: Wanted, onWait: (name: string) => void): Promise<() => void> {
  const held: (() => void)[] = [];
  for (const [name, limit] of [...wanted].sort(([a], [b]) => (a < b ? -1 : 1)))
    held.push(await places.take(name, limit, onWait));
  return () => held.reverse().forEach((release) => release());
}
