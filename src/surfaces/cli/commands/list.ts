import type { Answer } from '../api.ts';
import type { Context } from '../context.ts';

export type List<K extends string, T> = { readonly [key in K]: readonly T[] } & { readonly next?: string | null };

/** A list of the API; with `all` every page of it in one document. */
export async function fetchList<K extends string, T>(
  context: Context,
  path: string,
  key: K,
  query: Readonly<Record<string, string | undefined>>,
  all: boolean,
): Promise<Answer<List<K, T>>> {
  const first = await context.api.get<List<K, T>>(path, { query });
  if (!all || !first.body.next) return first;
  const sent = JSON.parse(first.text) as List<K, T>;
  const [raw, shown] = [[...sent[key]], [...first.body[key]]];
  for (let before = sent.next; before;) {
    const page = await context.api.get<List<K, T>>(path, { query: { ...query, before } });
    const { next, [key]: rows } = JSON.parse(page.text) as List<K, T>;
    raw.push(...rows);
    shown.push(...page.body[key]);
    before = next;
  }
  const whole = (rows: readonly T[]): List<K, T> => ({ [key]: rows }) as List<K, T>;
  return { status: first.status, text: JSON.stringify(whole(raw)), body: whole(shown) };
}
