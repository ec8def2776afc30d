import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { seededIds } from '../kernel/ids.ts';
import { silentLogger } from '../kernel/log.ts';
import {
  addApproval,
  addDuration,
  auditHead,
  claimOperation,
  getPlan,
  getSecrets,
  insertOperation,
  insertPlan,
  listAudit,
  openStore,
  PLAN_STATES,
  putSecrets,
  putSetting,
  readJournal,
  reserveVmid,
  takeLocks,
  updateEntry,
  updateOperation,
  updatePlan,
  writeIntent,
  type Store,
} from '../store/index.ts';
import { samplePlan, temporaryDirectory } from '../store/testing.ts';
import { onEveryEngine } from '../store/testing_engines.ts';
import { createAudit } from './audit.ts';
import { createEvents } from './events.ts';
import { copyInstallation, restoreInstallation, verifyStore, type KeepDeps } from './keep.ts';
import { recordWorld, recordWorldOn, type RecordWorld } from './testing.ts';

const actor = { id: 'ada', class: 'human', via: 'cli' } as const;
const WALKS = {
  denied: ['planned'],
  applied: ['planned', 'approved', 'applying'],
  failed: ['planned', 'approved', 'applying'],
  expired: ['planned', 'approved'],
  canceled: ['planned', 'approved'],
  applying: ['planned', 'approved'],
} as const;

/** Something in every table, in states that are not where rows begin. */
async function fill({ store, keys, clock }: RecordWorld, count = 650): Promise<void> {
  const audit = createAudit({ store, keys, clock });
  const events = createEvents({ store, clock });
  await store.commit(async (trx) => {
    for (const state of PLAN_STATES) {
      await insertPlan(trx, samplePlan({ plan_id: state, body: { note: 'ö\u0000"' } }));
      const walk = state === 'draft' ? [] : [...(WALKS[state as keyof typeof WALKS] ?? []), state];
      if (walk.length === 1 && state !== 'planned') walk.unshift('planned');
      for (const next of walk) await updatePlan(trx, { plan_id: state }, { state: next });
    }
    await putSecrets(trx, 'approved', Buffer.from([0, 1, 255]));
    await addApproval(trx, {
      plan_id: 'approved',
      plan_hash: 'bb',
      principal: actor,
      at: 1,
      comment: 'ä',
      method: 'x',
    });
    await reserveVmid(trx, { environment: 'home', vmid: 100, plan_id: 'approved', expires_at: 5 }, 0);
    await insertOperation(trx, {
      operation_id: 'op',
      plan_id: 'applied',
      environment: 'home',
      created_at: 0,
      body: {},
    });
    const claim = { owner: 'a', now: 0, lease_until: 1, force: true };
    const call = { operation_id: 'op', thread: 'r0', seq: 1, method: 'POST', path: '/x', params: { a: null } };
    await claimOperation(trx, 'op', claim);
    await writeIntent(trx, { ...call, pos: 0, fence: 1 }, 1);
    await updateEntry(trx, { ...call, pos: 0, fence: 1 }, { state: 'done', answer: null, ended_at: 2 });
    await claimOperation(trx, 'op', claim);
    await writeIntent(trx, { ...call, pos: 1, fence: 2 }, 1);
    const slots = [{ resource: 'home/node/pve1', limit: 1 }];
    await takeLocks(trx, { operation_id: 'op', fence: 2, locks: ['home/vm/1'], slots }, 3);
    await updateOperation(trx, { operation_id: 'op', fence: 2 }, { state: 'failed', ended_at: 9 });
    await addDuration(trx, {
      environment: 'home',
      task_type: 'qmclone',
      node: 'pve1',
      seconds: 1.5,
      bytes: 2 ** 40,
      at: 1,
    });
    for (let index = 0; index < count; index += 1) {
      await putSetting(trx, `key ${index}`, { index }, index);
      await audit.append(trx, { actor, event: 'filled', payload: { index } });
    }
    await events.publish(trx, { type: 'filled' });
  });
}

