import { z } from 'zod';
import { checkTimeZone } from './config_services.ts';
import type { YamlSource } from './yaml_source.ts';

export const CATEGORIES = ['standard', 'normal', 'emergency'] as const;

/** Which changes something is for; all where a list is left out. */
export interface WindowScope {
  readonly environments?: readonly string[] | undefined;
  /** 1 critical, 2 important, 3 standard; 0 for what carries no service. */
  readonly tiers?: readonly number[] | undefined;
  readonly categories?: readonly (typeof CATEGORIES)[number][] | undefined;
}

interface Placed {
  /** Field to `FILE:LINE:COLUMN`, for what is found to be wrong with it later. */
  readonly where?: Readonly<Record<string, string>>;
}

/** A change window that opens again and again: by a calendar event or a recurrence rule. */
export interface WindowConfig extends WindowScope, Placed {
  readonly name: string;
  readonly calendar?: string | undefined;
  /** RFC 5545, such as `FREQ=MONTHLY;BYDAY=2SA;BYHOUR=2`. */
  readonly rrule?: string | undefined;
  /** Wall time from which a recurrence rule counts. */
  readonly start?: string | undefined;
  /** Milliseconds. */
  readonly duration: number;
  /** IANA name; the lab's when left out. */
  readonly zone?: string | undefined;
}

/** Times without changes: recurring ones, or one from a wall time to another. */
export interface BlackoutConfig extends Omit<WindowConfig, 'duration'> {
  readonly duration?: number | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };
const DAY_MS = 86_400_000;
const duration = (most: number) =>
  z
    .string('must be such as 4h, 90m or 1d12h')
    .regex(/^(\d{1,4}[mhd])+$/, 'must be such as 4h, 90m or 1d12h')
    .transform((text) =>
      [...text.matchAll(/(\d+)([mhd])/g)].reduce((sum, [, n, unit = 'm']) => sum + Number(n) * (UNITS[unit] ?? 0), 0),
    )
    .refine((ms) => ms > 0 && ms <= most * DAY_MS, `must be longer than nothing and at most ${most}d`);
const wallTime = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2})?)?$/, 'must be such as 2026-12-20 or 2026-12-20T18:00')
  .refine((text) => !Number.isNaN(Date.parse(`${text.slice(0, 10)}T${text.slice(11) || '00:00'}Z`)), 'is no such date');

const common = {
  name: z.string().trim().min(1).max(64),
  environments: z.array(z.string()).min(1).optional(),
  tiers: z
    .array(z.literal([0, 1, 2, 3], 'must be 0, 1, 2 or 3'))
    .min(1)
    .optional(),
  categories: z
    .array(z.enum(CATEGORIES, `must be ${CATEGORIES.join(', ')}`))
    .min(1)
    .optional(),
  calendar: z.string().optional(),
  rrule: z.string().optional(),
  start: wallTime.optional(),
  zone: z.string().optional(),
};
export const windowsSchema = z.array(
  z.strictObject({ ...common, duration: duration(31) }).superRefine(({ calendar, rrule, start }, context) => {
    if ((calendar === undefined) === (rrule === undefined)) context.addIssue('needs either calendar or rrule');
    if (start !== undefined && rrule === undefined) context.addIssue('start is for rrule only');
  }),
);
export const blackoutsSchema = z.array(
  z
    .strictObject({ ...common, duration: duration(366).optional(), from: wallTime.optional(), to: wallTime.optional() })
    .superRefine(({ calendar, rrule, start, duration: long, from, to }, context) => {
      const once = from !== undefined || to !== undefined;
      const kinds = [calendar, rrule, once ? 'once' : undefined].filter((one) => one !== undefined).length;
      if (kinds !== 1) context.addIssue('needs one of calendar, rrule, or from and to');
      else if (once && (from === undefined || to === undefined || long !== undefined))
        context.addIssue('from goes with to, and with no duration');
      else if (!once && long === undefined) context.addIssue('needs a duration');
      if (start !== undefined && rrule === undefined) context.addIssue('start is for rrule only');
    }),
);

type Entry = z.output<typeof blackoutsSchema>[number];

export interface Places {
  at(...path: (string | number)[]): string;
  /** The entries of a list, each with where its fields stand. */
  entries<T extends object>(list: string, entries: readonly T[]): (T & Placed)[];
}

/** Where settings stand in a configuration file. */
export function placedIn(path: string, source: YamlSource | undefined): Places {
  const at = (...where: (string | number)[]): string => {
    const { line, column } = source?.place(source.offset(where)) ?? { line: 1, column: 1 };
    return `${path}:${line}:${column}`;
  };
  const entries = <T extends object>(list: string, all: readonly T[]): (T & Placed)[] =>
    all.map((entry, index) => ({
      ...entry,
      where: Object.fromEntries(Object.keys(entry).map((field) => [field, at(list, index, field)])),
    }));
  return { at, entries };
}

/** What is wrong with windows and blackouts beside the rest of the configuration; undefined when nothing is. */
export function checkWindows(
  lists: { readonly windows: readonly Partial<Entry>[]; readonly blackouts: readonly Partial<Entry>[] },
  environments: readonly string[],
  places: Places,
): string | undefined {
  for (const [list, entries] of Object.entries(lists)) {
    const names = new Set<string>();
    for (const [index, { name = '', environments: own = [], zone }] of entries.entries()) {
      if (names.has(name)) return `${places.at(list, index, 'name')}: two ${list} are named ${name}.`;
      names.add(name);
      const stray = own.findIndex((one) => !environments.includes(one));
      if (stray >= 0)
        return `${places.at(list, index, 'environments', stray)}: there is no environment ${own[stray]}; configured: ${environments.join(', ')}.`;
      const bad = checkTimeZone(zone);
      if (bad !== undefined) return `${places.at(list, index, 'zone')}: ${bad.replace('time_zone', 'zone')}`;
    }
  }
  return undefined;
}
