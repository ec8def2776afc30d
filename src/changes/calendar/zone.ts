const DAY = 86_400;
/** No zone changes its clocks twice within a week and back. */
const SAMPLE = 7 * DAY;

/** Seconds since the epoch. */
export type Seconds = number;

/** What a clock on the wall shows. The month counts from 0. */
export interface WallTime {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
}

/** Whether a name is a time zone, written as the database of time zones writes it: `UTC` or `Area/Place`. */
export function isZone(name: string): boolean {
  if (name === 'UTC') return true;
  if (!/^[A-Z][A-Za-z]*(\/[A-Z][\w+-]*)+$/.test(name)) return false;
  try {
    const { timeZone } = Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions();
    return timeZone === name || timeZone.toLowerCase() !== name.toLowerCase();
  } catch {
    return false;
  }
}

/** A time zone: how far its clocks are from UTC, and back. */
export class Zone {
  readonly #format: Intl.DateTimeFormat;
  /** By UTC year, from when on which offset holds. */
  readonly #years = new Map<number, { readonly from: Seconds; readonly offset: number }[]>();

  constructor(name: string) {
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  }

  /** How many seconds the clocks are ahead of UTC. */
  offset(at: Seconds): number {
    const year = new Date(at * 1000).getUTCFullYear();
    let spans = this.#years.get(year);
    if (spans === undefined) this.#years.set(year, (spans = this.#read(year)));
    return spans.findLast(({ from }) => from <= at)?.offset ?? 0;
  }

  wall(at: Seconds): WallTime {
    return wallTime(at + this.offset(at));
  }

  /** When the clocks show a wall time (its seconds as if it were UTC) first; undefined when they leave it out. */
  instant(civilSeconds: number): Seconds | undefined {
    // The offsets of a day before and after are those around a change of the clocks.
    const offsets = [this.offset(civilSeconds - DAY), this.offset(civilSeconds + DAY)];
    const found = offsets.map((offset) => civilSeconds - offset).filter((at) => at + this.offset(at) === civilSeconds);
    return found.length === 0 ? undefined : Math.min(...found);
  }

  /** As `instant`, and when the clocks leave the time out, the moment at which they are changed. */
  instantNear(civilSeconds: number): Seconds {
    const exact = this.instant(civilSeconds);
    if (exact !== undefined) return exact;
    let [low, high] = [civilSeconds - 2 * DAY, civilSeconds + 2 * DAY];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (middle + this.offset(middle) < civilSeconds) low = middle;
      else high = middle;
    }
    return high;
  }

  #read(year: number): { from: Seconds; offset: number }[] {
    const [begin, end] = [Date.UTC(year, 0) / 1000, Date.UTC(year + 1, 0) / 1000];
    const spans = [{ from: begin, offset: this.#ask(begin) }];
    for (let at = begin; at < end; at += SAMPLE) {
      const next = Math.min(at + SAMPLE, end);
      const [before, after] = [spans.at(-1)?.offset ?? 0, this.#ask(next)];
      if (before === after) continue;
      let [low, high] = [at, next];
      while (high - low > 1) {
        const middle = Math.floor((low + high) / 2);
        if (this.#ask(middle) === before) low = middle;
        else high = middle;
      }
      spans.push({ from: high, offset: after });
    }
    return spans;
  }

  #ask(at: Seconds): number {
    const parts = new Map<string, string>();
    for (const { type, value } of this.#format.formatToParts(at * 1000)) parts.set(type, value);
    const part = (type: string): number => Number(parts.get(type));
    const shown = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
    return shown / 1000 - at;
  }
}

/** Seconds of a wall time as if it were UTC; days and hours beyond their month and day are carried over. */
export const civil = ({ year, month, day, hour, minute, second }: WallTime): number =>
  Date.UTC(year, month, day, hour, minute, Math.floor(second)) / 1000;

export function wallTime(seconds: number): WallTime {
  const date = new Date(seconds * 1000);
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth(),
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
  };
}
