import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { systemClock } from '../kernel/clock.ts';
import { silentLogger } from '../kernel/log.ts';
import { openStore, type Store } from './open.ts';
import { openPostgres } from './postgres.ts';
import { updateEntry, writeIntent, type Call } from './queries/journal.ts';
import { claimOperation, insertOperation } from './queries/operations.ts';
import { insertPlan } from './queries/plans.ts';
import { putSetting } from './queries/settings.ts';
import { samplePlan } from './testing.ts';

/** One figure beside the bare limit of the same machine, measured in the same run. */
export interface BenchResult {
  readonly name: string;
  readonly per_second: number;
  readonly baseline_per_second: number;
  readonly ratio: number;
}

const COUNT = 2_000;

/**
 * Durable commits and effects a second in `directory` (made, left behind) against bare better-sqlite3 with the same
 * durability. One effect is three commits: intent, answer, end.
 */
export async function benchStore(directory: string): Promise<BenchResult[]> {
  mkdirSync(directory, { recursive: true });
  const bare = await rate(COUNT, bareCommits(join(directory, 'bare.db')));
  const store = openStore({ directory: join(directory, 'data'), clock: systemClock, log: silentLogger });
  try {
    const result = (name: string, per_second: number): BenchResult => ({
      name,
      per_second,
      baseline_per_second: bare,
      ratio: per_second / bare,
    });
    return [
      result('effects, one after the other', await effects(store, 1)),
      result('effects, of 50 operations at a time', await effects(store, 50)),
    ];
  } finally {
    await store.close();
  }
}

/** The same on the PostgreSQL database at `url`, against its own bare single-row transactions. */
export async function benchPostgres(url: string, directory: string): Promise<BenchResult[]> {
  const store = await openPostgres({ url, directory, clock: systemClock, log: silentLogger });
  try {
    const bare = await rate(COUNT, (index) => store.commit((trx) => putSetting(trx, `bare ${index}`, 'x', 0)));
    const results: BenchResult[] = [];
    for (const operations of [1, 16, 50]) {
      const per_second = await effects(store, operations);
      const name = operations === 1 ? 'effects, one after the other' : `effects, of ${operations} operations at a time`;
      results.push({ name: `PostgreSQL: ${name}`, per_second, baseline_per_second: bare, ratio: per_second / bare });
    }
    return results;
  } finally {
    await store.close();
  }
}

/** Runs `work` with 0, 1, … and answers how often a second it ended. */
async function rate(count: number, work: (index: number) => Promise<void> | void): Promise<number> {
  const started = performance.now();
  for (let index = 0; index < count; index += 1) await work(index);
  return Math.round((count / (performance.now() - started)) * 1_000);
}

function bareCommits(file: string): (index: number) => void {
  const sqlite = new SQLite(file);
  sqlite.pragma('journal_mode = WAL');
  sqlite.pragma('synchronous = FULL');
  sqlite.exec('CREATE TABLE bare (id INTEGER PRIMARY KEY, text TEXT)');
  const insert = sqlite.prepare('INSERT INTO bare (text) VALUES (?)');
  return () => void insert.run('x'.repeat(200));
}

async function effects(store: Store, operations: number): Promise<number> {
  const ids = Array.from({ length: operations }, (_, index) => `${operations}-${index}`);
  await Promise.all(ids.map((id) => begin(store, id)));
  const each = Math.ceil(COUNT / operations);
  const started = performance.now();
  await Promise.all(ids.map((id) => rate(each, (pos) => effect(store, id, pos))));
  return Math.round(((each * operations) / (performance.now() - started)) * 1_000);
}

const begin = (store: Store, id: string): Promise<unknown> =>
  store.commit(async (trx) => {
    await insertPlan(trx, samplePlan({ plan_id: id }));
    await insertOperation(trx, { operation_id: id, plan_id: id, environment: 'home', created_at: 0, body: {} });
    await claimOperation(trx, id, { owner: 'bench', now: 0, lease_until: 1, force: true });
  });

async function effect(store: Store, operation_id: string, pos: number): Promise<void> {
  const params = { newid: 100 + pos, full: 1, name: 'clone', target: 'pve2' };
  const path = '/nodes/pve1/qemu/9000/clone';
  const call: Call = { operation_id, thread: 'r0', pos, seq: pos, method: 'POST', path, params, fence: 1 };
  const upid = `UPID:pve1:${operation_id}:${pos}:65000000:qmclone:9000:agent@pve!control:`;
  await store.commit((trx) => writeIntent(trx, call, 1));
  await store.commit((trx) => updateEntry(trx, call, { state: 'answered', answer: upid, upid, answered_at: 2 }));
  await store.commit((trx) => updateEntry(trx, call, { state: 'done', ended_at: 3, settled_by: 'task' }));
}
