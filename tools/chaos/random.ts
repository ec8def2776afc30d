import { createHash } from 'node:crypto';

/** The same choices for the same seed. */
export class Random {
  readonly #seed: string;
  #count = 0;
  constructor(seed: string) {
    this.#seed = seed;
  }
  /** 0 or more, less than `bound`. */
  below(bound: number): number {
    const digest = createHash('sha256')
      .update(`${this.#seed}:${this.#count++}`)
      .digest();
    return digest.readUInt32BE(0) % bound;
  }
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
  /** `count` different ones, in random order. */
  some<T>(items: readonly T[], count: number): T[] {
    const left = [...items];
    return Array.from({ length: Math.min(count, left.length) }, () => left.splice(this.below(left.length), 1)[0] as T);
  }
}
