import type { BlackoutConfig, WindowConfig, WindowScope } from '../../kernel/config_windows.ts';
import { AgentError } from '../../kernel/errors.ts';
import { CalendarError, Zone } from '../calendar/index.ts';
import type { ChangeScope, PlannedTime, Windows, WindowState } from '../duties/seams.ts';
import { once, recurring, type Interval, type Occurrences } from './occurrences.ts';

/** What holds where no windows are configured: the night from Friday to Saturday, on the lab's clock. */
const USUAL: WindowConfig = { name: 'Saturday night', calendar: 'sat 02:00', duration: 4 * 3_600_000 };

/** Opening and closing more often than this on the way says that it never really opens. */
const MAX_STEPS = 2_000;

interface Entry {
  readonly name: string;
  readonly scope: WindowScope;
  readonly times: Occurrences;
}

export interface WindowsOptions {
  /** Undefined: the usual one. */
  readonly windows?: readonly WindowConfig[] | undefined;
  readonly blackouts?: readonly BlackoutConfig[] | undefined;
  /** IANA name of the lab's time zone. */
  readonly zone: string;
}

/** The change windows and blackouts of the configuration. */
export class ChangeWindows implements Windows {
  readonly #windows: readonly Entry[];
  readonly #blackouts: readonly Entry[];

  /** Errors: `CONFIGURATION_INVALID` with the place of the setting. */
  constructor({ windows = [USUAL], blackouts = [], zone }: WindowsOptions) {
    this.#windows = windows.map((one) => placed(one, () => recurring(one, one.duration, one.zone ?? zone)));
    this.#blackouts = blackouts.map((one) => placed(one, () => blackoutTimes(one, zone)));
  }

  check(environment: string, at: number, scope: ChangeScope = {}): WindowState {
    const mine = this.#for({ environment, ...scope });
    if (mine.windows.length === 0)
      return { open: false, why: `no change window is configured for ${subject(environment, scope)}`, next: null };
    const { blackout } = around(mine, at);
    const next = this.next(environment, at, scope);
    if (next === at) {
      const { window } = around(mine, at);
      const until = closing(mine, at);
      return {
        open: true,
        why: `the change window "${window?.name}" is open`,
        next: null,
        until,
        window: window?.name ?? '',
      };
    }
    const why =
      blackout === undefined
        ? `no change window of ${environment} is open`
        : `the blackout "${blackout.name}" holds until ${new Date(blackout.to).toISOString()}`;
    return { open: false, why, next: next ?? null };
  }

  /** The earliest time at or after `at` at which it is open; undefined when there is none. */
  next(environment: string, at: number, scope: ChangeScope = {}): number | undefined {
    const mine = this.#for({ environment, ...scope });
    let time = at;
    for (let step = 0; step < MAX_STEPS; step++) {
      const { blackout, window } = around(mine, time);
      if (blackout !== undefined) {
        time = blackout.to;
        continue;
      }
      if (window !== undefined) return time;
      const starts = mine.windows.map(({ times }) => times.next(time)).filter((start) => start !== undefined);
      if (starts.length === 0) return undefined;
      time = Math.min(...starts);
    }
    return undefined;
  }

  between(environment: string, { from, to }: Interval, most: number): PlannedTime[] {
    const mine = this.#for({ environment });
    const list = (kind: PlannedTime['kind'], entries: readonly Entry[]): PlannedTime[] =>
      entries.flatMap((entry) =>
        occurrences(entry, { from, to }, most).map((times) => ({ kind, ...shown(entry), ...times })),
      );
    const blackouts = list('blackout', mine.blackouts);
    const windows = list('window', mine.windows).map((one) => {
      const held = blackouts.filter((other) => other.from < one.to && one.from < other.to).map(({ name }) => name);
      return held.length === 0 ? one : { ...one, blackouts: [...new Set(held)] };
    });
    return [...windows, ...blackouts].toSorted((a, b) => a.from - b.from).slice(0, most);
  }

