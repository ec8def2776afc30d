import type { Cursor } from './cursor.ts';

/** One entry of a comma-separated list: a number, a range, or either with a repetition. */
export interface Component {
  readonly start: number;
  /** The last value of a range; undefined for none. */
  readonly stop?: number;
  /** 0 for none. */
  readonly step: number;
}

/** What a field of a calendar event allows; undefined for everything (`*`). */
export type Chain = readonly Component[] | undefined;

export interface Limits {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** systemd reads no longer list. */
const MAX_ENTRIES = 241;
const END = new Set(['', ' ', ',', '-', '~', ':']);

/** Reads a field. `*` alone stands for everything; in a list or with a repetition it is refused, as systemd refuses it. */
export function readChain(cursor: Cursor, seconds = false): Chain {
  if (cursor.take('*')) {
    if (cursor.peek() === '/')
      cursor.fail(
        'a repetition needs a number to begin with: write 0/15 (or 1/2 for a month or a day) instead of */15',
      );
    return undefined;
  }
  const out: Component[] = [];
  do {
    out.push(readComponent(cursor, seconds));
    if (out.length > MAX_ENTRIES) cursor.fail(`a list has at most ${MAX_ENTRIES} entries`);
  } while (cursor.take(','));
  return out;
}

function readComponent(cursor: Cursor, seconds: boolean): Component {
  const { at } = cursor;
  const start = cursor.number();
  const stop = cursor.take('..') ? cursor.number() : undefined;
  let step = stop === undefined ? 0 : 1;
  if (cursor.take('/')) {
    const at = cursor.at;
    step = cursor.number();
    if (step === 0) cursor.fail('a repetition of 0 never ends', at);
  } else if (seconds && stop !== undefined && stop <= start) cursor.fail('a range of seconds has at least two', at);
  if (!END.has(cursor.peek())) cursor.unexpected();
  return stop === undefined ? { start, step } : { start, stop, step };
}

/** A range ends where its last repetition is, equal entries count once, and what repeats nothing is a single number. */
export function tidy(entries: Chain): Chain {
  if (entries === undefined) return undefined;
  const tidied = entries.map(({ start, stop, step }): Component => {
    if (stop === undefined) return { start, step };
    const last = stop > start ? stop - ((stop - start) % step) : stop;
    return last === start ? { start, step: 0 } : { start, stop: last, step };
  });
  const compare = (a: Component, b: Component): number =>
    a.start - b.start || (a.stop ?? -1) - (b.stop ?? -1) || a.step - b.step;
  const sorted = tidied.toSorted(compare);
  return sorted.filter((one, index) => index === 0 || compare(one, sorted[index - 1] as Component) !== 0);
}

/** Two digits of a year mean 1970 to 2069. */
export const fullYears = (chain: Chain): Chain => {
  const full = (year: number): number => (year < 70 ? year + 2000 : year < 100 ? year + 1900 : year);
  return chain?.map(({ start, stop, step }) => ({
    start: full(start),
    step,
    ...(stop === undefined ? {} : { stop: full(stop) }),
  }));
};

/** What is wrong with a field's numbers; undefined when nothing is. `fromEnd`: days counted from the end of a month. */
export function chainProblem(chain: Chain, { name, from, to }: Limits, fromEnd = false): string | undefined {
  for (const [index, { start, stop, step }] of (chain ?? []).entries()) {
    // Every month has a 28th day from its end; systemd takes three off again for every further entry of a list.
    const top = fromEnd ? to - 3 * (index + 1) : to;
    if (start < from || start > top || (stop !== undefined && (stop < from || stop > top)))
      return `${name} goes from ${from} to ${top}${fromEnd ? ` as the ${index + 1}. of those counted from the end of the month` : ''}`;
    if (stop !== undefined && stop < start) return `${name}: the range ${start}..${stop} goes backwards`;
    if (step > top - from) return `${name}: a repetition of ${step} is longer than ${name} goes`;
    const fits = stop !== undefined ? start + step <= stop : fromEnd ? start - step >= from : start + step <= top;
    if (!fits) return `${name}: ${start} with a repetition of ${step} would never repeat`;
  }
  return undefined;
}

/** The field as systemd writes it, its numbers padded to `digits`. */
export function chainText(chain: Chain, digits: number): string {
  if (chain === undefined) return '*';
  const pad = (number: number): string => String(number).padStart(digits, '0');
  return chain
    .map(({ start, stop, step }) => {
      const range = stop === undefined ? '' : `..${pad(stop)}`;
      return `${pad(start)}${range}${step === 0 || (stop !== undefined && step === 1) ? '' : `/${step}`}`;
    })
    .join(',');
}

/**
 * The smallest value at or after `value` that the field allows; undefined when there is none. `place` says which day a
 * number stands for where days are counted from the end of the month; undefined when the month has no such day.
 */
export function nextIn(
  chain: Chain,
  value: number,
  place?: (number: number) => number | undefined,
): number | undefined {
  if (chain === undefined) return value;
  let best: number | undefined;
  for (const { start, stop, step } of chain) {
    const [first, last] = placed(start, stop, place);
    const fit = first >= value ? first : step > 0 ? first + Math.ceil((value - first) / step) * step : undefined;
    if (fit === undefined || (first < value && last !== undefined && fit > last)) continue;
    if (best === undefined || fit < best) best = fit;
  }
  return best;
}

function placed(
  start: number,
  stop: number | undefined,
  place: ((number: number) => number | undefined) | undefined,
): [number, number | undefined] {
  if (place === undefined) return [start, stop];
  const first = place(start) ?? -1;
  // Asked for no end as well: which of two equal wall times is meant depends on the last one that was looked at.
  const last = place(stop ?? -1);
  // The further from the end, the earlier in the month.
  return last !== undefined && last > 0 ? [last, first] : [first, undefined];
}
