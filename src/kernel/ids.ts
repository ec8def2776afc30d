import { createHash, randomBytes } from 'node:crypto';
import { v7 } from 'uuid';
import type { Clock } from './clock.ts';

/** Every id and every random byte comes from here, so that a test can make them repeat. */
export interface Ids {
  /** UUIDv7: sorts by time of creation. */
  uuid(): string;
  bytes(count: number): Uint8Array;
}

export function systemIds(clock: Clock): Ids {
  return {
    uuid: () => v7({ msecs: clock.now() }),
    bytes: (count) => randomBytes(count),
  };
}

/** The same ids for the same seed; for tests, rehearsals and the simulator. */
export function seededIds(seed: string, clock: Clock): Ids {
  let counter = 0;
  const bytes = (count: number): Uint8Array => {
    const out = new Uint8Array(count);
    for (let filled = 0; filled < count;) {
      const block = createHash('sha256').update(`${seed}:${counter++}`).digest();
      out.set(block.subarray(0, Math.min(block.length, count - filled)), filled);
      filled += block.length;
    }
    return out;
  };
  return { bytes, uuid: () => v7({ msecs: clock.now(), random: bytes(16) }) };
}

/** 0 or more, less than `bound`. */
export const randomBelow = (ids: Ids, bound: number): number => Buffer.from(ids.bytes(6)).readUIntBE(0, 6) % bound;
