import { z } from 'zod';
import { AgentError } from '../kernel/errors.ts';
import { findPersonNamed, type StoreReader } from '../store/index.ts';

/** Control characters, and characters that cannot be seen or reorder what can. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;
const LATIN = /\p{Script=Latin}/u;
/** Scripts with letters that look like Latin ones. */
const ALIKE = /\p{Script=Cyrillic}|\p{Script=Greek}|\p{Script=Armenian}|\p{Script=Cherokee}/u;

/** What the log calls those who are nobody in particular. */
const RESERVED = ['system', 'nobody', 'bootstrap'];
export const isReserved = (name: string): boolean => RESERVED.includes(name.normalize('NFKC').trim().toLowerCase());

/** A name that people read in plans, approvals and lists, and that has to be what it looks like. */
export const plainText = (most: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(most)
    .refine((text) => !HIDDEN.test(text), 'must not have control characters, or such as hide or reorder text')
    .refine((text) => !(LATIN.test(text) && ALIKE.test(text)), 'must not mix alphabets that look alike');

/**
 * A token that is called like a person would pass for that person wherever only names are shown. `own` is the person
 * whose token it is. Errors: `VALIDATION_FAILED`.
 */
export async function requireOwnName(reader: StoreReader, name: string, own: string | null): Promise<void> {
  if (isReserved(name))
    throw new AgentError('VALIDATION_FAILED', `${name} is a name of the audit log's own; call the token otherwise.`, {
      errors: { name: 'is taken' },
    });
  const person = await findPersonNamed(reader, name.normalize('NFKC').trim().toLowerCase());
  if (person === undefined || person.id === own) return;
  throw new AgentError('VALIDATION_FAILED', `${person.name} is the name of a person; call the token otherwise.`, {
    errors: { name: 'is the name of a person' },
  });
}
