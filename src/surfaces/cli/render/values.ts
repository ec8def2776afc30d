/** A value of a plan or of PVE on one line. */
export function show(value: unknown): string {
  if (value === null || value === undefined) return '(none)';
  if (typeof value === 'string') return value === '' ? '""' : value.replaceAll('\n', '\\n');
  if (typeof value !== 'object') return JSON.stringify(value);
  if ('$secret' in value) return '[secret]';
  if ('$runtime' in value) return `<${String(value.$runtime)}>`;
  if (Array.isArray(value) && value.length === 0) return '(none)';
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object')) return value.join(', ');
  return JSON.stringify(value);
}

/** The same in a table, where nothing is an empty place. */
export const cell = (value: unknown): string =>
  value === undefined || value === null || value === '' ? '' : show(value);

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** Bytes as people say them: `7.6 GiB`. */
export function bytes(value: number | undefined): string {
  if (value === undefined) return '';
  const power = value < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(value) / 10));
  const scaled = value / 1024 ** power;
  return `${power === 0 || scaled >= 100 ? Math.round(scaled) : scaled.toFixed(1)} ${UNITS[power]}`;
}

/** Seconds as the two largest units: `2 h 5 min`, `42 s`. */
export function duration(seconds: number | undefined): string {
  if (seconds === undefined) return '';
  const whole = Math.max(0, Math.round(seconds));
  const parts = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'min'],
    [whole % 60, 's'],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  if (first < 0) return '0 s';
  const shown = parts.slice(first, first + 2).filter(([count]) => count > 0);
  return shown.map(([count, unit]) => `${count} ${unit}`).join(' ');
}

export const percent = (share: number | undefined): string =>
  share === undefined ? '' : `${Math.round(share * 100)}%`;

/** Milliseconds since the epoch, or RFC 3339 text, as UTC to the second. */
export function instant(value: number | string | null | undefined): string {
  if (value === null || value === undefined) return '';
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? String(value) : `${date.toISOString().slice(0, 19).replace('T', ' ')}Z`;
}

export const millis = (value: number | string): number => new Date(value).getTime();

/** A person, token or program: `ada (human)`. */
export function who(actor: unknown): string {
  if (typeof actor === 'string') return actor;
  const { name, id, class: kind } = (actor ?? {}) as { name?: string; id?: string; class?: string };
  return `${name ?? id ?? 'unknown'}${kind === undefined ? '' : ` (${kind})`}`;
}

export const count = (number: number, one: string, many = `${one}s`): string =>
  `${number} ${number === 1 ? one : many}`;
