const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** The 29th of February may be eight years away. */
const HORIZON_DAYS = 366 * 8;

const NAMED: Readonly<Record<string, string>> = {
  minutely: '*:*',
  hourly: '*:00',
  daily: '00:00',
  weekly: 'mon 00:00',
  monthly: '*-*-01 00:00',
  yearly: '*-01-01 00:00',
  annually: '*-01-01 00:00',
  quarterly: '*-1,4,7,10-01 00:00',
  semiannually: '*-1,7-01 00:00',
  'semi-annually': '*-1,7-01 00:00',
};

/** When something happens that a calendar event describes; sets of what fits. */
export interface CalendarEvent {
  readonly weekdays: ReadonlySet<number>;
  readonly years: ReadonlySet<number> | undefined;
  readonly months: ReadonlySet<number>;
  readonly days: ReadonlySet<number>;
  readonly hours: readonly number[];
  readonly minutes: readonly number[];
}

const range = (from: number, to: number, step = 1): number[] => {
  const out: number[] = [];
  for (let n = from; n <= to; n += step) out.push(n);
  return out;
};

/** All (a star), with a step after a slash, `2..5`, or several by commas; undefined when it does not fit into the limits. */
function numbers(text: string, low: number, high: number): number[] | undefined {
  const out = new Set<number>();
  for (const part of text.split(',')) {
    const found = /^(\*|\d+)(?:\.\.(\d+))?(?:\/(\d+))?$/.exec(part);
    if (found === null) return undefined;
    const [, start = '', end, step] = found;
    const from = start === '*' ? low : Number(start);
    const open = start === '*' || (step !== undefined && end === undefined);
    const to = end === undefined ? (open ? high : from) : Number(end);
    if (from < low || to > high || from > to || Number(step ?? 1) < 1) return undefined;
    for (const n of range(from, to, Number(step ?? 1))) out.add(n);
  }
  return [...out].toSorted((a, b) => a - b);
}

const dayNumber = (name: string): number => DAYS.indexOf(name.slice(0, 3).toLowerCase());

function weekdaysOf(text: string): Set<number> | undefined {
  const out = new Set<number>();
  for (const part of text.split(',')) {
    const [from = '', to = from, ...more] = part.split('..');
    const [first, last] = [dayNumber(from), dayNumber(to)];
    if (first < 0 || last < 0 || more.length > 0) return undefined;
    for (let day = first; ; day = (day + 1) % 7) {
      out.add(day);
      if (day === last) break;
    }
  }
  return out;
}

/** Undefined for what is no calendar event. */
export function parseCalendar(text: string): CalendarEvent | undefined {
  const name = text.trim().toLowerCase();
  const words = (Object.hasOwn(NAMED, name) ? (NAMED[name] ?? '') : text).trim().split(/\s+/);
  const days = /^[a-z]/i.test(words[0] ?? '') ? weekdaysOf(words.shift() ?? '') : new Set(range(0, 6));
  const date = /-/.test(words[0] ?? '') ? (words.shift() ?? '') : '*-*';
  const time = words.shift() ?? '00:00';
  if (days === undefined || words.length > 0) return undefined;
  const [day = '*', month = '*', year = '*'] = date.split('-').toReversed();
  // Seconds may be written, but nothing runs that precisely.
  const [hour, minute, second = '0', ...more] = time.includes(':') ? time.split(':') : ['*', time];
  if (more.length > 0 || numbers(second, 0, 59) === undefined) return undefined;
  const months = numbers(month, 1, 12);
  const monthDays = numbers(day, 1, 31);
  const hours = numbers(hour ?? '', 0, 23);
  const minutes = numbers(minute ?? '', 0, 59);
  const years = year === '*' ? undefined : numbers(year, 1970, 2200);
  if (months === undefined || monthDays === undefined || hours === undefined || minutes === undefined) return undefined;
  if (year !== '*' && years === undefined) return undefined;
  return {
    weekdays: days,
    years: years === undefined ? undefined : new Set(years),
    months: new Set(months),
    days: new Set(monthDays),
    hours,
    minutes,
  };
}

const fitsDay = ({ weekdays, years, months, days }: CalendarEvent, date: Date): boolean =>
  weekdays.has(date.getUTCDay()) &&
  months.has(date.getUTCMonth() + 1) &&
  days.has(date.getUTCDate()) &&
  (years === undefined || years.has(date.getUTCFullYear()));

/** The next time after `now` (ms), in seconds; undefined when there is none in the coming years. */
export function nextTime(event: CalendarEvent, now: number): number | undefined {
  const first = (Math.floor(now / MINUTE_MS) + 1) * MINUTE_MS;
  for (let n = 0; n < HORIZON_DAYS; n++) {
    const midnight = Math.floor(first / DAY_MS) * DAY_MS + n * DAY_MS;
    if (!fitsDay(event, new Date(midnight))) continue;
    for (const hour of event.hours) {
      for (const minute of event.minutes) {
        const at = midnight + (hour * 60 + minute) * MINUTE_MS;
        if (at >= first) return at / 1000;
      }
    }
  }
  return undefined;
}
