import type { z } from 'zod';
import { fieldsOf, misfitWords, notKnown } from './fit_words.ts';

/** One thing that does not fit its schema, in plain words that say what to do. Never a value that was given. */
export interface Misfit {
  /** Where it is; for a name that the schema does not have, the name is the last of it. */
  readonly path: readonly (string | number)[];
  readonly what: string;
  /** A name that the schema does not have. */
  readonly unknown: boolean;
}

export type Fit<T> =
  | { readonly success: true; readonly data: T }
  | { readonly success: false; readonly misfits: readonly Misfit[] };

/**
 * `value` through `schema`: the only way in for what people and programs write, so that all of it is refused in the same
 * words. A message that stands in the schema stays as it is.
 */
export function fit<S extends z.ZodType>(schema: S, value: unknown): Fit<z.output<S>> {
  /** By the list of unknown names, which alone tells the finished issue from others: the names that are known there. */
  const known = new WeakMap<object, readonly string[]>();
  const parsed = schema.safeParse(value, {
    error: (issue) => {
      if (issue.code === 'unrecognized_keys') known.set(issue.keys, fieldsOf(issue.inst));
      return misfitWords(issue);
    },
  });
  if (parsed.success) return parsed;
  return { success: false, misfits: parsed.error.issues.flatMap((issue) => misfitsOf(issue, known)) };
}

function misfitsOf(issue: z.core.$ZodIssue, known: WeakMap<object, readonly string[]>): Misfit[] {
  const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
  if (issue.code !== 'unrecognized_keys') return [{ path, what: issue.message, unknown: false }];
  const names = known.get(issue.keys);
  // Without names the schema spoke for itself.
  return issue.keys.map((key) => ({
    path: [...path, key],
    what: names === undefined ? issue.message : notKnown(key, names),
    unknown: true,
  }));
}

/** Field path to what is wrong, the first of each field; `prefix` stands before every path. */
export function fieldErrors(misfits: readonly Misfit[], prefix = ''): Record<string, string> {
  const out: Record<string, string> = {};
  for (const { path, what } of misfits)
    out[[prefix, ...path].filter((part) => part !== '').join('.') || 'body'] ??= what;
  return out;
}

/** `field: what`, all in one line; `where` stands before each field. */
export const inLine = (misfits: readonly Misfit[], where = ''): string =>
  misfits.map(({ path, what }) => `${where}${path.join('.')}: ${what}`).join('; ');
