import { chainProblem, chainText, fullYears, readChain, tidy, type Chain } from './component.ts';
import { CalendarError, Cursor } from './cursor.ts';
import { isZone } from './zone.ts';

/** When something happens that repeats: what each field allows. Weekdays are 0 (Monday) to 6; undefined for all. */
export interface Calendar {
  readonly weekdays: ReadonlySet<number> | undefined;
  readonly year: Chain;
  readonly month: Chain;
  readonly day: Chain;
  /** Days are counted from the end of the month, 1 being its last. */
  readonly fromEnd: boolean;
  readonly hour: Chain;
  readonly minute: Chain;
  readonly second: Chain;
  /** As written at the end; the caller's own when left out. */
  readonly zone?: string;
}

const DAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];
const SHORT = DAYS.map((name) => name.slice(0, 3));
const LIMITS = {
  year: { name: 'the year', from: 1970, to: 2199 },
  month: { name: 'the month', from: 1, to: 12 },
  day: { name: 'the day', from: 1, to: 31 },
  hour: { name: 'the hour', from: 0, to: 23 },
  minute: { name: 'the minute', from: 0, to: 59 },
  second: { name: 'the second', from: 0, to: 59 },
} as const;

const SHORTHANDS: Readonly<Record<string, string>> = {
  minutely: '*-*-* *:*:00',
  hourly: '*-*-* *:00:00',
  daily: '*-*-* 00:00:00',
  weekly: 'Mon *-*-* 00:00:00',
  monthly: '*-*-01 00:00:00',
  quarterly: '*-01,04,07,10-01 00:00:00',
  semiannually: '*-01,07-01 00:00:00',
  'semi-annually': '*-01,07-01 00:00:00',
  biannually: '*-01,07-01 00:00:00',
  'bi-annually': '*-01,07-01 00:00:00',
  yearly: '*-01-01 00:00:00',
  annually: '*-01-01 00:00:00',
  // A misspelling that systemd takes.
  anually: '*-01-01 00:00:00',
};

/** A field as it was read, and where. */
interface Field {
  readonly chain: Chain;
  readonly at: number;
}
type Fields = Readonly<Record<keyof typeof LIMITS, Field>>;

const ALL: Field = { chain: undefined, at: 0 };
const ZERO: Field = { chain: [{ start: 0, step: 0 }], at: 0 };

/**
 * Reads a calendar event such as `mon..fri 8..17:0/15` or `*-*~1 02:00 Europe/Berlin`: what `systemd-analyze calendar`
 * accepts, but for fractions of a second, `@` with a point in time, and abbreviated time zones. What Proxmox VE accepts
 * beyond that (a minute alone, a step after a star) is refused with how to write it. Errors: `CalendarError`.
 */
export function parseCalendar(text: string): Calendar {
  const { body, zone } = splitZone(text);
  const cursor = new Cursor(SHORTHANDS[body.toLowerCase()] ?? body);
  const weekdays = readWeekdays(cursor);
  const { fromEnd, ...date } = readDate(cursor);
  const fields: Fields = { ...date, ...readTime(cursor) };
  const chain = (name: keyof Fields): Chain => {
    const { chain: raw, at } = fields[name];
    const made = tidy(name === 'year' ? fullYears(raw) : raw);
    const problem = chainProblem(made, LIMITS[name], name === 'day' && fromEnd);
    if (problem !== undefined) throw new CalendarError(problem, at);
    return made;
  };
  return {
    weekdays,
    year: chain('year'),
    month: chain('month'),
    day: chain('day'),
    fromEnd: fromEnd && fields.day.chain !== undefined,
    hour: chain('hour'),
    minute: chain('minute'),
    second: chain('second'),
    ...(zone === undefined ? {} : { zone }),
  };
}

/** The calendar event as systemd writes it: every field, padded, sorted. */
export function normalise(calendar: Calendar): string {
  const { weekdays, year, month, day, fromEnd, hour, minute, second, zone } = calendar;
  const date = `${chainText(year, 4)}-${chainText(month, 2)}${fromEnd ? '~' : '-'}${chainText(day, 2)}`;
  const time = `${chainText(hour, 2)}:${chainText(minute, 2)}:${chainText(second, 2)}`;
  return [weekdays === undefined ? '' : weekdaysText(weekdays), date, time, zone ?? ''].filter(Boolean).join(' ');
}

function splitZone(text: string): { body: string; zone?: string } {
  if (/ utc$/i.test(text)) return { body: notEmpty(text.slice(0, -4)), zone: 'UTC' };
  const space = text.lastIndexOf(' ');
  const word = text.slice(space + 1);
  if (space < 0 || !/^[A-Za-z]/.test(word)) return { body: notEmpty(text) };
  if (!isZone(word))
    throw new CalendarError(`"${word}" is not a time zone; write it as Europe/Berlin or UTC`, space + 1);
  return { body: notEmpty(text.slice(0, space)), zone: word };
}

