import { createPublicKey, verify, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { AgentError } from '../kernel/errors.ts';
import { keyId } from '../store/index.ts';
import { CHECKPOINT_RECORDS, GENESIS, checkpointBytes, recordHash } from './chain.ts';

const count = z.number().int().nonnegative();
const text = z.string();
const recordLine = z.strictObject({
  type: z.literal('record'),
  seq: count,
  at: z.number().int(),
  actor: z.looseObject({ id: text, class: z.enum(['human', 'service', 'agent', 'system']) }),
  environment: text.nullable(),
  event: text,
  ids: z.record(text, z.unknown()),
  decision: z.unknown(),
  payload: z.unknown(),
  prev_hash: text,
  hash: text,
});
const checkpointLine = z.strictObject({
  type: z.literal('checkpoint'),
  seq: count,
  at: z.number().int(),
  head_hash: text,
  count,
  signature: text,
  key_id: text,
});
const keyLine = z.looseObject({ type: z.literal('key') });
const anyLine = z.discriminatedUnion('type', [recordLine, checkpointLine, keyLine]);
type RecordLine = z.infer<typeof recordLine>;
type CheckpointLine = z.infer<typeof checkpointLine>;

export interface AuditVerdict {
  readonly ok: boolean;
  /** Good records and checkpoints up to the end, or to the first bad one. */
  readonly records: number;
  readonly checkpoints: number;
  /** Records behind the last checkpoint: chained, but not signed yet, so their end could have been cut off. */
  readonly after_last_checkpoint: number;
  /** In words, for people; says also what is not an error. */
  readonly notes: readonly string[];
  readonly firstBad?: { readonly seq: number; readonly reason: string };
}

/**
 * Checks an export offline. `publicKeyPem` may hold several keys, one after the other, where the key was changed; a key
 * inside the export is not trusted. `after` has to be what the export was made with. Errors: VALIDATION_FAILED when
 * there is no usable public key; everything about the export itself is in the verdict.
 */
export async function verifyExport(
  lines: Iterable<string> | AsyncIterable<string>,
  publicKeyPem: string,
  options: { readonly after?: number } = {},
): Promise<AuditVerdict> {
  const chain = new ChainCheck(readKeys(publicKeyPem), options.after ?? 0);
  for await (const line of lines) {
    if (line.trim() === '') continue;
    const reason = chain.take(line);
    if (reason !== undefined) return chain.verdict(reason);
  }
  return chain.verdict();
}

function readKeys(pem: string): Map<string, KeyObject> {
  const blocks = pem.match(/-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/g) ?? [];
  try {
    const keys = blocks.map((block) => createPublicKey(block));
    if (keys.length > 0) return new Map(keys.map((key) => [keyId(key), key]));
  } catch (error) {
    throw new AgentError('VALIDATION_FAILED', 'The public key cannot be read.', { cause: error });
  }
  throw new AgentError('VALIDATION_FAILED', 'There is no public key in PEM form.');
}

/** Where the chain stands while the lines go by. */
class ChainCheck {
  readonly #keys: ReadonlyMap<string, KeyObject>;
  readonly #after: number;
  /** Number and hash of the last good record; the hash before the first line is known only at the very start. */
  #seq: number;
  #hash: string | undefined;
  #signed: number;
  #checkpoints = 0;
  #seqInQuestion: number;

  constructor(keys: ReadonlyMap<string, KeyObject>, after: number) {
    this.#keys = keys;
    this.#after = after;
    this.#seq = after;
    this.#signed = after;
    this.#hash = after === 0 ? GENESIS : undefined;
    this.#seqInQuestion = after + 1;
  }

  /** Takes one line; answers what is wrong with it. */
  take(line: string): string | undefined {
    this.#seqInQuestion = this.#seq + 1;
    let raw: unknown;
    try {
      raw = JSON.parse(line);
    } catch {
      return 'the line is not JSON';
    }
    // Only the shape is taken from the schema, the values from the line: what is hashed must be what stands there.
    const shape = anyLine.safeParse(raw);
    if (!shape.success) return 'the line is not a record, a checkpoint or a key';
    if (shape.data.type === 'record') return this.#record(raw as RecordLine);
    if (shape.data.type === 'checkpoint') return this.#checkpoint(raw as CheckpointLine);
    return undefined;
  }

  #record(record: RecordLine): string | undefined {
    const expected = this.#seq + 1;
    if (record.seq !== expected) {
      return `record ${expected} is missing or out of order: record ${record.seq} stands in its place`;
    }
    if (hashOf(record) !== record.hash) {
      return 'the record was changed: its hash is another';
    }
    if (this.#hash !== undefined && record.prev_hash !== this.#hash) {
      return 'the record does not follow the one before it: the hash that it names is another';
    }
    if (expected - this.#signed > CHECKPOINT_RECORDS) {
      return `more than ${CHECKPOINT_RECORDS} records without a checkpoint: one was removed`;
    }
    this.#seq = record.seq;
    this.#hash = record.hash;
    return undefined;
  }

  #checkpoint(checkpoint: CheckpointLine): string | undefined {
    const { seq, head_hash, key_id, signature } = checkpoint;
    if (seq !== this.#seq) {
      return seq > this.#seq
        ? `records up to ${seq} were signed, but those after ${this.#seq} are missing`
        : `the checkpoint of record ${seq} is out of order`;
    }
    this.#seqInQuestion = seq;
    const key = this.#keys.get(key_id);
    if (key === undefined) return `the checkpoint is signed with key ${key_id}, which is not the given public key`;
    const bytes = Buffer.from(signature, 'base64');
    // Base64 has more than one spelling for the same bytes; only the one that was written is the log's.
    if (bytes.toString('base64') !== signature || !verify(null, checkpointBytes(checkpoint), key, bytes)) {
      return 'the checkpoint is forged: its signature is not good';
    }
    if (head_hash !== this.#hash || checkpoint.count !== seq) return 'the checkpoint was made for another chain';
    this.#signed = seq;
    this.#checkpoints += 1;
    return undefined;
  }

  verdict(reason?: string): AuditVerdict {
    const unsigned = this.#seq - this.#signed;
    const base = { records: this.#seq - this.#after, checkpoints: this.#checkpoints, after_last_checkpoint: unsigned };
    if (reason !== undefined) return { ok: false, ...base, notes: [], firstBad: { seq: this.#seqInQuestion, reason } };
    const notes = unsigned === 0 ? [] : [`${unsigned} records after the last checkpoint`];
    return { ok: true, ...base, notes };
  }
}

/** Undefined for a value that no honest record can hold (a number beyond what JSON numbers can be read as). */
function hashOf(record: RecordLine): string | undefined {
  try {
    return recordHash(record);
  } catch {
    return undefined;
  }
}
