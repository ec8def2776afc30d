import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock, systemClock } from '../../kernel/clock.ts';
import { silentLogger } from '../../kernel/log.ts';
import type { StoreTx } from '../group.ts';
import type { Store } from '../open.ts';
import { openPostgres } from '../postgres.ts';
import { insertEvent } from '../queries/events.ts';
import { claimOperation, insertOperation, updateOperation } from '../queries/operations.ts';
import { writeIntent } from '../queries/journal.ts';
import { takeLocks } from '../queries/locks.ts';
import { insertPlan } from '../queries/plans.ts';
import { getSetting, putSetting } from '../queries/settings.ts';
import { samplePlan, temporaryDirectory } from '../testing.ts';
import { postgresPrograms, startPostgres, type TestServer } from './testing.ts';

/** What a connection in between does at the first COMMIT that passes. */
type Cut = 'before' | 'after' | undefined;

/** Stands between store and server on a socket of its own and can lose a COMMIT or its answer. */
async function between(first: string) {
  const home = mkdtempSync(join(tmpdir(), 'proxmox-agent-cut-'));
  const state: { cut: Cut; cuts: number; refuse: boolean; socket: string } = {
    cut: undefined,
    cuts: 0,
    refuse: false,
    socket: first,
  };
  const proxy = net.createServer((client) => {
    if (state.refuse) return void client.destroy();
    const server = net.connect(state.socket);
    let deaf = false;
    const end = (): void => {
      client.destroy();
      server.destroy();
    };
    client.on('data', (data) => {
      if (state.cut === undefined || !data.includes('COMMIT')) return void server.write(data);
      state.cuts += 1;
      const { cut } = state;
      state.cut = undefined;
      if (cut === 'before') return end();
      deaf = true;
      server.write(data);
    });
    server.on('data', (data) => (deaf ? end() : client.write(data)));
    for (const one of [client, server]) one.on('error', end).on('close', end);
  });
  await new Promise<void>((resolve) => proxy.listen(join(home, '.s.PGSQL.5432'), resolve));
  const close = async (): Promise<void> => {
    await new Promise((resolve) => proxy.close(resolve));
    rmSync(home, { recursive: true, force: true });
  };
  return { state, home, close };
}

