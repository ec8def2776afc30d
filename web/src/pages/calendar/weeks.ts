import type { CalendarEntry } from '../../api/types.ts';
import { toMs } from '../../parts/format.ts';

export interface Week {
  /** The Monday, as `2026-11-23`. */
  readonly monday: string;
  readonly entries: readonly CalendarEntry[];
}

const DAY_MS = 86_400_000;

/** The date on the lab's calendar, as `2026-11-23`. */
export const dayOf = (ms: number, zone: string): string =>
  new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(ms);

/** Entries by the week in which they begin (what began before `from` is in the first), on the lab's clock; weeks without any are left out. */
export function weeksOf(entries: readonly CalendarEntry[], from: number, zone: string): Week[] {
  const weeks = new Map<string, CalendarEntry[]>();
  for (const entry of entries) {
    const day = Date.parse(`${dayOf(Math.max(toMs(entry.from) ?? from, from), zone)}T00:00:00Z`);
    const sinceMonday = (new Date(day).getUTCDay() + 6) % 7;
    const monday = new Date(day - sinceMonday * DAY_MS).toISOString().slice(0, 10);
    weeks.set(monday, [...(weeks.get(monday) ?? []), entry]);
  }
  return [...weeks]
    .map(([monday, of]) => ({ monday, entries: of }))
    .toSorted((a, b) => a.monday.localeCompare(b.monday));
}