  #for(scope: ChangeScope & { readonly environment: string }): Scoped {
    const mine = ({ scope: own }: Entry): boolean => covers(own, scope);
    return { windows: this.#windows.filter(mine), blackouts: this.#blackouts.filter(mine) };
  }
}

interface Scoped {
  readonly windows: readonly Entry[];
  readonly blackouts: readonly Entry[];
}

/** What is not known of a change narrows nothing down. */
function covers(own: WindowScope, { environment, tier, category }: ChangeScope & { environment: string }): boolean {
  const fits = <T>(list: readonly T[] | undefined, value: T | undefined): boolean =>
    list === undefined || value === undefined || list.includes(value);
  return fits(own.environments, environment) && fits(own.tiers, tier) && fits<string>(own.categories, category);
}

type Around = Readonly<Record<'window' | 'blackout', (Interval & { readonly name: string }) | undefined>>;

/** What holds at a time. */
function around({ windows, blackouts }: Scoped, at: number): Around {
  const first = (entries: readonly Entry[]): Around['window'] => {
    for (const { name, times } of entries) {
      // It began after this, or it is over.
      const from = times.next(at - times.duration);
      if (from !== undefined && from <= at) return { name, from, to: from + times.duration };
    }
    return undefined;
  };
  return { window: first(windows), blackout: first(blackouts) };
}

/** When it closes that is open: windows that touch are one, and a blackout ends them. */
function closing(mine: Scoped, at: number): number {
  const starts = mine.blackouts.map(({ times }) => times.next(at)).filter((start) => start !== undefined);
  const blackout = Math.min(Infinity, ...starts);
  let until = at;
  for (let step = 0; step < MAX_STEPS && until < blackout; step++) {
    const { window } = around(mine, until);
    if (window === undefined) break;
    until = window.to;
  }
  return Math.min(until, blackout);
}

/** Those that are going on at some time of the interval, the first `most` of them. */
function occurrences({ times }: Entry, { from, to }: Interval, most: number): Interval[] {
  const out: Interval[] = [];
  for (
    let at = times.next(from - times.duration);
    at !== undefined && at < to && out.length < most;
    at = times.next(at)
  )
    out.push({ from: at, to: at + times.duration });
  return out;
}

const shown = ({ name, scope: { tiers, categories } }: Entry): Pick<PlannedTime, 'name' | 'tiers' | 'categories'> => ({
  name,
  ...(tiers === undefined ? {} : { tiers }),
  ...(categories === undefined ? {} : { categories }),
});

const subject = (environment: string, { tier, category }: ChangeScope): string =>
  [
    environment,
    ...(tier === undefined ? [] : [`tier ${tier}`]),
    ...(category === undefined ? [] : [`${category} changes`]),
  ].join(', ');

function blackoutTimes(one: BlackoutConfig, labZone: string): Occurrences {
  const { from, to, duration = 0 } = one;
  const zone = one.zone ?? labZone;
  if (from === undefined || to === undefined) return recurring(one, duration, zone);
  const where = new Zone(zone);
  const [begin, end] = [from, to].map(
    (text) => where.instantNear(Date.parse(`${text.slice(0, 10)}T${text.slice(11) || '00:00'}Z`) / 1000) * 1000,
  );
  if (begin === undefined || end === undefined || begin >= end) throw new CalendarError(`ends before it begins`, 0);
  return once({ from: begin, to: end });
}

/** Errors: `CONFIGURATION_INVALID` with the place of the field that is wrong. */
function placed(one: WindowConfig | BlackoutConfig, make: () => Occurrences): Entry {
  const { name, environments, tiers, categories, where = {} } = one;
  try {
    return { name, scope: { environments, tiers, categories }, times: make() };
  } catch (error) {
    if (!(error instanceof CalendarError)) throw error;
    const field = one.calendar !== undefined ? 'calendar' : one.rrule !== undefined ? 'rrule' : 'to';
    const at = where[field] === undefined ? '' : `${where[field]}: `;
    throw new AgentError('CONFIGURATION_INVALID', `${at}${name}: ${field}: ${error.message}`);
  }
}
