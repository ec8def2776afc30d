import { fromJson, toJson, type Actor } from '../columns.ts';
import type { StoreReader, StoreTx } from '../group.ts';

/** The policy as it stood from `at` on; a later version may have the same hash again. */
export interface PolicyVersionRecord {
  /** From 1, without gaps. */
  readonly version: number;
  readonly hash: string;
  /** Canonical JSON of all rules: what the hash is of. */
  readonly rules: string;
  readonly at: number;
  readonly actor: Actor;
}

/** Newest first. */
export async function listPolicyVersions(reader: StoreReader, limit: number): Promise<PolicyVersionRecord[]> {
  const rows = await reader.db
    .selectFrom('policy_versions')
    .selectAll()
    .orderBy('version', 'desc')
    .limit(limit)
    .execute();
  return rows.map((row) => ({ ...row, actor: fromJson<Actor>(row.actor) }));
}

/** The rules of a version by their hash; undefined for one that was never stored. */
export async function findPolicyRules(reader: StoreReader, hash: string): Promise<string | undefined> {
  const row = await reader.db
    .selectFrom('policy_versions')
    .select('rules')
    .where('hash', '=', hash)
    .limit(1)
    .executeTakeFirst();
  return row?.rules;
}

/** Adds a version unless the newest one is the same already; answers whether it did. */
export async function addPolicyVersion(trx: StoreTx, policy: Omit<PolicyVersionRecord, 'version'>): Promise<boolean> {
  const [newest] = await listPolicyVersions(trx, 1);
  if (newest?.hash === policy.hash) return false;
  const version = (newest?.version ?? 0) + 1;
  await trx.db
    .insertInto('policy_versions')
    .values({ ...policy, version, actor: toJson(policy.actor) })
    .execute();
  return true;
}
