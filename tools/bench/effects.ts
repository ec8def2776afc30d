import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import pg from 'pg';
import { systemClock } from '../../src/kernel/clock.ts';
import { systemIds } from '../../src/kernel/ids.ts';
import { silentLogger } from '../../src/kernel/log.ts';
import { createAudit, createEvents } from '../../src/record/index.ts';
import {
  claimOperation,
  insertOperation,
  insertPlan,
  loadKeys,
  openPostgres,
  openStore,
  type Store,
} from '../../src/store/index.ts';
import { postgresPrograms, startPostgres } from '../../src/store/postgres/testing.ts';
import { OperationJournal } from '../../src/operations/journal.ts';
import type { TraceStep } from '../../src/operations/types.ts';
import type { Figure } from './figure.ts';

const EFFECTS = 3_000;

/** Effects written down as an apply does: intent, answer and end, with audit record and event, each durable. */
export async function benchEffects(): Promise<Figure[]> {
  const directory = mkdtempSync(join(tmpdir(), 'proxmox-agent-bench-'));
  try {
    const baseline = bareCommits(join(directory, 'bare.db'));
    const store = openStore({ directory: join(directory, 'data'), clock: systemClock, log: silentLogger });
    return await figuresOf(store, {
      name: 'SQLite',
      baseline,
      what: 'bare SQLite commits with fsync',
      limit: '>= 1500 /s',
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The same on a PostgreSQL with fsync; nothing where it is absent. */
export async function benchPostgres(): Promise<Figure[]> {
  if (postgresPrograms() === undefined) return [];
  const server = await startPostgres({ fsync: true });
  const directory = mkdtempSync(join(tmpdir(), 'proxmox-agent-bench-'));
  try {
    const url = await server.create();
    const baseline = await bareTransactions(url);
    const store = await openPostgres({ url, directory, clock: systemClock, log: silentLogger });
    return await figuresOf(store, {
      name: 'PostgreSQL',
      baseline,
      what: 'bare PostgreSQL commits with fsync',
      limit: '>= 1000 /s',
    });
  } finally {
    await server.end();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Closes the store. */
async function figuresOf(
  store: Store,
  { name, ...rest }: Pick<Figure, 'name' | 'baseline' | 'what' | 'limit'>,
): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const threads of [1, 16, 50]) {
    const how = threads === 1 ? 'one after the other' : `${threads} side by side`;
    const value = await perSecond(store, threads);
    figures.push({ name: `${name}: durable effects a second, ${how}`, value, unit: '/s', ...rest });
  }
  await store.close();
  return figures;
}

async function perSecond(store: Store, threads: number): Promise<number> {
  const ids = systemIds(systemClock);
  const audit = createAudit({ store, keys: loadKeys(store.directory, ids), clock: systemClock });
  const events = createEvents({ store, clock: systemClock });
  const actor = { id: 'bench', class: 'human' } as const;
  const plan_id = ids.uuid();
  const now = systemClock.now();
  const operation = await store.commit(async (trx) => {
    await insertPlan(trx, {
      plan_id,
      environment: 'bench',
      state: 'approved',
      request_hash: '0'.repeat(64),
      plan_hash: '0'.repeat(64),
      created_at: now,
      expires_at: now + 1e6,
      created_by: actor,
      body: {},
      change_id: null,
      consumed_by: null,
    });
    const made = await insertOperation(trx, {
      operation_id: ids.uuid(),
      plan_id,
      environment: 'bench',
      created_at: now,
      body: {},
    });
    return claimOperation(trx, made.operation_id, { owner: 'bench', now, lease_until: now + 1e6, force: true });
  });
  const { operation_id, environment, fence } = operation;
  const journal = new OperationJournal(
    { store, audit, events, clock: systemClock },
    { operation_id, plan_id, environment, fence, actor },
    [],
  );
  const began = performance.now();
  await Promise.all(Array.from({ length: threads }, (_, index) => work(journal, `t${index}`, EFFECTS / threads)));
  return Math.round(EFFECTS / ((performance.now() - began) / 1000));
}

async function work(journal: OperationJournal, request: string, count: number): Promise<void> {
  const thread = journal.thread(request);
  for (let pos = 0; pos < count; pos++) {
    const step: TraceStep = {
      seq: pos + 1,
      request,
      index: pos,
      title: 'Start vm/1000',
      method: 'POST',
      path: '/nodes/pve1/qemu/1000/status/start',
      params: {},
      task: 'qmstart',
      undo: { kind: 'none', why: 'bench' },
      runtime: [],
    };
    await thread.intent(pos, step);
    const upid = `UPID:pve1:${pos.toString(16).toUpperCase().padStart(8, '0')}:00000001:6B000000:qmstart:${request}:root@pam:`;
    await thread.answered(pos, step, { data: upid }, upid);
    await thread.done(pos, step, { data: upid, exitstatus: 'OK' });
  }
}

async function bareTransactions(url: string): Promise<number> {
  const client = new pg.Client(url);
  await client.connect();
  await client.query('CREATE TABLE bare (id serial PRIMARY KEY, text text)');
  const query = { name: 'bare', text: 'INSERT INTO bare (text) VALUES ($1)', values: ['x'.repeat(200)] };
  const began = performance.now();
  for (let index = 0; index < EFFECTS; index++) await client.query(query);
  const value = Math.round(EFFECTS / ((performance.now() - began) / 1000));
  await client.end();
  return value;
}

function bareCommits(file: string): number {
  const sqlite = new SQLite(file);
  sqlite.pragma('journal_mode = WAL');
  sqlite.pragma('synchronous = FULL');
  sqlite.exec('CREATE TABLE bare (id INTEGER PRIMARY KEY, text TEXT)');
  const insert = sqlite.prepare('INSERT INTO bare (text) VALUES (?)');
  const began = performance.now();
  for (let index = 0; index < EFFECTS; index++) insert.run('x'.repeat(200));
  const value = Math.round(EFFECTS / ((performance.now() - began) / 1000));
  sqlite.close();
  return value;
}
