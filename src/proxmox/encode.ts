import { Secret } from '../kernel/secret.ts';
import type { PveParams, PveValue } from './types.ts';

/**
 * Parameters as PVE reads them, for a query and for a form alike: booleans are 1 and 0, since words are refused
 * (FACTS 11); an array repeats its key (FACTS 13); what is undefined is left out. Blanks become %20 and never `+`, which
 * would be ambiguous in a query. The only place where a parameter's `Secret` is revealed.
 */
export function encodeParams(params: PveParams = {}): string {
  return Object.entries(params)
    .flatMap(([key, value]) => values(value).map((item) => `${encodeURIComponent(key)}=${encodeURIComponent(item)}`))
    .join('&');
}

function values(value: PveValue | undefined): readonly string[] {
  if (value === undefined) return [];
  if (value instanceof Secret) return [value.reveal()];
  if (typeof value === 'boolean') return [value ? '1' : '0'];
  if (typeof value === 'object') return value.map(String);
  return [String(value)];
}
