import { createRequire } from 'node:module';
import type * as Rules from 'rrule-temporal';
import type { WindowConfig } from '../../kernel/config_windows.ts';
import { CalendarError, nextElapses, parseCalendar, Zone } from '../calendar/index.ts';

/** Loaded by the first rule: most labs have none, and it is megabytes of memory. */
const load = createRequire(import.meta.url);

/** Milliseconds since the epoch; the end is the first moment that is outside. */
export interface Interval {
  readonly from: number;
  readonly to: number;
}

/** When something happens again and again. */
export interface Occurrences {
  /** Milliseconds that each lasts, as time goes by: a change of the clocks makes it neither longer nor shorter. */
  readonly duration: number;
  /** The first start after a time; undefined when there is none. Whatever it is asked from, it names the same starts. */
  next(after: number): number | undefined;
}

/** Longer than any hour that is shown twice. */
const TWICE_MS = 3 * 3_600_000;
/** A rule that says no `start` counts from here. */
const EPOCH = '1970-01-01';

/** One that happens once. */
export const once = ({ from, to }: Interval): Occurrences => ({
  duration: to - from,
  next: (after) => (from > after ? from : undefined),
});

/** Errors: `CalendarError`, its words saying what is wrong with the calendar event or the rule. */
export function recurring(
  { calendar, rrule = '', start = EPOCH }: Pick<WindowConfig, 'calendar' | 'rrule' | 'start'>,
  duration: number,
  zone: string,
): Occurrences {
  return { duration, next: calendar === undefined ? byRule(rrule, start, zone) : byCalendar(calendar, zone) };
}

/**
 * Of an hour that is shown twice a calendar event names the one that it comes to, so it is asked from before that hour:
 * the starts then do not depend on when somebody asks.
 */
function byCalendar(text: string, zone: string): Occurrences['next'] {
  const calendar = parseCalendar(text);
  const elapses = nextElapses();
  const where = new Zone(calendar.zone ?? zone);
  return (after) => {
    const back = where.offset((after - TWICE_MS) / 1000) > where.offset(after / 1000);
    let at = elapses(calendar, back ? after - TWICE_MS : after, zone);
    while (at !== undefined && at <= after) at = elapses(calendar, at, zone);
    return at;
  };
}

/** The rule names times on the wall; one that the clocks leave out does not happen, of two it is the first. */
function byRule(text: string, start: string, zone: string): Occurrences['next'] {
  const rule = ruleOf(text, start);
  const where = new Zone(zone);
  return (after) => {
    // What the wall shows, as if it were UTC. From a day before, where no hour is near that is shown twice.
    let wall = after + where.offset(after / 1000) * 1000 - 8 * TWICE_MS;
    for (;;) {
      const next = wallAfter(rule, wall);
      if (next === undefined) return undefined;
      wall = next;
      const at = where.instant(wall / 1000);
      if (at !== undefined && at * 1000 > after) return at * 1000;
    }
  };
}

function wallAfter(rule: Rules.RRuleTemporal, wall: number): number | undefined {
  try {
    return rule.next(new Date(wall))?.epochMilliseconds;
  } catch {
    // It gives up on what never comes, such as the 30th of February.
    return undefined;
  }
}

const numbers = (least: number, most: number, signed = false) => {
  return (value: string): boolean =>
    value.split(',').every((one) => {
      const number = Number(one);
      return (signed ? /^-?\d+$/ : /^\d+$/).test(one) && Math.abs(number) >= least && Math.abs(number) <= most;
    });
};
const PARTS: Readonly<Record<string, (value: string) => boolean>> = {
  FREQ: (value) => /^(HOURLY|DAILY|WEEKLY|MONTHLY|YEARLY)$/.test(value),
  INTERVAL: numbers(1, 1000),
  COUNT: numbers(1, 100_000),
  UNTIL: (value) => /^\d{8}(T\d{6}Z?)?$/.test(value),
  WKST: (value) => /^(MO|TU|WE|TH|FR|SA|SU)$/.test(value),
  BYDAY: (value) => /^([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)(,([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU))*$/.test(value),
  BYMONTH: numbers(1, 12),
  BYMONTHDAY: numbers(1, 31, true),
  BYYEARDAY: numbers(1, 366, true),
  BYWEEKNO: numbers(1, 53, true),
  BYSETPOS: numbers(1, 366, true),
  BYHOUR: numbers(0, 23),
  BYMINUTE: numbers(0, 59),
  BYSECOND: numbers(0, 59),
};

/** The library passes over parts that it does not know or that are out of range. */
function ruleOf(text: string, start: string): Rules.RRuleTemporal {
  for (const part of text.split(';')) {
    const [, name = '', value = ''] = /^([A-Z]+)=(.*)$/.exec(part) ?? [];
    const fits = Object.hasOwn(PARTS, name) ? PARTS[name] : undefined;
    const at = text.indexOf(part);
    if (fits === undefined)
      throw new CalendarError(
        `"${part}" is no part of a recurrence rule; write it as FREQ=WEEKLY;BYDAY=SA;BYHOUR=2`,
        at,
      );
    if (!fits(value)) throw new CalendarError(`${name} cannot be ${value === '' ? 'empty' : value}`, at);
  }
  const day = start.slice(0, 10).replaceAll('-', '');
  const time = (start.slice(11) || '00:00').replaceAll(':', '').padEnd(6, '0');
  const { RRuleTemporal } = load('rrule-temporal') as typeof Rules;
  try {
    return new RRuleTemporal({ rruleString: `DTSTART:${day}T${time}Z\nRRULE:${text}`, strict: true, cache: false });
  } catch (error) {
    throw new CalendarError(`is no recurrence rule: ${(error as Error).message}`, 0);
  }
}