function notEmpty(text: string): string {
  if (text === '') throw new CalendarError('a calendar event is missing; write it as sat 02:00', 0);
  return text;
}

/** Leaves the cursor where it is when no weekday stands there. */
function readWeekdays(cursor: Cursor): ReadonlySet<number> | undefined {
  const days = new Set<number>();
  let from: number | undefined;
  for (let first = true; ; first = false) {
    const begin = cursor.at;
    const day = takeDay(cursor);
    if (day === undefined) {
      if (first) return undefined;
      cursor.fail('a weekday is expected here');
    }
    if (from !== undefined && from > day)
      cursor.fail(`a range of weekdays does not go over the end of the week; name them, such as sat,sun,mon`, begin);
    for (let one = from ?? day; one <= day; one++) days.add(one);
    const range = cursor.take('..') || cursor.take('-');
    if (range && from !== undefined) cursor.fail('a range has two ends', begin);
    from = range ? day : undefined;
    if (!range && !cursor.take(',') && cursor.peek() !== '' && cursor.peek() !== ' ') cursor.unexpected();
    if (cursor.peek() !== '' && cursor.peek() !== ' ') continue;
    if (range) cursor.fail('a range has two ends');
    cursor.spaces();
    return days.size === 7 ? undefined : days;
  }
}

function takeDay(cursor: Cursor): number | undefined {
  const word = /^[a-z]+/i.exec(cursor.rest())?.[0].toLowerCase();
  const day = [DAYS, SHORT]
    .map((names) => names.findIndex((name) => name.toLowerCase() === word))
    .find((at) => at >= 0);
  if (day !== undefined) cursor.skip(word?.length ?? 0);
  return day;
}

const readField = (cursor: Cursor, seconds = false): Field => {
  const { at } = cursor;
  return { at, chain: readChain(cursor, seconds) };
};

function readDate(cursor: Cursor): Pick<Fields, 'year' | 'month' | 'day'> & { readonly fromEnd: boolean } {
  const all = { year: ALL, month: ALL, day: ALL, fromEnd: false };
  if (cursor.peek() === '') return all;
  if (cursor.peek() === '@') cursor.fail('a point in time is not something that repeats; write a date');
  const first = readField(cursor);
  if (cursor.peek() === '' || cursor.peek() === ':') {
    // It was the hour.
    cursor.back(first.at);
    return all;
  }
  const early = takeDash(cursor);
  const second = readField(cursor);
  if (atEnd(cursor)) return { ...all, month: first, day: second, fromEnd: early };
  if (early) cursor.fail('"~" stands before the day only');
  const fromEnd = takeDash(cursor);
  const third = readField(cursor);
  if (!atEnd(cursor)) cursor.unexpected();
  return { year: first, month: second, day: third, fromEnd };
}

/** True for `~`, after which days are counted from the end of the month. */
function takeDash(cursor: Cursor): boolean {
  if (cursor.take('~')) return true;
  if (!cursor.take('-')) cursor.unexpected();
  return false;
}

function atEnd(cursor: Cursor): boolean {
  if (cursor.peek() !== '' && cursor.peek() !== ' ') return false;
  cursor.spaces();
  return true;
}

function readTime(cursor: Cursor): Pick<Fields, 'hour' | 'minute' | 'second'> {
  if (cursor.peek() === '') return { hour: ZERO, minute: ZERO, second: ZERO };
  const hour = readField(cursor);
  if (cursor.peek() === '')
    cursor.fail(`a time needs hours and minutes: write 22:00, or *:${cursor.from(hour.at)} for minutes of every hour`);
  if (!cursor.take(':')) cursor.unexpected();
  const minute = readField(cursor);
  if (cursor.peek() === '') return { hour, minute, second: ZERO };
  if (!cursor.take(':')) cursor.unexpected();
  const second = readField(cursor, true);
  if (cursor.peek() !== '') cursor.unexpected();
  return { hour, minute, second };
}

function weekdaysText(days: ReadonlySet<number>): string {
  const runs: number[][] = [];
  for (const day of [...days].toSorted((a, b) => a - b)) {
    const run = runs.at(-1);
    if (run?.at(-1) === day - 1) run.push(day);
    else runs.push([day]);
  }
  return runs
    .map(
      (run) =>
        `${SHORT[run[0] ?? 0]}${run.length === 1 ? '' : `${run.length > 2 ? '..' : ','}${SHORT[run.at(-1) ?? 0]}`}`,
    )
    .join(',');
}
