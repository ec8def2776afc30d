import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CalendarError, nextElapses, normalise, parseCalendar } from './index.ts';

const PRESENT = spawnSync('systemd-analyze', ['--version'], { stdio: 'ignore' }).status === 0;
/** Expressions a call; each is tried from one of the base times. */
const BATCH = 250;
const ITERATIONS = 4;

/** What is said of one expression: undefined when it is refused, else its normal form and its next times in UTC. */
type Verdict = { readonly normal: string | undefined; readonly times: readonly string[] } | undefined;

/** Asks systemd about many expressions at once. */
function systemd(expressions: readonly string[], zone: string, base: string): Verdict[] {
  const { stdout, stderr } = spawnSync(
    'systemd-analyze',
    ['calendar', `--iterations=${ITERATIONS}`, `--base-time=${base}`, '--', ...expressions],
    { encoding: 'utf8', env: { TZ: zone, PATH: process.env['PATH'], LC_ALL: 'C.UTF-8' }, maxBuffer: 1 << 26 },
  );
  const refused = new Set([...stderr.matchAll(/calendar specification '(.*)': /g)].map(([, text]) => text));
  // Of a search that it gives up after a thousand rounds it says nothing else.
  const endless = new Set([...stderr.matchAll(/next elapse for '(.*)': Resource deadlock/g)].map(([, text]) => text));
  const blocks = new Map<string, string>();
  for (const block of stdout.split(/\n\n+|^\n+/)) {
    // An expression that is in its normal form already is not said twice.
    const name = /^ *(?:Original|Normalized) form: (.*)$/m.exec(block)?.[1];
    if (name !== undefined) blocks.set(name, block);
  }
  return expressions.map((text) => {
    const block = blocks.get(text) ?? blocks.get(text.trimEnd());
    if (block === undefined) {
      if (refused.has(text)) return undefined;
      if (endless.has(text)) return { normal: undefined, times: [] };
      throw new Error(`systemd said nothing of "${text}"`);
    }
    const normal = /^Normalized form: (.*)$/m.exec(block)?.[1] ?? '';
    const utc = /(?:\(in UTC\)|elapse|Iter\. #\d+): \w+ (\S+ \S+) UTC/g;
    return { normal, times: [...block.matchAll(utc)].map(([, time]) => time ?? '') };
  });
}

function ours(text: string, zone: string, base: number, next = nextElapses()): Verdict {
  try {
    const calendar = parseCalendar(text);
    const times: string[] = [];
    let at: number | undefined = base;
    while (times.length < ITERATIONS && (at = next(calendar, at, zone)) !== undefined)
      times.push(new Date(at).toISOString().slice(0, 19).replace('T', ' '));
    return { normal: normalise(calendar), times };
  } catch (error) {
    if (error instanceof CalendarError) return undefined;
    throw error;
  }
}

/** Compares in batches, each from a base time; `at` is such as `2026-03-29 00:30:00` and in UTC. */
function agree(expressions: readonly string[], zone: string, at: string): void {
  const base = Date.parse(`${at.replace(' ', 'T')}Z`);
  const next = nextElapses();
  const expected = systemd(expressions, zone, `${at} UTC`);
  const differences = expressions.flatMap((text, index) => {
    const [theirs, mine] = [expected[index], ours(text, zone, base, next)];
    const same =
      theirs !== undefined && theirs.normal === undefined
        ? mine !== undefined
        : JSON.stringify(theirs) === JSON.stringify(mine);
    return same ? [] : [{ text, zone, at, theirs, mine }];
  });
  expect(differences.slice(0, 5)).toEqual([]);
}

const pick = <T>(...values: readonly T[]) => fc.constantFrom(...values);
const chain = (from: number, to: number) => {
  const number = fc.integer({ min: from, max: to });
  const padded = fc
    .tuple(number, fc.boolean())
    .map(([value, pad]) => (pad ? String(value).padStart(2, '0') : `${value}`));
  const range = fc.tuple(number, number).map(([a, b]) => `${Math.min(a, b)}..${Math.max(a, b)}`);
  const step = fc.tuple(fc.oneof(padded, range), fc.integer({ min: 1, max: to })).map(([a, n]) => `${a}/${n}`);
  const entry = fc.oneof(
    { weight: 4, arbitrary: padded },
    { weight: 2, arbitrary: range },
    { weight: 2, arbitrary: step },
  );
  return fc.oneof(
    { weight: 3, arbitrary: fc.constant('*') },
    { weight: 5, arbitrary: fc.array(entry, { minLength: 1, maxLength: 3 }).map((all) => all.join(',')) },
  );
};
const day = pick('mon', 'Tue', 'WED', 'thu', 'Friday', 'sat', 'Sunday');
const weekdays = fc
  .array(
    fc.oneof(
      day,
      fc.tuple(day, pick('..', '-'), day).map((parts) => parts.join('')),
    ),
    { minLength: 1, maxLength: 3 },
  )
  .map((all) => all.join(','));
const year = fc.oneof(
  { weight: 6, arbitrary: fc.constant('*') },
  { weight: 2, arbitrary: chain(2025, 2034) },
  { weight: 1, arbitrary: chain(0, 99) },
);
const date = fc.oneof(
  fc.tuple(chain(1, 12), pick('-', '-', '~'), chain(1, 31)).map((parts) => parts.join('')),
  fc.tuple(year, fc.constant('-'), chain(1, 12), pick('-', '-', '~'), chain(1, 31)).map((parts) => parts.join('')),
);
// Hours of the night are those that the clocks leave out or show twice.
const hour = fc.oneof(chain(0, 23), chain(0, 4));
const time = fc.oneof(
  fc.tuple(hour, chain(0, 59)).map((parts) => parts.join(':')),
  fc.tuple(hour, chain(0, 59), chain(0, 59)).map((parts) => parts.join(':')),
);
const zoned = pick('', '', '', '', ' UTC', ' utc', ' Europe/Berlin', ' America/New_York', ' Australia/Lord_Howe');
const optional = (arbitrary: fc.Arbitrary<string>) => fc.option(arbitrary, { nil: '' });
const shorthand = pick('minutely', 'hourly', 'daily', 'Weekly', 'monthly', 'quarterly', 'semiannually', 'yearly');
const whole = fc
  .tuple(optional(weekdays), optional(date), optional(time))
  .map((parts) => parts.filter((part) => part !== '').join(' '));
const expression = fc
  .tuple(fc.oneof({ weight: 20, arbitrary: whole }, { weight: 1, arbitrary: shorthand }), zoned)
  .map((parts) => parts.join(''));
/** One letter put in, taken out or changed: most of these are refused. */
const broken = fc
  .tuple(expression, fc.nat(40), pick('', '*', '/', '..', '.', ',', '-', '~', ':', ' ', '0', '7', 'x'), fc.boolean())
  .map(([text, at, put, replace]) => text.slice(0, at) + put + text.slice(at + (replace ? 1 : 0)))
  // A fraction of a second, a point in time and a time zone's abbreviation are not read here.
  .filter((text) => !/\d\.\d/.test(text) && !text.startsWith('-'));

const ZONES = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe'];
const BASES: Readonly<Record<string, readonly string[]>> = {
  // Shortly before and within the change of the clocks; both times that an hour is shown; ends of years; leap days.
  'Europe/Berlin': ['2026-03-28 23:59:59', '2026-10-25 00:10:00', '2026-10-25 01:10:00', '2027-12-31 22:59:30'],
  'America/New_York': ['2026-03-08 05:30:00', '2026-11-01 05:15:00', '2026-11-01 06:15:00', '2028-02-28 12:00:00'],
  'Australia/Lord_Howe': ['2026-10-03 14:00:00', '2026-04-04 14:40:00', '2026-04-04 15:10:00', '2026-12-31 12:34:56'],
};
const sample = <T>(arbitrary: fc.Arbitrary<T>, count: number, seed: number): T[] => [
  ...new Set(fc.sample(arbitrary, { numRuns: count, seed })),
];

describe.skipIf(!PRESENT && process.env['REQUIRE_ALL'] !== '1')('as systemd-analyze', { timeout: 120_000 }, () => {
  for (const zone of ZONES)
    for (const [index, at] of (BASES[zone] ?? []).entries()) {
      it(`agrees on generated expressions in ${zone} from ${at}`, () => {
        const seed = ZONES.indexOf(zone) * 100 + index;
        const texts = [...sample(expression, 400, seed), ...sample(broken, 200, seed)];
        expect(texts.length).toBeGreaterThan(450);
        for (let from = 0; from < texts.length; from += BATCH) agree(texts.slice(from, from + BATCH), zone, at);
      });
    }

  const NAMED =
    `02:30|2,3:15|*:0/20|*:0/50|*:*:*|02:15,45|01:45|1..3:30|sun 02:00|sun *-*~1..7 2..3:0/15|minutely|hourly
    |daily|weekly|monthly|quarterly|semiannually|yearly|*-02-29|*-02~1|2028-02-29 12:00|*-12-31 23:59:59|*-01-01
    |mon *-01-1..7|*-*-31|*-*-29..31|2026-02-30|mon..fri 8..17,22:0/15|fri 12..13:5/20|*:30/10|sat *-1..7 15:00
    |2015-10-21|*-*-1/28|70-1-1`.split(/\s*\|/);
  for (const zone of ZONES)
    it(`agrees around every change of the clocks, end of year and leap day in ${zone}`, () => {
      const turns = [
        ...(BASES[zone] ?? []),
        '2026-12-31 23:30:00',
        '2028-02-28 22:00:00',
        '2099-12-30 00:00:00',
        '2026-10-03 15:21:00',
      ];
      for (const at of turns) agree(NAMED, zone, at);
    });
});
