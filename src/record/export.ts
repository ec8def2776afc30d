import { listAudit, listCheckpoints, type StoreReader } from '../store/index.ts';
import type { Audit } from './audit.ts';

const PAGE = 500;

/**
 * The audit log as JSON Lines: first the public key, then every record after `after`, each checkpoint right behind the
 * record it signs. `verifyExport` reads the same form. Ask `audit.checkpoint()` first for an export signed to its end.
 */
export async function* exportAudit(
  store: StoreReader,
  key: Pick<Audit, 'key_id' | 'publicKeyPem'>,
  after = 0,
): AsyncGenerator<string, void, undefined> {
  yield JSON.stringify({ type: 'key', key_id: key.key_id, public_key: key.publicKeyPem, after });
  for (let last = after; ;) {
    const records = await listAudit(store, { after: last, limit: PAGE });
    const end = records.at(-1);
    if (end === undefined) return;
    const checkpoints = await listCheckpoints(store, last, end.seq);
    const bySeq = new Map(checkpoints.map((checkpoint) => [checkpoint.seq, checkpoint]));
    for (const record of records) {
      yield JSON.stringify({ type: 'record', ...record });
      const checkpoint = bySeq.get(record.seq);
      if (checkpoint !== undefined) yield JSON.stringify({ type: 'checkpoint', ...checkpoint });
    }
    last = end.seq;
  }
}
