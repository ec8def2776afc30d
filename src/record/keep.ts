import { dirname } from 'node:path';
import type { Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';
import type { Ids } from '../kernel/ids.ts';
import type { Logger } from '../kernel/log.ts';
import {
  copyKeys,
  copyStore,
  loadKeys,
  restoreStore,
  type Actor,
  type CopiedTable,
  type Keys,
  type Store,
} from '../store/index.ts';
import { createAudit } from './audit.ts';
import { exportAudit } from './export.ts';
import { verifyExport, type AuditVerdict } from './verify.ts';

export interface KeepDeps {
  readonly ids: Ids;
  readonly clock: Clock;
  readonly log: Logger;
  /** Who asked for it, for the audit log. */
  readonly actor: Actor;
}

/** The whole chain of a store. Errors: AUDIT_INVALID, naming the first bad record. */
export async function verifyStore(store: Store, keys: Keys): Promise<AuditVerdict> {
  const verdict = await store.snapshot((reader) =>
    verifyExport(exportAudit(reader, keys.audit), keys.audit.publicKeyPem),
  );
  if (verdict.ok) return verdict;
  const { seq, reason } = verdict.firstBad ?? { seq: 0, reason: 'unknown' };
  throw new AgentError('AUDIT_INVALID', `Audit record ${seq}: ${reason}.`, { more: { verdict } });
}

export interface CopyReport {
  readonly tables: readonly CopiedTable[];
  readonly audit: AuditVerdict;
  /** What became of `keys.json` in the target's directory. */
  readonly keys: 'copied' | 'kept';
}

/**
 * `store copy --to URL`: everything of one store into an empty one, rows compared by their hashes, the audit chain
 * verified before and after, the keys taken along. The new store's log says so; the old one is left as it is, and
 * nothing may write to it any more. Errors: those of `copyStore`; AUDIT_INVALID; CONFIGURATION_INVALID when there is no
 * `keys.json`, or another one in the target's directory.
 */
export async function copyInstallation(from: Store, to: Store, deps: KeepDeps): Promise<CopyReport> {
  const taken = from.directory === to.directory ? 'kept' : copyKeys(from.directory, to.directory);
  if (taken === 'missing') throw keysMissing(from.directory);
  const keys = loadKeys(to.directory, deps.ids);
  await verifyStore(from, keys);
  const tables = await copyStore(from, to);
  const audit = await verifyStore(to, keys);
  await note(to, keys, deps, { event: 'store.copied', payload: { from: from.engine, to: to.engine, tables } });
  return { tables, audit, keys: taken };
}

export interface RestoreReport {
  readonly bytes: number;
  readonly audit: AuditVerdict;
  readonly keys: 'copied' | 'kept';
  /** The database that was there before, kept beside the new one. */
  readonly replaced?: string;
}

/**
 * `store restore FILE`: a backup becomes the database of a data directory, after its audit chain was verified; its log
 * then says that it was restored. `keys.json` is what the directory has, else what lies beside the backup. Until all is
 * good, nothing of the directory's database is touched. Errors: those of `restoreStore`; AUDIT_INVALID;
 * CONFIGURATION_INVALID without `keys.json`, or with one beside the backup that is not the directory's.
 */
export async function restoreInstallation(file: string, directory: string, deps: KeepDeps): Promise<RestoreReport> {
  let audit: AuditVerdict | undefined;
  let taken: 'copied' | 'kept' | 'missing' = 'missing';
  const accept = async (store: Store): Promise<void> => {
    taken = copyKeys(dirname(file), directory);
    if (taken === 'missing') throw keysMissing(directory);
    const keys = loadKeys(directory, deps.ids);
    audit = await verifyStore(store, keys);
    await note(store, keys, deps, { event: 'store.restored', payload: { records: audit.records } });
  };
  const restored = await restoreStore(file, directory, { clock: deps.clock, log: deps.log, accept });
  return { ...restored, audit: audit as unknown as AuditVerdict, keys: taken as 'copied' | 'kept' };
}

async function note(
  store: Store,
  keys: Keys,
  deps: KeepDeps,
  entry: { event: string; payload: object },
): Promise<void> {
  const audit = createAudit({ store, keys, clock: deps.clock });
  await store.commit((trx) => audit.append(trx, { actor: deps.actor, ...entry }));
}

const keysMissing = (directory: string): AgentError =>
  new AgentError(
    'CONFIGURATION_INVALID',
    `keys.json is missing: put the one of the installation into ${directory} (or beside the backup). Without it the audit log cannot be verified, nor sealed inputs opened.`,
  );
