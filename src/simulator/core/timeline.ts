export interface TimelineEvent {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
  cancelled: boolean;
}

/** Virtual time and what is due in it. Events at the same time run in the order in which they were put in. */
export class Timeline {
  #now: number;
  #order = 0;
  /** A binary heap, the earliest event first. */
  readonly #heap: TimelineEvent[] = [];

  constructor(now: number) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): TimelineEvent {
    const event: TimelineEvent = { at: this.#now + Math.max(0, ms), order: this.#order++, run, cancelled: false };
    this.#heap.push(event);
    this.#up(this.#heap.length - 1);
    return event;
  }

  /** Time of the next event, undefined when nothing is due. */
  next(): number | undefined {
    while (this.#heap[0]?.cancelled) this.#pop();
    return this.#heap[0]?.at;
  }

  /** Moves time, running everything due on the way; an event may put in more. */
  advanceTo(time: number): void {
    for (let at = this.next(); at !== undefined && at <= time; at = this.next()) {
      const event = this.#pop();
      this.#now = Math.max(this.#now, at);
      event?.run();
    }
    this.#now = Math.max(this.#now, time);
  }

  #less(a: number, b: number): boolean {
    const [x, y] = [this.#heap[a], this.#heap[b]];
    if (x === undefined || y === undefined) return false;
    return x.at < y.at || (x.at === y.at && x.order < y.order);
  }

  #swap(a: number, b: number): void {
    const [x, y] = [this.#heap[a], this.#heap[b]];
    if (x === undefined || y === undefined) return;
    [this.#heap[a], this.#heap[b]] = [y, x];
  }

  #up(at: number): void {
    for (let child = at; child > 0;) {
      const parent = (child - 1) >> 1;
      if (!this.#less(child, parent)) return;
      this.#swap(child, parent);
      child = parent;
    }
  }

  #pop(): TimelineEvent | undefined {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (last !== undefined && this.#heap.length > 0) {
      this.#heap[0] = last;
      for (let at = 0; ;) {
        let least = at;
        for (const child of [2 * at + 1, 2 * at + 2]) if (this.#less(child, least)) least = child;
        if (least === at) break;
        this.#swap(at, least);
        at = least;
      }
    }
    return first;
  }
}