describe.skipIf(postgresPrograms() === undefined && process.env['REQUIRE_ALL'] !== '1')('postgres', () => {
  let server: TestServer;
  let url: string;
  let directory: string;
  let stores: Store[] = [];
  beforeAll(async () => {
    server = await startPostgres({ fsync: true });
  });
  afterAll(() => server.end());
  beforeEach(async () => {
    url = await server.create();
    directory = temporaryDirectory();
  });
  afterEach(async () => {
    await Promise.all(stores.splice(0).map((store) => store.close()));
    rmSync(directory, { recursive: true });
  });

  const open = async (at = url, more: object = {}): Promise<Store> => {
    const store = await openPostgres({ url: at, directory, clock: systemClock, log: silentLogger, ...more });
    stores.push(store);
    return store;
  };
  const add = (trx: StoreTx, key: string): Promise<void> => putSetting(trx, key, 1, 0);
  const keys = async (store: Store): Promise<string[]> =>
    (await store.db.selectFrom('settings').select('key').orderBy('key').execute()).map(({ key }) => key);

  test('what was acknowledged before the server crashed is there, and work goes on by itself', async () => {
    const store = await open();
    const acknowledged: string[] = [];
    const refused: unknown[] = [];
    const stop = new AbortController();
    const worker = async (name: string): Promise<void> => {
      for (let index = 0; !stop.signal.aborted; index += 1) {
        const key = `${name}/${index}`;
        const result = await store
          .commit((trx) => add(trx, key))
          .then(
            () => undefined,
            (error: unknown) => error,
          );
        if (result === undefined) acknowledged.push(key);
        else refused.push(result);
      }
    };
    const workers = ['a', 'b', 'c'].map(worker);
    for (let round = 0; round < 3; round += 1) {
      const before = acknowledged.length;
      while (acknowledged.length < before + 30) await new Promise((resolve) => setImmediate(resolve));
      await server.restart('immediate');
    }
    const before = acknowledged.length;
    while (acknowledged.length < before + 30) await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
    await Promise.all(workers);
    const stored = new Set(await keys(store));
    expect(acknowledged.filter((key) => !stored.has(key))).toEqual([]);
    // The server says what became of the COMMIT that it did not answer, so nothing had to be refused.
    expect(refused).toEqual([]);
    expect(stored.size).toBe(acknowledged.length);
  });

  test('a server that is away for long is a clear error; commits and reads go on when it is back', async () => {
    const store = await open();
    await store.commit((trx) => add(trx, 'a'));
    await server.stop('fast');
    const refused = { code: 'STORE_FAILED', message: expect.stringContaining('PostgreSQL does not answer') };
    await Promise.all([
      expect(store.commit((trx) => add(trx, 'b'))).rejects.toMatchObject(refused),
      expect(getSetting(store, 'a')).rejects.toMatchObject(refused),
    ]);
    await server.start();
    await store.commit((trx) => add(trx, 'c'));
    expect(await keys(store)).toEqual(['a', 'c']);
  });

  test('a connection that is lost in the middle of a batch: all of it is stored, once', async () => {
    const store = await open();
    let killed = false;
    const hooks: string[] = [];
    const one = (key: string) =>
      store.commit(async (trx) => {
        trx.onCommit(() => hooks.push(key));
        await sql`insert into settings (key, value, updated_at) values (${key}, '1', 0)`.execute(trx.db);
        if (key !== 'b' || killed) return;
        killed = true;
        await sql`select pg_terminate_backend(pg_backend_pid())`.execute(trx.db);
      });
    await Promise.all(['a', 'b', 'c'].map(one));
    expect(await keys(store)).toEqual(['a', 'b', 'c']);
    expect(hooks).toEqual(['a', 'b', 'c']);
  });

  test('a COMMIT whose answer is lost was made, or is made again, as the server says; else it is not known', async () => {
    const socket = join(new URL(url).searchParams.get('host') ?? '', '.s.PGSQL.5432');
    const cutter = await between(socket);
    const through = new URL(url);
    through.searchParams.set('host', cutter.home);
    const store = await open(through.href);
    const once = (key: string) =>
      store.commit((trx) => sql`insert into settings (key, value, updated_at) values (${key}, '1', 0)`.execute(trx.db));
    await once('first');
    for (const cut of ['before', 'after'] as const) {
      cutter.state.cut = cut;
      // A second insert of the same key would be refused: each is stored exactly once.
      await once(cut);
    }
    expect(cutter.state.cuts).toBe(2);
    cutter.state.cut = 'after';
    const unknown = once('unknown');
    cutter.state.refuse = true;
    await expect(unknown).rejects.toMatchObject({
      code: 'STORE_FAILED',
      message: expect.stringContaining('not known whether it is stored'),
    });
    cutter.state.refuse = false;
    await once('last');
    expect(await keys(store)).toEqual(['after', 'before', 'first', 'last', 'unknown']);
    await stores.pop()?.close();
    await cutter.close();
  });

  test('a standby takes over: commits wait for it, and go on there', async () => {
    const cutter = await between(join(new URL(url).searchParams.get('host') ?? '', '.s.PGSQL.5432'));
    const through = new URL(url);
    through.searchParams.set('host', cutter.home);
    const store = await open(through.href);
    await store.commit((trx) => add(trx, 'a'));
    const standby = await server.standby();
    await store.commit((trx) => add(trx, 'b'));
    // A fast stop sends what is left to the standby first.
    await server.stop('fast');
    cutter.state.socket = join(standby.socket, '.s.PGSQL.5432');
    await expect(
      openPostgres({ url: through.href, directory, clock: new ManualClock(), log: silentLogger }),
    ).rejects.toMatchObject({
      code: 'STORE_FAILED',
    });
    const waiting = store.commit((trx) => add(trx, 'c'));
    await standby.promote();
    await waiting;
    await store.commit((trx) => add(trx, 'd'));
    expect(await keys(store)).toEqual(['a', 'b', 'c', 'd']);
    await stores.pop()?.close();
    await cutter.close();
    await server.start();
  });

  test('a server that took over without the last commit: numbers go on from what it has', async () => {
    const store = await open();
    const publish = () =>
      store.commit((trx) => insertEvent(trx, { at: 0, type: 'e', environment: null, ids: {}, data: {} }));
    for (const id of [1, 2, 3]) expect(await publish()).toMatchObject({ id });
    const other = new pg.Client(url);
    await other.connect();
    await other.query(`delete from events where id = 3`);
    const kill = `select pg_terminate_backend(pid) from pg_stat_activity where query like '%COMMIT%' and pid <> pg_backend_pid()`;
    expect((await other.query(kill)).rowCount).toBe(1);
    await other.end();
    expect(await publish()).toMatchObject({ id: 3 });
  });

  test('a closure that is alone and refuses by itself is not run again', async () => {
    const store = await open();
    let runs = 0;
    const refused = store.commit((trx) => {
      runs += 1;
      return updateOperation(trx, { operation_id: 'none', fence: 1 }, { state: 'running' });
    });
    await expect(refused).rejects.toMatchObject({ code: 'OPERATION_NOT_FOUND' });
    expect(runs).toBe(1);
    await store.commit((trx) => add(trx, 'a'));
  });

  test('a replica that stops in the middle of a transaction does not hold up the others for long', async () => {
    const [paused, other] = [await open(), await open()];
    let wake: () => void = () => {};
    const asleep = new Promise<void>((resolve) => {
      wake = resolve;
    });
    let entered: () => void = () => {};
    const inside = new Promise<void>((resolve) => {
      entered = resolve;
    });
    let runs = 0;
    const stopped = paused.commit(async (trx) => {
      await add(trx, 'paused');
      entered();
      if (runs++ === 0) await asleep;
      await add(trx, 'awake');
    });
    await inside;
    const began = Date.now();
    await other.commit((trx) => add(trx, 'other'));
    expect(Date.now() - began).toBeLessThan(5_000);
    expect(await keys(other)).toEqual(['other']);
    wake();
    await stopped;
    expect(await keys(other)).toEqual(['awake', 'other', 'paused']);
  });

  test('readers that are all in use are a clear error', async () => {
    const store = await open(url, { readers: 1 });
    await store.snapshot(async (reader) => {
      await expect(getSetting(store, 'a')).rejects.toMatchObject({
        code: 'STORE_FAILED',
        message: 'All 1 connections for reading are in use.',
      });
      expect(await getSetting(reader, 'a')).toBeUndefined();
    });
    expect(await getSetting(store, 'a')).toBeUndefined();
  });

  test('replicas that write at once: limits hold, and who was overtaken is shut out', async () => {
    const [one, two] = [await open(), await open()];
    const both = [one, two];
    const names = Array.from({ length: 12 }, (_, index) => `op ${index}`);
    await one.commit(async (trx) => {
      for (const name of names) {
        await insertPlan(trx, samplePlan({ plan_id: name }));
        await insertOperation(trx, { operation_id: name, plan_id: name, environment: 'home', created_at: 0, body: {} });
      }
    });
    const slots = [{ resource: 'home/node/pve1', limit: 3 }];
    const answers = await Promise.all(
      names.map((operation_id, index) =>
        (both[index % 2] as Store).commit((trx) => takeLocks(trx, { operation_id, fence: 0, locks: [], slots }, 0)),
      ),
    );
    expect(answers.filter(({ taken }) => taken).length).toBe(3);
    const claim = (store: Store, owner: string) =>
      store.commit((trx) => claimOperation(trx, 'op 0', { owner, now: 0, lease_until: 10, force: false }));
    const claims = await Promise.allSettled(both.map((store, index) => claim(store, `replica ${index}`)));
    expect(claims.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    await two.commit((trx) => claimOperation(trx, 'op 0', { owner: 'x', now: 0, lease_until: 9, force: true }));
    const call = { operation_id: 'op 0', thread: 'r0', pos: 0, seq: 1, method: 'POST', path: '/x', params: {} };
    const late = one.commit((trx) => writeIntent(trx, { ...call, fence: 1 }, 0));
    await expect(late).rejects.toMatchObject({ code: 'TARGET_BUSY' });
    const stale = one.commit((trx) => updateOperation(trx, { operation_id: 'op 0', fence: 1 }, { state: 'running' }));
    await expect(stale).rejects.toMatchObject({ code: 'TARGET_BUSY' });
    await one.commit((trx) => writeIntent(trx, { ...call, fence: 2 }, 0));
  });
});
