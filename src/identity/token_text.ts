import { timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { sha256 } from '../kernel/canonical.ts';
import type { Ids } from '../kernel/ids.ts';

const SHAPE = /^pxa_[0-9A-Za-z]{40}[0-9a-f]{8}$/;
const LETTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** `pxa_`, 40 random letters (238 bits) and a checksum, so that scanners and typing mistakes are recognised. */
export function newToken(ids: Ids): string {
  const letters: string[] = [];
  while (letters.length < 40)
    for (const byte of ids.bytes(64)) if (byte < 248 && letters.length < 40) letters.push(LETTERS[byte % 62] ?? '');
  const body = letters.join('');
  return `pxa_${body}${checksum(body)}`;
}
const checksum = (body: string): string => crc32(body).toString(16).padStart(8, '0');

export const wellFormed = (token: string): boolean =>
  SHAPE.test(token) && checksum(token.slice(4, 44)) === token.slice(44);

/** Compares hashes in constant time, so that neither content nor length tells itself by the time it takes. */
export const sameText = (a: string, b: string): boolean =>
  timingSafeEqual(Buffer.from(sha256(a)), Buffer.from(sha256(b)));
