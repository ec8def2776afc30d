import { sign } from 'node:crypto';
import type { Clock } from '../kernel/clock.ts';
import { redact } from '../kernel/secret.ts';
import {
  auditHead,
  headToExtend,
  insertAuditRecord,
  insertCheckpoint,
  lastCheckpoint,
  type Actor,
  type AuditRecord,
  type CheckpointRecord,
  type JsonObject,
  type Keys,
  type Store,
  type StoreTx,
} from '../store/index.ts';
import { CHECKPOINT_MS, CHECKPOINT_RECORDS, GENESIS, checkpointBytes, recordHash } from './chain.ts';

/** What is to be recorded; number, time and hashes are added here. Secrets in it become `[redacted]`. */
export interface AuditEntry {
  readonly actor: Actor;
  readonly environment?: string | undefined;
  /** Such as `plan.created`, `approval.granted`, `operation.effect.sent`. */
  readonly event: string;
  readonly ids?: JsonObject | undefined;
  readonly decision?: unknown;
  readonly payload?: unknown;
}

export interface Audit {
  /** Adds a record inside the caller's commit: it exists exactly when what it tells of does. */
  append(trx: StoreTx, entry: AuditEntry): Promise<AuditRecord>;
  /** Signs the chain as it stands, in a commit of its own; undefined when there is nothing new to sign. */
  checkpoint(): Promise<CheckpointRecord | undefined>;
  /** Signs what is older than 10 minutes until the signal aborts, and once more then. */
  run(signal: AbortSignal): Promise<void>;
  readonly key_id: string;
  readonly publicKeyPem: string;
}

export interface AuditOptions {
  readonly store: Store;
  readonly keys: Keys;
  readonly clock: Clock;
  /** Told of every durable checkpoint, for a copy in a second place, and of every record, for the metrics. */
  readonly onCheckpoint?: (checkpoint: CheckpointRecord) => void;
  readonly onRecord?: (record: AuditRecord) => void;
}

/** The value as it will be read back: what is hashed and what is stored must be the same JSON. */
function plain(value: unknown): unknown {
  const text = JSON.stringify(redact(value ?? null), (_, item: unknown) =>
    typeof item === 'bigint' ? `${item}` : item,
  );
  return wellFormed(JSON.parse(text ?? 'null'));
}

/** A lone surrogate (task logs hold anything) has no canonical form; it becomes U+FFFD. */
function wellFormed(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key.toWellFormed(), wellFormed(item)]));
}

/**
 * The audit chain. The head is read from the table within every transaction, never kept beyond it: a closure that fails
 * is undone by its savepoint while its neighbours go on (`trx.known` is undone with it).
 * (One transaction at a time writes, on PostgreSQL as well, so nobody else appends between that read and our commit.)
 */
export function createAudit({ store, keys, clock, onCheckpoint, onRecord }: AuditOptions): Audit {
  const { key_id, privateKey, publicKeyPem } = keys.audit;

  let last: CheckpointRecord | undefined;

  const signHead = async (trx: StoreTx, head: { seq: number; hash: string }, at: number): Promise<CheckpointRecord> => {
    const claim = { seq: head.seq, at, head_hash: head.hash, count: head.seq, key_id };
    const signature = sign(null, checkpointBytes(claim), privateKey).toString('base64');
    const checkpoint = { ...claim, signature };
    await insertCheckpoint(trx, checkpoint);
    trx.onCommit(() => {
      last = checkpoint;
      onCheckpoint?.(checkpoint);
    });
    return checkpoint;
  };

  /** By the number alone, so that no query is needed; the time counts from what this process knows to be durable. */
  const isDue = ({ seq }: { seq: number }, at: number): boolean =>
    seq % CHECKPOINT_RECORDS === 0 || (last !== undefined && at - last.at >= CHECKPOINT_MS);

  const append = async (trx: StoreTx, entry: AuditEntry): Promise<AuditRecord> => {
    const head = await headToExtend(trx);
    const at = clock.now();
    const claim = {
      seq: (head?.seq ?? 0) + 1,
      at,
      actor: plain(entry.actor) as Actor,
      environment: entry.environment ?? null,
      event: entry.event,
      ids: plain(entry.ids ?? {}) as JsonObject,
      decision: plain(entry.decision),
      payload: plain(entry.payload),
      prev_hash: head?.hash ?? GENESIS,
    };
    const record = { ...claim, hash: recordHash(claim) };
    await insertAuditRecord(trx, record);
    if (onRecord !== undefined) trx.onCommit(() => onRecord(record));
    last ??= await lastCheckpoint(trx);
    if (isDue(record, at)) await signHead(trx, record, at);
    return record;
  };

  const checkpoint = (): Promise<CheckpointRecord | undefined> =>
    store.commit(async (trx) => {
      const head = await auditHead(trx);
      const signed = await lastCheckpoint(trx);
      return head === undefined || head.seq <= (signed?.seq ?? 0) ? undefined : signHead(trx, head, clock.now());
    });

  const run = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      // An abort ends the sleep.
      await clock.sleep(CHECKPOINT_MS, signal).catch(() => undefined);
      // A store that cannot write now is tried again next time, and every append signs what is due as well.
      if (!signal.aborted) await checkpoint().catch(() => undefined);
    }
    await checkpoint();
  };

  return { append, checkpoint, run, key_id, publicKeyPem };
}
