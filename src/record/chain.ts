import { canonicalJson, sha256 } from '../kernel/canonical.ts';
import type { AuditRecord, CheckpointRecord } from '../store/index.ts';

/** What the first record names as the hash of the one before it. */
export const GENESIS = '0'.repeat(64);

/** A checkpoint is signed at the latest after this many records or this long (milliseconds). */
export const CHECKPOINT_RECORDS = 100;
export const CHECKPOINT_MS = 10 * 60_000;

/** SHA-256 over the canonical JSON of the record without its own hash, 64 lower-case hex digits. */
export function recordHash(record: Omit<AuditRecord, 'hash'> & { readonly hash?: unknown }): string {
  const { seq, at, actor, environment, event, ids, decision, payload, prev_hash } = record;
  return sha256(canonicalJson({ seq, at, actor, environment, event, ids, decision, payload, prev_hash }));
}

/** The bytes that a checkpoint's signature covers. */
export function checkpointBytes(
  checkpoint: Omit<CheckpointRecord, 'signature'> & { readonly signature?: unknown },
): Uint8Array {
  const { seq, at, head_hash, count, key_id } = checkpoint;
  return Buffer.from(canonicalJson({ seq, at, head_hash, count, key_id }));
}
