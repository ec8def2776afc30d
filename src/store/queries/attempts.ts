import type { StoreReader, StoreTx } from '../group.ts';

/** Sign-ins that failed, or may yet fail, under one key (a name or an address). */
export interface AttemptRecord {
  readonly key: string;
  readonly count: number;
  readonly last_at: number;
  /** Until then no further attempt is looked at. */
  readonly until: number;
}

export async function getAttempts(reader: StoreReader, key: string): Promise<AttemptRecord | undefined> {
  return reader.db.selectFrom('attempts').selectAll().where('key', '=', key).executeTakeFirst();
}

/** Writes a count; those of keys that were quiet since `forgetBefore` are swept out. */
export async function putAttempts(trx: StoreTx, attempts: AttemptRecord, forgetBefore: number): Promise<void> {
  const { key, ...row } = attempts;
  await trx.db.deleteFrom('attempts').where('last_at', '<=', forgetBefore).where('until', '<=', forgetBefore).execute();
  const query = trx.db.insertInto('attempts').values({ key, ...row });
  await query.onConflict((conflict) => conflict.column('key').doUpdateSet(row)).execute();
}

export async function dropAttempts(trx: StoreTx, key: string): Promise<void> {
  await trx.db.deleteFrom('attempts').where('key', '=', key).execute();
}
