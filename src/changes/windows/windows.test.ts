import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toAgentError } from '../../kernel/errors.ts';
import { ChangeWindows, type WindowsOptions } from './index.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const iso = (ms: number | null | undefined): string =>
  ms === null || ms === undefined ? 'never' : new Date(ms).toISOString().slice(0, 16);
const at = (text: string): number => Date.parse(`${text}Z`);
const berlin = (options: Partial<WindowsOptions>): ChangeWindows =>
  new ChangeWindows({ zone: 'Europe/Berlin', ...options });
const night = { name: 'night', calendar: 'sat 02:00', duration: 4 * HOUR };

describe('a change window', () => {
  it('is Saturday from 02:00 to 06:00 on the lab’s clock where none is configured', () => {
    const windows = berlin({});
    expect(windows.check('home', at('2026-11-20T12:00'))).toEqual({
      open: false,
      why: 'no change window of home is open',
      next: at('2026-11-21T01:00'),
    });
    expect(windows.check('home', at('2026-11-21T01:00'))).toMatchObject({
      open: true,
      until: at('2026-11-21T05:00'),
      window: 'Saturday night',
    });
    expect(windows.check('home', at('2026-11-21T05:00')).open).toBe(false);
  });

  it('never opens where the list is empty, or is for others', () => {
    expect(berlin({ windows: [] }).check('home', 0)).toEqual({
      open: false,
      why: 'no change window is configured for home',
      next: null,
    });
    const windows = berlin({ windows: [{ ...night, environments: ['work'], tiers: [2, 3], categories: ['normal'] }] });
    expect(windows.check('home', 0).why).toContain('is configured for home');
    expect(windows.check('work', at('2026-11-20T12:00'), { tier: 1, category: 'normal' }).why).toContain(
      'for work, tier 1, normal changes',
    );
    expect(iso(windows.check('work', at('2026-11-20T12:00'), { tier: 3, category: 'normal' }).next)).toBe(
      '2026-11-21T01:00',
    );
  });

  it('lasts as long as it says, whatever the clocks do meanwhile', () => {
    const windows = berlin({ windows: [{ name: 'w', calendar: 'sun 01:00', duration: 4 * HOUR }] });
    const open = (time: string) => iso(windows.check('home', at(time)).until);
    // 01:00 CET to 06:00 CEST, and 01:00 CEST to 04:00 CET.
    expect(open('2026-03-29T00:00')).toBe('2026-03-29T04:00');
    expect(open('2026-10-24T23:00')).toBe('2026-10-25T03:00');
  });

  it('goes over the end of the year, and is one with the window that it touches', () => {
    const windows = berlin({
      windows: [
        { name: 'eve', calendar: '*-12-31 22:00', duration: 4 * HOUR },
        { name: 'after', calendar: '*-01-01 02:00', duration: 2 * HOUR },
      ],
    });
    expect(windows.check('home', at('2026-12-31T23:30'))).toMatchObject({ open: true, until: at('2027-01-01T03:00') });
  });

  it('opens on leap days only, by either kind of calendar, and goes on into March', () => {
    for (const when of [{ calendar: '*-02-29 22:00' }, { rrule: 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=22' }]) {
      const windows = berlin({ windows: [{ name: 'leap', ...when, duration: 4 * HOUR }] });
      expect(iso(windows.next('home', at('2026-11-20T00:00')))).toBe('2028-02-29T21:00');
      expect(iso(windows.check('home', at('2028-02-29T23:30')).until)).toBe('2028-03-01T01:00');
      expect(iso(windows.next('home', at('2028-03-01T02:00')))).toBe('2032-02-29T21:00');
      // 2100 is none.
      expect(iso(windows.next('home', at('2096-03-01T04:00')))).toBe('2104-02-29T21:00');
    }
  });

  it.each([
    // The hour that is left out, and the one that is shown twice, of each zone.
    ['Europe/Berlin', '02:30', '2026-03-28T12:00', '2026-03-30T00:30', '2026-10-24T12:00', '2026-10-25T00:30'],
    ['America/New_York', '02:30', '2026-03-07T12:00', '2026-03-09T06:30', '2026-10-31T12:00', '2026-11-01T07:30'],
    ['America/New_York', '01:30', '2026-03-07T12:00', '2026-03-08T06:30', '2026-10-31T12:00', '2026-11-01T05:30'],
    ['Australia/Lord_Howe', '02:15', '2026-10-02T20:00', '2026-10-04T15:15', '2026-04-04T05:00', '2026-04-04T15:45'],
    ['Australia/Lord_Howe', '01:45', '2026-10-03T05:00', '2026-10-03T15:15', '2026-04-04T05:00', '2026-04-04T14:45'],
  ])('in %s at %s: the gap and the overlap, by either kind of calendar', (zone, time, gap, after, overlap, first) => {
    const [hour = '', minute = ''] = time.split(':').map((part) => String(Number(part)));
    for (const when of [{ calendar: time }, { rrule: `FREQ=DAILY;BYHOUR=${hour};BYMINUTE=${minute}` }]) {
      const windows = new ChangeWindows({ zone, windows: [{ name: 'w', ...when, duration: HOUR }] });
      expect(iso(windows.next('home', at(gap))), JSON.stringify(when)).toBe(after);
      expect(iso(windows.next('home', at(overlap))), JSON.stringify(when)).toBe(first);
    }
  });

  it('opens by a recurrence rule, but not at a time that the clocks leave out', () => {
    const second = berlin({ windows: [{ name: 'w', rrule: 'FREQ=MONTHLY;BYDAY=2SA;BYHOUR=2', duration: HOUR }] });
    expect(iso(second.next('home', at('2026-11-20T00:00')))).toBe('2026-12-12T01:00');
    const daily = berlin({ windows: [{ name: 'w', rrule: 'FREQ=DAILY;BYHOUR=2;BYMINUTE=30', duration: HOUR }] });
    expect(iso(daily.next('home', at('2026-03-28T03:00')))).toBe('2026-03-30T00:30');
    // Of the two that are shown, the first.
    expect(iso(daily.next('home', at('2026-10-24T12:00')))).toBe('2026-10-25T00:30');
    const fortnight = {
      name: 'w',
      rrule: 'FREQ=WEEKLY;INTERVAL=2;BYDAY=SA;BYHOUR=3',
      start: '2026-11-21',
      duration: HOUR,
    };
    expect(iso(berlin({ windows: [fortnight] }).next('home', at('2026-11-22T00:00')))).toBe('2026-12-05T02:00');
    const never = berlin({ windows: [{ name: 'w', rrule: 'FREQ=YEARLY;BYMONTHDAY=30;BYMONTH=2', duration: HOUR }] });
    expect(never.check('home', 0).next).toBeNull();
  });

  it('is shut by a blackout, and goes on after it', () => {
    const windows = berlin({
      windows: [night],
      blackouts: [
        { name: 'holidays', from: '2026-12-20', to: '2027-01-03' },
        { name: 'backup', calendar: 'sat 03:00', duration: HOUR, environments: ['home'] },
      ],
    });
    expect(windows.check('home', at('2026-12-26T01:30')).why).toBe(
      'the blackout "holidays" holds until 2027-01-02T23:00:00.000Z',
    );
    expect(iso(windows.check('home', at('2026-12-26T01:30')).next)).toBe('2027-01-09T01:00');
    expect(iso(windows.check('home', at('2026-11-21T01:30')).until)).toBe('2026-11-21T02:00');
    expect(iso(windows.check('home', at('2026-11-21T02:30')).next)).toBe('2026-11-21T03:00');
    expect(iso(windows.check('work', at('2026-11-21T01:30')).until)).toBe('2026-11-21T05:00');
  });

  it('is listed with the blackouts that hold meanwhile', () => {
    const windows = berlin({
      windows: [night],
      blackouts: [{ name: 'holidays', from: '2026-12-20', to: '2027-01-03' }],
    });
    const listed = windows.between('home', { from: at('2026-12-18T00:00'), to: at('2026-12-27T00:00') }, 10);
    expect(listed.map(({ kind, name, from, blackouts }) => [kind, name, iso(from), blackouts])).toEqual([
      ['window', 'night', '2026-12-19T01:00', undefined],
      ['blackout', 'holidays', '2026-12-19T23:00', undefined],
      ['window', 'night', '2026-12-26T01:00', ['holidays']],
    ]);
  });

  it.each([
    [{ calendar: 'sat 25:00' }, 'c.yaml:3:15: w: calendar: the hour goes from 0 to 23 (at character 5)'],
    [{ rrule: 'FREQ=WEKLY' }, 'c.yaml:4:9: w: rrule: FREQ cannot be WEKLY (at character 1)'],
    [{ rrule: 'FREQ=WEEKLY;BYHOUR=99' }, 'c.yaml:4:9: w: rrule: BYHOUR cannot be 99 (at character 13)'],
    [
      { rrule: 'FREQ=DAILY;HOUR=2' },
      'c.yaml:4:9: w: rrule: "HOUR=2" is no part of a recurrence rule; write it as FREQ=WEEKLY;BYDAY=SA;BYHOUR=2 (at character 12)',
    ],
    [{ rrule: 'BYDAY=SA' }, 'c.yaml:4:9: w: rrule: is no recurrence rule: RRULE must include FREQ (at character 1)'],
  ])('is refused with its place: %j', (fields, words) => {
    const where = { calendar: 'c.yaml:3:15', rrule: 'c.yaml:4:9' };
    const make = (): unknown => berlin({ windows: [{ name: 'w', duration: HOUR, where, ...fields }] });
    try {
      make();
      expect.unreachable();
    } catch (error) {
      expect(toAgentError(error).message).toBe(words);
    }
  });

  it('refuses a blackout that ends before it begins', () => {
    expect(() => berlin({ blackouts: [{ name: 'b', from: '2027-01-03', to: '2026-12-20' }] })).toThrow(
      'ends before it begins',
    );
  });
});

describe('whatever is configured', () => {
  const calendar = fc.constantFrom(
    'sat 02:00',
    '*:0/50',
    'mon..fri 1..3:30',
    '*-*~1 23:30',
    '*-12-31 22:00',
    'hourly',
    'sun 02:30',
  );
  const rrule = fc.constantFrom(
    'FREQ=DAILY;BYHOUR=2,3;BYMINUTE=15',
    'FREQ=MONTHLY;BYDAY=-1SU;BYHOUR=1',
    'FREQ=WEEKLY;BYDAY=SA,SU',
  );
  const times = fc.oneof(
    calendar.map((text) => ({ calendar: text })),
    rrule.map((text) => ({ rrule: text })),
  );
  const duration = fc.integer({ min: 1, max: 40 }).map((quarters) => (quarters * HOUR) / 4);
  const zone = fc.constantFrom('Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'UTC');
  const entry = fc
    .tuple(times, duration, zone)
    .map(([one, long, where]) => ({ name: 'x', ...one, duration: long, zone: where }));
  const day = fc
    .integer({ min: 0, max: 700 })
    .map((n) => new Date(at('2026-01-01T00:00') + n * DAY).toISOString().slice(0, 10));
  const single = fc
    .tuple(day, day)
    .filter(([a, b]) => a < b)
    .map(([from, to]) => ({ name: 'x', from, to }));
  // Around the changes of the clocks, and anywhere.
  const turns = [
    '2026-03-29T01:00',
    '2026-10-25T01:00',
    '2026-03-08T07:00',
    '2026-11-01T06:00',
    '2026-10-03T15:30',
    '2026-04-04T15:00',
  ];
  const moment = fc.oneof(
    fc.integer({ min: at('2026-01-01T00:00'), max: at('2027-12-01T00:00') }),
    fc
      .tuple(fc.constantFrom(...turns), fc.integer({ min: -300, max: 300 }))
      .map(([turn, minutes]) => at(turn) + minutes * 60_000),
  );
  const world = fc.record({
    windows: fc.array(entry, { minLength: 1, maxLength: 3 }),
    blackouts: fc.array(fc.oneof({ weight: 3, arbitrary: entry }, { weight: 1, arbitrary: single }), { maxLength: 3 }),
  });

  it('no window is open in a blackout, and none is open outside all windows', () => {
    fc.assert(
      fc.property(world, moment, (config, time) => {
        const windows = berlin(config);
        const listed = windows.between('home', { from: time, to: time + 1 }, 1000);
        const holds = (kind: string): boolean =>
          listed.some((one) => one.kind === kind && one.from <= time && time < one.to);
        expect(windows.check('home', time).open).toBe(holds('window') && !holds('blackout'));
      }),
      { numRuns: 80 },
    );
  });

  it('the next opening is the earliest, and now exactly when it is open', () => {
    fc.assert(
      fc.property(
        world,
        moment,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 }),
        (config, time, parts) => {
          const windows = berlin(config);
          const { open, until } = windows.check('home', time);
          const next = windows.next('home', time);
          expect(open).toBe(next === time);
          if (next === undefined) return;
          expect(windows.check('home', next).open).toBe(true);
          // Whenever one looks before it, it is shut, and says the same.
          for (const part of parts) {
            const before = Math.floor(time + (next - time) * part);
            if (before < next) expect(windows.next('home', before)).toBe(next);
          }
          if (next > time) expect(windows.check('home', next - 1).open).toBe(false);
          if (until === undefined) return;
          for (const part of parts)
            expect(windows.check('home', Math.floor(time + (until - time - 1) * part)).open).toBe(true);
        },
      ),
      { numRuns: 80 },
    );
  });
});
