import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CalendarError, nextElapses, normalise, parseCalendar } from './index.ts';

const refusal = (text: string): string => {
  try {
    return `accepted as ${normalise(parseCalendar(text))}`;
  } catch (error) {
    if (error instanceof CalendarError) return error.message;
    throw error;
  }
};

it.each([
  ['', 'a calendar event is missing; write it as sat 02:00 (at character 1)'],
  [
    'sat 02:00 Europe/Nowhere',
    '"Europe/Nowhere" is not a time zone; write it as Europe/Berlin or UTC (at character 11)',
  ],
  ['sat 02:00 CEST', '"CEST" is not a time zone; write it as Europe/Berlin or UTC (at character 11)'],
  ['mon 22', 'a time needs hours and minutes: write 22:00, or *:22 for minutes of every hour (at character 7)'],
  ['mon 25:00', 'the hour goes from 0 to 23 (at character 5)'],
  ['*-02~30', 'the day goes from 1 to 28 as the 1. of those counted from the end of the month (at character 6)'],
  ['8..6:00', 'the hour: the range 8..6 goes backwards (at character 1)'],
  ['mon,tues 10:00', 'a weekday is expected here (at character 5)'],
  [
    '*/2:00',
    'a repetition needs a number to begin with: write 0/15 (or 1/2 for a month or a day) instead of */15 (at character 2)',
  ],
  ['*:0/0', 'a repetition of 0 never ends (at character 5)'],
  [
    'fri..mon',
    'a range of weekdays does not go over the end of the week; name them, such as sat,sun,mon (at character 6)',
  ],
  ['@123', 'a point in time is not something that repeats; write a date (at character 1)'],
  ['10:00:00.5', '"." is not expected here (at character 9)'],
])('says of "%s" what is wrong, and where', (text, words) => {
  expect(refusal(text)).toBe(words);
});

it('reads its own normal form as the same, and what comes next is later', () => {
  const part = (low: number, high: number) =>
    fc.oneof(
      fc.constant('*'),
      fc.integer({ min: low, max: high }).map(String),
      fc
        .tuple(fc.integer({ min: low, max: high - 1 }), fc.integer({ min: 1, max: 5 }))
        .map(([a, n]) => `${a}..${high}/${n}`),
    );
  const text = fc
    .tuple(fc.constantFrom('', 'Mon..Thu,Sat '), part(1, 12), part(1, 28), part(0, 23), part(0, 59))
    .map(([days, month, day, hour, minute]) => `${days}*-${month}-${day} ${hour}:${minute}`);
  const after = fc.integer({ min: Date.UTC(2025, 0), max: Date.UTC(2035, 0) });
  const zone = fc.constantFrom('Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'UTC');
  const next = nextElapses();
  fc.assert(
    fc.property(text, after, zone, (expression, from, where) => {
      if (!refusal(expression).startsWith('accepted as')) return;
      const calendar = parseCalendar(expression);
      const again = parseCalendar(normalise(calendar));
      expect(normalise(again)).toBe(normalise(calendar));
      const at = next(calendar, from, where);
      expect(next(again, from, where)).toBe(at);
      if (at !== undefined) expect(at).toBeGreaterThan(from);
    }),
  );
});
