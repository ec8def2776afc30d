import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { AgentError } from './errors.ts';

/** RFC 8785 canonical JSON: one text for one value, whatever the order of keys. Undefined members are left out. */
export function canonicalJson(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new AgentError('INTERNAL', 'a value without a JSON form cannot be hashed');
  return text;
}

/** SHA-256 over the canonical JSON, 64 lower-case hex digits. */
export const hashJson = (value: unknown): string => sha256(canonicalJson(value));

export const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');
