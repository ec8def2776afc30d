import { describe, expect, it } from 'vitest';
import { isoTime, ManualClock, systemClock } from './clock.ts';

describe.each([
  ['the system clock', systemClock],
  ['a manual clock', new ManualClock()],
])('%s', (_name, clock) => {
  it('has passed at least the time that was slept', async () => {
    const before = clock.now();
    await clock.sleep(15);
    expect(clock.now()).toBeGreaterThanOrEqual(before + 14);
  });

  it('does not begin to sleep for who has given up already', async () => {
    await expect(clock.sleep(60_000, AbortSignal.abort(new Error('over')))).rejects.toThrow('over');
  });
});

describe('the system clock', () => {
  it('wakes who gives up while sleeping, with the reason', async () => {
    const over = new AbortController();
    const sleeping = systemClock.sleep(60_000, over.signal);
    over.abort(new Error('enough'));
    await expect(sleeping).rejects.toThrow('enough');
  });
});

describe('a manual clock', () => {
  it('stands still until it is told', async () => {
    const clock = new ManualClock(1_000);
    expect(clock.now()).toBe(1_000);
    clock.advance(50);
    await clock.sleep(50);
    expect(isoTime(clock.now())).toBe('1970-01-01T00:00:01.100Z');
  });
});
