import type { Operation } from '../../api/types.ts';
import { oneLine } from '../../parts/format.ts';

/** What the actions answered, by name, such as the number and the addresses of a new guest; nothing is left out. */
export const resultsOf = (results: Operation['results']): (readonly [name: string, value: string])[] =>
  Object.values(results ?? {}).flatMap((result) =>
    typeof result === 'object' && result !== null
      ? Object.entries(result).map(([name, value]) => [name, valueText(value)] as const)
      : [],
  );

const valueText = (value: unknown): string =>
  Array.isArray(value) ? (value.length === 0 ? 'none' : value.map(entryText).join(', ')) : oneLine(value);

/** An address as it is written elsewhere: `10.0.0.5/24 (eth0)`. */
function entryText(entry: unknown): string {
  const { address, prefix, interface: at, ...rest } = (entry ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof address !== 'string' || Object.keys(rest).length > 0) return oneLine(entry);
  return `${address}${prefix === undefined ? '' : `/${oneLine(prefix)}`}${at === undefined ? '' : ` (${oneLine(at)})`}`;
}
