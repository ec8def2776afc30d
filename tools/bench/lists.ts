import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import pg from 'pg';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/log.ts';
import { summaryOf } from '../../src/operations/index.ts';
import { listOperations, openPostgres, openStore, OPERATION_STATES, type Store } from '../../src/store/index.ts';
import { postgresPrograms, startPostgres } from '../../src/store/postgres/testing.ts';
import { DATABASE } from '../../src/store/open.ts';
import type { Figure } from './figure.ts';

const FINISHED = 1_500_000;
/** One in so many is active: 600, spread from the oldest to the newest. */
const ACTIVE_EVERY = 2_500;
const ROUNDS = 200;
const ENDED = ['applied', 'failed', 'canceled'];
const ACTIVE = OPERATION_STATES.filter((state) => !ENDED.includes(state));
const BODY = JSON.stringify({
  actor: { id: 'bench', name: 'bench', class: 'human', via: 'http', method: 'token' },
  targets: ['vm/1000'],
  results: { r0: { vmid: 1000 } },
});
/** Columns of row `n`; text of SQL that both engines understand. */
const row = (n: string, id: string): string => `${id}, 'plan ' || ${n}, 'bench',
  CASE WHEN ${n} % ${ACTIVE_EVERY} = 0 THEN 'running' WHEN ${n} % 50 = 1 THEN 'failed' ELSE 'applied' END,
  1, 1, 'bench', NULL, 1700000000000 + ${n}, 1700000000000 + ${n}, 1700000000000 + ${n}, NULL, NULL, '[]', '${BODY}'`;
const COLUMNS = `operation_id, plan_id, environment, state, attempt, fence, owner, lease_until, created_at, started_at,
  ended_at, error, waiting_for, verification, body`;
const BARE = `SELECT * FROM operations WHERE state NOT IN (${ENDED.map((state) => `'${state}'`).join(', ')})
  ORDER BY operation_id DESC LIMIT`;

/** Lists of operations out of a store with 1.5 million finished ones, on both engines. */
export async function benchLists(): Promise<Figure[]> {
  const directory = mkdtempSync(join(tmpdir(), 'proxmox-agent-bench-'));
  const options = { directory, clock: systemClock, log: silentLogger };
  try {
    await openStore(options).close();
    const file = join(directory, DATABASE);
    fillSqlite(file);
    const bare = new SQLite(file, { readonly: true });
    const statement = bare.prepare(`${BARE} ?`);
    const store = openStore(options);
    const figures = await lists('SQLite', store, async (limit) => statement.all(limit));
    bare.close();
    await store.close();
    return [...figures, ...(postgresPrograms() === undefined ? [] : await onPostgres(directory))];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function onPostgres(directory: string): Promise<Figure[]> {
  const server = await startPostgres();
  try {
    const url = await server.create();
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await fillPostgres(client);
    const store = await openPostgres({ url, directory, clock: systemClock, log: silentLogger });
    const figures = await lists('PostgreSQL', store, (limit) => client.query(`${BARE} ${limit}`));
    await store.close();
    await client.end();
    return figures;
  } finally {
    await server.end();
  }
}

async function lists(engine: string, store: Store, bare: (limit: number) => Promise<unknown>): Promise<Figure[]> {
  const page = async (limit: number, states?: typeof ACTIVE): Promise<void> => {
    const found = await listOperations(store, { limit, states });
    if (found.map((one) => summaryOf(one)).length !== limit) throw new Error(`fewer than ${limit} were found`);
  };
  const figure = async (name: string, limit: number, states: typeof ACTIVE | undefined, most: string) => ({
    name: `${engine}: ${name}, ${FINISHED.toLocaleString('en')} finished, p95`,
    value: await p95(() => page(limit, states)),
    unit: 'ms',
    baseline: await p95(() => bare(limit)),
    what: `rows of ${limit} active ones from the bare driver`,
    limit: most,
  });
  return [
    await figure('active operations, page of 50', 50, ACTIVE, '< 2 ms'),
    await figure('active operations, page of 500', 500, ACTIVE, '< 10 ms'),
    await figure('all operations, page of 500', 500, undefined, '< 10 ms'),
  ];
}

/** Milliseconds that 95 of 100 stay below. */
async function p95(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const began = performance.now();
    await work();
    times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b)[Math.floor(ROUNDS * 0.95)] ?? 0;
}

/** Past the store: nothing of ours writes a million rows at once, and plans for them would say nothing. */
function fillSqlite(file: string): void {
  const sqlite = new SQLite(file);
  sqlite.pragma('foreign_keys = OFF');
  sqlite.pragma('synchronous = OFF');
  const id = `printf('%08x-0000-7000-8000-%012x', n / 1000, n)`;
  sqlite.exec(`WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ${FINISHED})
    INSERT INTO operations (${COLUMNS}) SELECT ${row('n', id)} FROM c`);
  sqlite.close();
}

async function fillPostgres(client: pg.Client): Promise<void> {
  const id = `lpad(to_hex(n / 1000), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(n), 12, '0')`;
  // Neither triggers nor foreign keys, for this session.
  await client.query(`SET session_replication_role = replica`);
  await client.query(
    `INSERT INTO operations (${COLUMNS}) SELECT ${row('n', id)} FROM generate_series(1, ${FINISHED}) n`,
  );
  // As autovacuum would, some time later.
  await client.query('VACUUM ANALYZE operations');
}
