import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextTime, parseCalendar } from './calendar.ts';

/** A Friday. */
const NOW = Date.UTC(2026, 10, 20, 8, 40);

const next = (text: string): string | undefined => {
  const event = parseCalendar(text);
  const time = event === undefined ? undefined : nextTime(event, NOW);
  return time === undefined ? undefined : new Date(time * 1000).toISOString().slice(0, 16);
};

describe('calendar events', () => {
  it.each([
    ['21:00', '2026-11-20T21:00'],
    ['sat 02:00', '2026-11-21T02:00'],
    ['mon..fri 03:30', '2026-11-23T03:30'],
    ['*/15', '2026-11-20T08:45'],
    ['fri..sun 8,12:00', '2026-11-20T12:00'],
    ['sat,sun *:0/30', '2026-11-21T00:00'],
    ['*-*-01 00:00', '2026-12-01T00:00'],
    ['2028-02-29 12:00', '2028-02-29T12:00'],
    ['monthly', '2026-12-01T00:00'],
    ['25:00', undefined],
    ['someday', undefined],
  ])('%s', (text, expected) => {
    expect(next(text)).toBe(expected);
  });

  it('come in the future, on the minute', () => {
    const hours = fc.integer({ min: 0, max: 23 });
    const minutes = fc.integer({ min: 0, max: 59 });
    const days = fc.constantFrom('mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun', 'mon..fri', '');
    fc.assert(
      fc.property(days, hours, minutes, fc.integer({ min: 0, max: 4e12 }), (day, hour, minute, now) => {
        const event = parseCalendar(`${day} ${hour}:${minute}`);
        const time = event === undefined ? 0 : (nextTime(event, now) ?? 0);
        expect(time * 1000).toBeGreaterThan(now);
        expect(new Date(time * 1000).getUTCHours()).toBe(hour);
        expect(new Date(time * 1000).getUTCMinutes()).toBe(minute);
      }),
    );
  });
});
