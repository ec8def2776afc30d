import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock, systemClock } from './clock.ts';
import { randomBelow, seededIds, systemIds } from './ids.ts';

const UUID7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('ids', () => {
  it('are UUIDv7 with the time of the clock in front', () => {
    const clock = new ManualClock(Date.UTC(2026, 0, 1));
    for (const ids of [systemIds(clock), seededIds('x', clock)]) {
      const id = ids.uuid();
      expect(id).toMatch(UUID7);
      expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(clock.now());
    }
  });

  it('sort by time of creation and never repeat', () => {
    const clock = new ManualClock();
    const ids = systemIds(clock);
    const made = Array.from({ length: 200 }, () => {
      clock.advance(1);
      return ids.uuid();
    });
    expect([...made].sort()).toEqual(made);
    const sameInstant = Array.from({ length: 1_000 }, () => ids.uuid());
    expect(new Set(sameInstant).size).toBe(1_000);
  });

  it('repeat for the same seed and differ for another', () => {
    const clock = new ManualClock();
    const take = (seed: string) => {
      const ids = seededIds(seed, clock);
      return [ids.uuid(), Buffer.from(ids.bytes(40)).toString('hex'), ids.uuid()];
    };
    expect(take('a')).toEqual(take('a'));
    expect(take('a')).not.toEqual(take('b'));
  });

  it('give as many bytes as asked for', () => {
    for (const ids of [systemIds(systemClock), seededIds('x', systemClock)])
      for (const count of [0, 1, 31, 32, 33, 100]) expect(ids.bytes(count)).toHaveLength(count);
  });
});

describe('randomBelow', () => {
  it('stays below its bound and reaches all of a small one', () => {
    const ids = seededIds('random', systemClock);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), (bound) => {
        const number = randomBelow(ids, bound);
        expect(Number.isInteger(number) && number >= 0 && number < bound).toBe(true);
      }),
    );
    expect(new Set(Array.from({ length: 200 }, () => randomBelow(ids, 6))).size).toBe(6);
  });
});
