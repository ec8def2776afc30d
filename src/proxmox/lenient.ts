/**
 * Readers for PVE's answers, whose types are uneven (FACTS 15): numbers come as strings, booleans as 0 and 1, empty
 * relations as null. Each gives undefined (or nothing in a list) for what it cannot read, and never throws.
 */

/** A finite number, also from text such as `"512"`. */
export function num(value: unknown): number | undefined {
  if (typeof value === 'string' && value.trim() === '') return undefined;
  const number = typeof value === 'string' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

/** True or false from 1, 0, `"1"`, `"0"`, booleans and the words that property strings allow (on, off, yes, no). */
export function bool(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const word = String(value).toLowerCase();
  if (['1', 'true', 'yes', 'on'].includes(word)) return true;
  if (['0', 'false', 'no', 'off'].includes(word)) return false;
  return undefined;
}

/** Text as it is; a number as its digits, since PVE's JSON turns names that look like numbers into numbers. */
export function text(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : undefined;
}

/** The members of an array; nothing for null, for what is absent, and for anything else. */
export const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);

/** The members of an object; none for anything else. */
export const record = (value: unknown): Readonly<Record<string, unknown>> =>
  value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : {};

/** The words of a PVE list (`tags`, `content`, `nodes`), whichever of `,`, `;` and blanks separates them, or an array. */
export function words(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((item) => words(item));
  return (text(value) ?? '').split(/[\s,;]+/).filter((word) => word !== '');
}
