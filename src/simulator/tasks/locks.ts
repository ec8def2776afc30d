/** Who holds or waits: a task, or a request. */
export type Owner = object;

interface Waiter {
  readonly owner: Owner;
  readonly shared: boolean;
  readonly granted: () => void;
}

interface Entry {
  readonly holders: Set<Owner>;
  shared: boolean;
  readonly waiting: Waiter[];
}

/** The flocks of PVE: one per guest (FACTS 25), and others by name. First come, first served. */
export class Locks {
  readonly #entries = new Map<string, Entry>();

  /** Takes the lock if it is free, or shared and asked for shared. */
  tryAcquire(name: string, owner: Owner, shared: boolean): boolean {
    const entry = this.#entries.get(name);
    if (entry === undefined) {
      this.#entries.set(name, { holders: new Set([owner]), shared, waiting: [] });
      return true;
    }
    if (entry.holders.has(owner)) return true;
    if (!(shared && entry.shared && entry.waiting.length === 0)) return false;
    entry.holders.add(owner);
    return true;
  }

  /** Queues; `granted` is called when the lock is the owner's. The answer takes it out of the queue again. */
  wait(name: string, owner: Owner, shared: boolean, granted: () => void): () => void {
    const entry = this.#entries.get(name);
    const waiter: Waiter = { owner, shared, granted };
    entry?.waiting.push(waiter);
    return () => {
      const at = entry?.waiting.indexOf(waiter) ?? -1;
      if (at >= 0) entry?.waiting.splice(at, 1);
    };
  }

  release(name: string, owner: Owner): void {
    const entry = this.#entries.get(name);
    if (entry === undefined || !entry.holders.delete(owner) || entry.holders.size > 0) return;
    const next = entry.waiting.shift();
    if (next === undefined) {
      this.#entries.delete(name);
      return;
    }
    entry.shared = next.shared;
    entry.holders.add(next.owner);
    const alongside = next.shared ? this.#takeShared(entry) : [];
    for (const waiter of [next, ...alongside]) waiter.granted();
  }

  #takeShared(entry: Entry): Waiter[] {
    const out: Waiter[] = [];
    while (entry.waiting[0]?.shared) {
      const waiter = entry.waiting.shift();
      if (waiter === undefined) break;
      entry.holders.add(waiter.owner);
      out.push(waiter);
    }
    return out;
  }

  isHeld(name: string): boolean {
    return this.#entries.has(name);
  }
}
