import { nextIn, type Chain } from './component.ts';
import type { Calendar } from './parse.ts';
import { civil, wallTime, Zone, type Seconds, type WallTime } from './zone.ts';

/** systemd looks no further, so what never comes ends the search. */
const LAST_YEAR = 2199;
const MAX_ROUNDS = 1000;

const zones = (): ((name: string) => Zone) => {
  const known = new Map<string, Zone>();
  return (name) => {
    let zone = known.get(name);
    if (zone === undefined) known.set(name, (zone = new Zone(name)));
    return zone;
  };
};

/** Answers the next time of calendar events; keeps what it has read of time zones. */
export type NextElapse = (calendar: Calendar, after: number, zone: string) => number | undefined;

/**
 * Makes a function that answers the first time after `after` (both in milliseconds since the epoch) that a calendar event
 * names, or undefined when there is none before 2200. `zone` holds where the event names none. Times that a change of
 * the clocks leaves out do not happen; of a time that comes twice it is the one that fits the clock as it was set before.
 */
export function nextElapses(): NextElapse {
  const zoneOf = zones();
  return (calendar, after, zone) => {
    const where = zoneOf(calendar.zone ?? zone);
    const strict = new Search(calendar, where, true).from(after);
    // Where systemd runs in a circle and gives up, there is an answer all the same.
    const found = strict === 'circle' ? new Search(calendar, where, false).from(after) : strict;
    return found === 'circle' || found === undefined ? undefined : found * 1000;
  };
}

type Step = 'fits' | 'again' | 'over';

/** One look for the next time, field by field from the year on, as systemd 252 does it. */
class Search {
  readonly #calendar: Calendar;
  readonly #zone: Zone;
  /** The offset that the last wall time was read with; of two that fit it is taken again. */
  #offset = 0;
  #at: WallTime = wallTime(0);
  /** Summer or winter time as it is where a value was carried to; systemd reads the next round's first time with it. */
  #kept: number | undefined;
  readonly #keeps: boolean;

  constructor(calendar: Calendar, zone: Zone, keeps: boolean) {
    this.#calendar = calendar;
    this.#zone = zone;
    this.#keeps = keeps;
  }

  from(after: number): Seconds | 'circle' | undefined {
    const start = Math.floor(after / 1000);
    this.#offset = this.#zone.offset(start);
    this.#at = this.#zone.wall(start);
    // Between this second and the next one.
    this.#at.second += 0.5;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      if (round > 0) this.#carry();
      const step = this.#round();
      if (step === 'fits') return this.#after(start);
      if (step === 'over') return undefined;
    }
    return 'circle';
  }

  /** When the wall time that was found is. Of two, never one that has been. */
  #after(start: Seconds): Seconds | 'circle' {
    const found = this.#instant(this.#at);
    if (found > start) return found;
    this.#offset = this.#zone.offset(start);
    const other = this.#instant(this.#at);
    return other > start ? other : 'circle';
  }

  /** `over`: there is none. `again`: some field had to change, and those above it may not fit any more. */
  #round(): Step {
    const { year, month, day, hour, minute, second, fromEnd } = this.#calendar;
    const at = this.#at;
    const years = this.#move('year', nextIn(year, at.year));
    if (years !== 'fits') return 'over';
    const months = nextIn(month, at.month + 1);
    let step = this.#move('month', months === undefined ? undefined : months - 1);
    if (step === 'fits') step = this.#move('day', nextIn(day, at.day, fromEnd ? this.#fromEnd : undefined));
    if (step === 'fits') step = this.#weekday();
    if (step === 'fits') step = this.#move('hour', nextIn(hour, at.hour));
    if (step === 'fits') step = this.#move('minute', nextIn(minute, at.minute));
    if (step === 'fits') step = this.#move('second', nextIn(second ?? EVERY, at.second));
    return step;
  }

  /** Sets a field; where it can have no value, the one above goes on by one. */
  #move(field: keyof WallTime, value: number | undefined): Step {
    if (value !== undefined) {
      if (value !== this.#at[field]) this.#set(field, value);
      const within = this.#settle();
      if (within !== 'over') return within;
    }
    if (field === 'year') return 'over';
    const above = FIELDS[FIELDS.indexOf(field) - 1] as keyof WallTime;
    this.#set(above, this.#at[above] + 1);
    return 'again';
  }

  #set(field: keyof WallTime, value: number): void {
    this.#at[field] = value;
    for (const below of FIELDS.slice(FIELDS.indexOf(field) + 1)) this.#at[below] = FIRST[below];
  }

  /**
   * Whether the wall time exists. One that the clocks leave out becomes the time that they show then, and a value that
   * its field does not go to is carried over, as the 30th of February to the 1st of March. (Over the end of the year the
   * day is kept, and so `*-*-1/28` misses a 1st of January: systemd does.)
   */
  #settle(): Step {
    if (this.#at.year > LAST_YEAR) return 'over';
    const at = this.#instant(this.#at);
    const shown = this.#zone.wall(at);
    const carried = FIELDS.findIndex((one) => shown[one] !== Math.floor(this.#at[one]));
    if (carried < 0) return 'fits';
    if (this.#keeps) this.#kept = this.#zone.offset(at);
    this.#assign(shown);
    const below = FIELDS[carried + 1];
    if (below !== undefined) this.#at[below] = FIRST[below];
    return 'again';
  }

  #weekday(): Step {
    const { weekdays } = this.#calendar;
    if (weekdays === undefined) return 'fits';
    const shown = this.#zone.wall(this.#instant(this.#at));
    const weekday = (new Date(civil(shown) * 1000).getUTCDay() + 6) % 7;
    if (weekdays.has(weekday)) return 'fits';
    this.#set('day', this.#at.day + 1);
    return 'again';
  }

  /** The day of this month that is the `count`th from its end. */
  readonly #fromEnd = (count: number): number | undefined => {
    const { month, day } = this.#zone.wall(this.#instant({ ...this.#at, month: this.#at.month + 1, day: 1 - count }));
    return month === this.#at.month ? day : undefined;
  };

  #carry(): void {
    const { second } = this.#at;
    const shown = civil(this.#at);
    // The season decides nothing about a time that there is in none.
    const kept = this.#zone.instant(shown) === undefined ? undefined : this.#kept;
    const at = kept === undefined ? this.#instant(this.#at) : shown - kept;
    this.#offset = kept ?? this.#offset;
    this.#kept = undefined;
    this.#assign(this.#zone.wall(at));
    this.#at.second += second - Math.floor(second);
  }

  #assign(wall: WallTime): void {
    Object.assign(this.#at, wall);
  }

  /** When the clocks show a wall time. One that they leave out counts by the clock before the change. */
  #instant(wall: WallTime): Seconds {
    const shown = civil(wall);
    let before = this.#offset;
    let offset = this.#zone.offset(shown - before);
    // Two offsets that lead to each other are those around a time that does not exist.
    for (let round = 0; round < 3 && offset !== before; round++)
      [before, offset] = [offset, this.#zone.offset(shown - offset)];
    this.#offset = Math.min(before, offset);
    return shown - this.#offset;
  }
}

/** Unlike other fields one that may begin between two values. */
const EVERY: Chain = [{ start: 0, step: 1 }];
const FIELDS = ['year', 'month', 'day', 'hour', 'minute', 'second'] as const;
const FIRST: Readonly<WallTime> = { year: 1970, month: 0, day: 1, hour: 0, minute: 0, second: 0 };