onEveryEngine((engine) => {
  let source: RecordWorld;
  let target: RecordWorld & { second(): Promise<Store> };
  let deps: KeepDeps;
  beforeEach(async () => {
    source = recordWorld('source');
    target = await recordWorldOn(engine);
    rmSync(join(target.directory, 'keys.json'));
    deps = { ids: seededIds('keep', source.clock), clock: source.clock, log: silentLogger, actor };
  });
  afterEach(async () => {
    await source.end();
    await target.end();
  });

  test('everything is copied, with its states, fences and secrets; the rules hold in the copy', async () => {
    await fill(source);
    const report = await copyInstallation(source.store, target.store, deps);
    expect(report).toMatchObject({ keys: 'copied', audit: { ok: true, records: 650, checkpoints: 6 } });
    expect(report.tables.find(({ table }) => table === 'settings')).toMatchObject({ rows: 650 });
    for (const state of PLAN_STATES) {
      expect(await getPlan(target.store, state)).toEqual(await getPlan(source.store, state));
    }
    expect(Buffer.from((await getSecrets(target.store, 'approved')) ?? [])).toEqual(Buffer.from([0, 1, 255]));
    expect(await readJournal(target.store, 'op')).toEqual(await readJournal(source.store, 'op'));
    expect((await listAudit(target.store, { after: 650, limit: 9 })).map(({ event }) => event)).toEqual([
      'store.copied',
    ]);
    const late = target.store.commit((trx) =>
      writeIntent(
        trx,
        { operation_id: 'op', thread: 'r0', pos: 9, seq: 1, method: 'PUT', path: '/x', params: 0, fence: 1 },
        1,
      ),
    );
    await expect(late).rejects.toMatchObject({ code: 'TARGET_BUSY' });
    const events = createEvents(target);
    expect((await target.store.commit((trx) => events.publish(trx, { type: 'after' }))).id).toBe(2);
    expect(readFileSync(join(target.directory, 'keys.json'))).toEqual(
      readFileSync(join(source.directory, 'keys.json')),
    );
  });

  test('a copy goes into an empty store only, whole or not at all, and keys are not replaced', async () => {
    await fill(source, 3);
    await target.store.commit((trx) => putSetting(trx, 'a', 1, 0));
    await expect(copyInstallation(source.store, target.store, deps)).rejects.toMatchObject({
      code: 'CONFIGURATION_INVALID',
      message: expect.stringContaining('something in settings'),
    });
    expect(await auditHead(target.store)).toBeUndefined();
    writeFileSync(join(target.directory, 'keys.json'), '{"other":1}');
    await expect(copyInstallation(source.store, target.store, deps)).rejects.toThrow('holds other keys');
    rmSync(join(target.directory, 'keys.json'));
    rmSync(join(source.directory, 'keys.json'));
    await expect(copyInstallation(source.store, target.store, deps)).rejects.toThrow('keys.json is missing');
  });

  test('a chain that is not good is not copied', async () => {
    await fill(source, 3);
    const raw = new SQLite(join(source.directory, 'proxmox-agent.db'));
    raw.exec(`DROP TRIGGER audit_no_update; UPDATE audit SET event = 'forged' WHERE seq = 2`);
    raw.close();
    await expect(copyInstallation(source.store, target.store, deps)).rejects.toMatchObject({
      code: 'AUDIT_INVALID',
      message: expect.stringContaining('Audit record 2'),
    });
    expect(await auditHead(target.store)).toBeUndefined();
  });

  test('a backup made while commits go on is restored with its chain, and the log says so', async () => {
    await copyInstallation(source.store, target.store, deps);
    const world = { ...target, keys: source.keys };
    await fill(world, 30);
    const audit = createAudit(world);
    const stop = new AbortController();
    const writing = (async () => {
      while (!stop.signal.aborted) await target.store.commit((trx) => audit.append(trx, { actor, event: 'more' }));
    })();
    const folder = temporaryDirectory();
    const file = join(folder, 'backup.db');
    const { bytes } = await target.store.backup(file);
    stop.abort();
    await writing;
    expect(readdirSync(folder)).toEqual(['backup.db']);
    expect(readFileSync(file).length).toBe(bytes);
    copyFileSync(join(source.directory, 'keys.json'), join(folder, 'keys.json'));

    const data = join(folder, 'data');
    const report = await restoreInstallation(file, data, deps);
    expect(report).toMatchObject({ keys: 'copied', audit: { ok: true } });
    expect(report.replaced).toBeUndefined();
    const store = openStore({ directory: data, clock: source.clock, log: silentLogger });
    expect((await verifyStore(store, source.keys)).records).toBe(report.audit.records + 1);
    expect((await listAudit(store, { after: report.audit.records, limit: 2 })).map(({ event }) => event)).toEqual([
      'store.restored',
    ]);
    await expect(restoreInstallation(file, data, deps)).rejects.toMatchObject({ code: 'DATA_DIRECTORY_BUSY' });
    await store.close();
    const again = await restoreInstallation(file, data, deps);
    expect(existsSync(again.replaced ?? '')).toBe(true);
    expect(again.keys).toBe('kept');
    rmSync(folder, { recursive: true });
  });
});

test('a backup that is damaged, forged or without keys is refused, and what is there stays', async () => {
  const world = recordWorld();
  const folder = temporaryDirectory();
  const deps = { ids: seededIds('keep', world.clock), clock: world.clock, log: silentLogger, actor };
  await fill(world, 300);
  const good = join(folder, 'good.db');
  await world.store.backup(good);
  await world.store.close();
  const before = readFileSync(join(world.directory, 'proxmox-agent.db'));
  const bytes = readFileSync(good);
  bytes.fill(0x5a, bytes.length - 8_192);
  writeFileSync(join(folder, 'damaged.db'), bytes);
  copyFileSync(good, join(folder, 'forged.db'));
  const raw = new SQLite(join(folder, 'forged.db'));
  raw.exec(`DROP TRIGGER audit_no_delete; DELETE FROM audit WHERE seq > 290`);
  raw.exec(`INSERT INTO settings VALUES ('x', '1', 0)`);
  raw.close();
  const restore = (name: string, directory = world.directory) =>
    restoreInstallation(join(folder, name), directory, deps);
  await expect(restore('absent.db')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(restore('damaged.db')).rejects.toMatchObject({ code: 'STORE_DAMAGED' });
  await expect(restore('good.db', join(folder, 'new'))).rejects.toThrow('keys.json is missing');
  expect(readFileSync(join(world.directory, 'proxmox-agent.db')).equals(before)).toBe(true);
  expect(existsSync(join(world.directory, 'restore.partial'))).toBe(false);
  // An interrupted restore: nothing may start on what it left.
  mkdirSync(join(world.directory, 'restore.partial'));
  const open = () => openStore({ directory: world.directory, clock: world.clock, log: silentLogger });
  expect(open).toThrow('was interrupted');
  await restore('good.db');
  await open().close();
  await world.end();
  rmSync(folder, { recursive: true });
});
