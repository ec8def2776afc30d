import type { Instant } from '../api/types.ts';

/** Milliseconds since the epoch, or undefined for what is no time. */
export function toMs(at: Instant | null | undefined): number | undefined {
  if (at === null || at === undefined) return undefined;
  const ms = typeof at === 'number' ? at : Date.parse(at);
  return Number.isFinite(ms) ? ms : undefined;
}

/** `Sat 21 Nov 02:00` on the clock of a time zone; the browser's own when left out. */
export function moment(at: Instant, zone?: string): string {
  const ms = toMs(at);
  if (ms === undefined) return '';
  const parts = new Intl.DateTimeFormat('en-GB', {
    ...(zone === undefined ? {} : { timeZone: zone }),
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
  }).formatToParts(ms);
  const part = (type: string): string => parts.find((one) => one.type === type)?.value ?? '';
  return `${part('weekday')} ${part('day')} ${part('month')} ${part('hour')}:${part('minute')}`;
}

const STEPS: readonly (readonly [seconds: number, name: string])[] = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
];

/** A length of time in its two largest units: `1 h 5 min`, `42 s`. */
export function duration(seconds: number): string {
  let rest = Math.max(0, Math.round(seconds));
  if (rest < 1) return seconds > 0 ? 'under 1 s' : '0 s';
  const parts: string[] = [];
  for (const [size, name] of STEPS) {
    const count = Math.floor(rest / size);
    if (count === 0) {
      // `1 h 3 s` would claim a precision that nobody asked for.
      if (parts.length > 0) break;
      continue;
    }
    parts.push(`${count} ${name}`);
    rest -= count * size;
    if (parts.length === 2) break;
  }
  return parts.join(' ');
}

/** `3 min ago`, `in 12 min`, `now`. */
export function relative(at: number, now: number): string {
  const seconds = Math.round((at - now) / 1000);
  if (Math.abs(seconds) < 5) return 'now';
  const [size, name] = STEPS.find(([size]) => Math.abs(seconds) >= size) ?? [1, 's'];
  const text = `${Math.floor(Math.abs(seconds) / size)} ${name}`;
  return seconds < 0 ? `${text} ago` : `in ${text}`;
}

/** Bytes as PVE's own page shows them, in powers of 1024. */
export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  const power = count < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(count) / 10));
  const value = count / 1024 ** power;
  return `${value >= 100 || power === 0 ? Math.round(value) : value.toFixed(1).replace(/\.0$/, '')} ${units[power]}`;
}

export const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** `a;b`, `a,b` or `a b` as PVE writes tags. */
export const tagsOf = (tags: string | undefined): string[] => (tags ?? '').split(/[;, ]+/).filter((tag) => tag !== '');

/** Any value on one line, as a person would write it. */
export function oneLine(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  return JSON.stringify(value) ?? '';
}

/** `1 guest`, `3 guests`. */
export const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;

/** `needs_attention` as words. */
export const words = (name: string): string => name.replaceAll('_', ' ');

/** Names of people and programs, from either form that the API uses. */
export function nameOf(who: unknown): string {
  if (typeof who === 'string') return who;
  if (who === null || typeof who !== 'object') return 'unknown';
  const { name, id } = who as { name?: unknown; id?: unknown };
  return oneLine(name ?? id ?? 'unknown');
}
