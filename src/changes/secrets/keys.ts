import { createHash, hkdfSync } from 'node:crypto';
import type { Secret } from '../../kernel/secret.ts';

/** A key that seals stored secrets, and its name, which tells nothing of it. */
export interface StoreKey {
  readonly id: string;
  readonly bytes: Uint8Array;
}

const LABEL = 'proxmox-agent stored secrets';

/** From whatever was given as a key: 32 random bytes or a text of 32 characters or more. */
export function storeKeyFrom(material: Secret | Uint8Array): StoreKey {
  const input = material instanceof Uint8Array ? material : Buffer.from(material.reveal());
  const bytes = Buffer.from(hkdfSync('sha256', input, new Uint8Array(), LABEL, 32));
  return { id: createHash('sha256').update(LABEL).update(bytes).digest('hex').slice(0, 16), bytes };
}
