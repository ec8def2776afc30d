import { afterEach, beforeEach, expect, test } from 'vitest';
import type { StoreTx } from '../group.ts';
import { ENDED_OPERATION_STATES } from '../schema.ts';
import { samplePlan, type TemporaryStore } from '../testing.ts';
import { onEveryEngine } from '../testing_engines.ts';
import { addDuration, predictSeconds, recentDurations } from './durations.ts';
import { entryOfTask, readJournal, reopenIntent, updateEntry, writeIntent, writeRead, type Call } from './journal.ts';
import { listLocks, releaseLocks, takeLocks } from './locks.ts';
import {
  activeOperations,
  claimOperation,
  orphanedOperations,
  renewLeases,
  getOperation,
  insertOperation,
  listOperations,
  operationOfPlan,
  updateOperation,
} from './operations.ts';
import { insertPlan } from './plans.ts';

onEveryEngine((engine) => {
  let it: TemporaryStore;
  beforeEach(async () => {
    it = await engine.open();
    for (const name of ['one', 'two', 'three']) {
      await it.store.commit(async (trx) => {
        await insertPlan(trx, samplePlan({ plan_id: `plan ${name}` }));
        await insertOperation(trx, {
          operation_id: name,
          plan_id: `plan ${name}`,
          environment: 'home',
          created_at: 1,
          body: { a: 1 },
        });
      });
    }
  });
  afterEach(() => it.end());

  const write = <T>(work: (trx: StoreTx) => Promise<T>): Promise<T> => it.store.commit(work);
  const claim = (operation_id: string, owner: string) =>
    write((trx) => claimOperation(trx, operation_id, { owner, now: 1_000, lease_until: 2_000, force: true }));
  const call = (change: Partial<Call> = {}): Call => ({
    operation_id: 'one',
    thread: 'r0',
    pos: 0,
    seq: 1,
    method: 'POST',
    path: '/nodes/pve1/qemu',
    params: { vmid: 100 },
    fence: 1,
    ...change,
  });

  test('an operation begins queued, is claimed, worked on and ended', async () => {
    expect(await getOperation(it.store, 'one')).toEqual({
      operation_id: 'one',
      plan_id: 'plan one',
      environment: 'home',
      state: 'queued',
      attempt: 0,
      fence: 0,
      owner: null,
      lease_until: null,
      created_at: 1,
      started_at: null,
      ended_at: null,
      error: null,
      waiting_for: null,
      verification: null,
      body: { a: 1 },
    });
    expect(await claim('one', 'me')).toMatchObject({ fence: 1, attempt: 1, owner: 'me' });
    const key = { operation_id: 'one', fence: 1 };
    await write((trx) => updateOperation(trx, key, { state: 'waiting', waiting_for: { resource: 'home/vm/1' } }));
    const ended = await write((trx) =>
      updateOperation(trx, key, {
        state: 'failed',
        waiting_for: null,
        error: { code: 'PVE_TASK_FAILED' },
        verification: [{ ok: false }],
        started_at: 2,
        ended_at: 3,
      }),
    );
    expect(ended).toMatchObject({
      state: 'failed',
      waiting_for: null,
      error: { code: 'PVE_TASK_FAILED' },
      verification: [{ ok: false }],
    });
    expect(await operationOfPlan(it.store, 'plan one')).toEqual(ended);
    expect((await activeOperations(it.store)).map(({ operation_id }) => operation_id)).toEqual(['three', 'two']);
    expect(
      (await listOperations(it.store, { limit: 9, states: ['failed'], environment: 'home', before: 'p' })).length,
    ).toBe(1);
    await expect(getOperation(it.store, 'none')).rejects.toMatchObject({ code: 'OPERATION_NOT_FOUND' });
  });

  test('an operation is left to its owner while the lease holds, and to anybody after', async () => {
    const at = (now: number, owner: string) =>
      write((trx) => claimOperation(trx, 'one', { owner, now, lease_until: now + 100, force: false }));
    expect(await at(1_000, 'a')).toMatchObject({ owner: 'a', fence: 1, lease_until: 1_100 });
    await expect(at(1_050, 'b')).rejects.toMatchObject({ code: 'TARGET_BUSY' });
    expect(await write((trx) => renewLeases(trx, 'a', 1_200))).toEqual(['one']);
    await expect(at(1_150, 'b')).rejects.toMatchObject({ code: 'TARGET_BUSY' });
    expect(await orphanedOperations(it.store, 1_150)).not.toContain('one');
    expect(await orphanedOperations(it.store, 1_200)).toContain('one');
    expect(await at(1_200, 'b')).toMatchObject({ owner: 'b', fence: 2 });
    expect(await write((trx) => renewLeases(trx, 'a', 9_999))).toEqual([]);
    const late = write((trx) => updateOperation(trx, { operation_id: 'one', fence: 1 }, { state: 'running' }));
    await expect(late).rejects.toMatchObject({ code: 'TARGET_BUSY' });
  });

  test('what its owner let go is anybody’s at once, and a renewal of the owner does not take it back', async () => {
    const claim = { owner: 'a', now: 1_000, lease_until: 1_100, force: false };
    for (const operation_id of ['one', 'two']) await write((trx) => claimOperation(trx, operation_id, claim));
    await write((trx) => updateOperation(trx, { operation_id: 'one', fence: 1 }, { lease_until: null }));
    expect(await write((trx) => renewLeases(trx, 'a', 9_999))).toEqual(['two']);
    expect(await orphanedOperations(it.store, 1_001)).toEqual(expect.arrayContaining(['one']));
    const next = { ...claim, owner: 'b', now: 1_001, lease_until: 1_101 };
    expect(await write((trx) => claimOperation(trx, 'one', next))).toMatchObject({ owner: 'b', fence: 2 });
  });

  test('a plan has one operation', async () => {
    const second = write((trx) =>
      insertOperation(trx, { operation_id: 'x', plan_id: 'plan one', environment: 'home', created_at: 1, body: {} }),
    );
    await expect(second).rejects.toThrow(/unique/i);
  });

  test('what has ended stays ended', async () => {
    for (const [index, state] of ENDED_OPERATION_STATES.entries()) {
      const operation_id = ['one', 'two', 'three'][index] as string;
      await claim(operation_id, 'me');
      await write((trx) => updateOperation(trx, { operation_id, fence: 1 }, { state }));
      const revive = write((trx) => updateOperation(trx, { operation_id, fence: 1 }, { state: 'running' }));
      await expect(revive).rejects.toMatchObject({ code: 'OPERATION_STATE' });
      await expect(claim(operation_id, 'you')).rejects.toMatchObject({ code: 'OPERATION_STATE' });
    }
  });

  test('who was overtaken can write neither to the operation nor to its journal', async () => {
    await claim('one', 'old');
    await write((trx) => writeIntent(trx, call(), 5));
    await claim('one', 'new');
    const lost = { code: 'TARGET_BUSY', message: expect.stringContaining('lost ownership') };
    const old = { operation_id: 'one', fence: 1 };
    await expect(write((trx) => updateOperation(trx, old, { state: 'running' }))).rejects.toMatchObject(lost);
    await expect(write((trx) => writeIntent(trx, call({ pos: 1 }), 6))).rejects.toMatchObject(lost);
    await expect(write((trx) => writeRead(trx, call({ pos: 1 }), {}, 6))).rejects.toMatchObject(lost);
    const end = { state: 'done', ended_at: 6 } as const;
    await expect(write((trx) => updateEntry(trx, { ...call(), fence: 1 }, end))).rejects.toMatchObject(lost);
    expect(await readJournal(it.store, 'one')).toMatchObject([{ state: 'intent' }]);
    await write((trx) => updateEntry(trx, { ...call(), fence: 2 }, end));
    const lower = write((trx) =>
      trx.db.updateTable('operations').set({ fence: 1 }).where('operation_id', '=', 'one').execute(),
    );
    await expect(lower).rejects.toMatchObject({ code: 'TARGET_BUSY' });
  });

  test('the journal keeps intent, answer and end of an effect, and reads, in order', async () => {
    await claim('one', 'me');
    await write((trx) => writeRead(trx, call({ thread: 'r1', method: 'GET', params: undefined }), null, 4));
    await write((trx) => writeIntent(trx, call(), 5));
    expect(await readJournal(it.store, 'one', 'r0')).toEqual([
      {
        ...call(),
        kind: 'effect',
        state: 'intent',
        answer: null,
        upid: null,
        intent_at: 5,
        answered_at: null,
        ended_at: null,
        settled_by: null,
      },
    ]);
    await write((trx) =>
      updateEntry(trx, call(), { state: 'answered', answer: 'UPID:x', upid: 'UPID:x', answered_at: 6 }),
    );
    expect(await entryOfTask(it.store, 'home', 'UPID:x')).toMatchObject({ thread: 'r0', pos: 0 });
    expect(await entryOfTask(it.store, 'cloud', 'UPID:x')).toBeUndefined();
    await write((trx) => updateEntry(trx, call(), { state: 'done', ended_at: 7, settled_by: 'task' }));
    expect((await readJournal(it.store, 'one')).map(({ thread, state, kind }) => [thread, state, kind])).toEqual([
      ['r0', 'done', 'effect'],
      ['r1', 'done', 'read'],
    ]);
    const again = write((trx) => updateEntry(trx, call(), { state: 'failed' }));
    await expect(again).rejects.toMatchObject({ code: 'OPERATION_STATE' });
    await expect(write((trx) => updateEntry(trx, call({ pos: 9 }), { state: 'done' }))).rejects.toMatchObject({
      code: 'INTERNAL',
    });
    await expect(write((trx) => writeIntent(trx, call(), 8))).rejects.toThrow(/unique/i);
  });

  test('an answered effect can be opened again by its owner, an ended one cannot', async () => {
    await claim('one', 'me');
    await write((trx) => writeIntent(trx, call(), 5));
    await write((trx) =>
      updateEntry(trx, call(), { state: 'answered', answer: 'UPID:x', upid: 'UPID:x', answered_at: 6 }),
    );
    await write((trx) => reopenIntent(trx, call(), 7));
    expect(await readJournal(it.store, 'one')).toMatchObject([
      { state: 'intent', answer: null, upid: null, intent_at: 7, answered_at: null },
    ]);
    await expect(write((trx) => reopenIntent(trx, call({ fence: 0 }), 8))).rejects.toMatchObject({
      code: 'TARGET_BUSY',
    });
    await expect(write((trx) => reopenIntent(trx, call({ pos: 1 }), 8))).rejects.toMatchObject({ code: 'INTERNAL' });
    await write((trx) => updateEntry(trx, call(), { state: 'failed' }));
    await expect(write((trx) => reopenIntent(trx, call(), 9))).rejects.toMatchObject({ code: 'OPERATION_STATE' });
  });

  test('locks are taken all or none, kept by a resumed run, and freed by their owner only', async () => {
    const take = (
      operation_id: string,
      fence: number,
      locks: string[],
      slots: { resource: string; limit: number }[] = [],
    ) => write((trx) => takeLocks(trx, { operation_id, fence, locks, slots }, 1));
    expect(await take('one', 1, ['vm/1', 'vm/2'])).toEqual({ taken: true });
    expect(await take('two', 1, ['vm/3', 'vm/2'])).toEqual({ taken: false, resource: 'vm/2', held_by: ['one'] });
    expect((await listLocks(it.store)).map(({ resource }) => resource)).toEqual(['vm/1', 'vm/2']);
    expect(await take('one', 2, ['vm/1', 'vm/2'])).toEqual({ taken: true });
    await write((trx) => releaseLocks(trx, 'one', 1));
    expect((await listLocks(it.store)).length).toBe(2);
    await write((trx) => releaseLocks(trx, 'one', 2));
    expect(await take('two', 1, ['vm/2'])).toEqual({ taken: true });
  });

  test('who was overtaken takes no lock', async () => {
    await claim('one', 'old');
    await claim('one', 'new');
    for (const change of [{ locks: ['vm/1'] }, { slots: [{ resource: 'vm/1', limit: 1 }] }]) {
      const take = (fence: number) =>
        write((trx) => takeLocks(trx, { operation_id: 'one', fence, locks: [], slots: [], ...change }, 1));
      await expect(take(1)).rejects.toMatchObject({ code: 'TARGET_BUSY' });
      expect(await take(2)).toEqual({ taken: true });
      await expect(take(1)).rejects.toMatchObject({ code: 'TARGET_BUSY' });
    }
  });

  test('a slot is had by as many as its limit says', async () => {
    const node = [{ resource: 'node/pve1', limit: 2 }];
    const take = (operation_id: string) =>
      write((trx) => takeLocks(trx, { operation_id, fence: 1, locks: [], slots: node }, 1));
    expect(await Promise.all([take('one'), take('two'), take('three'), take('one')])).toEqual([
      { taken: true },
      { taken: true },
      { taken: false, resource: 'node/pve1', held_by: ['one', 'two'] },
      { taken: true },
    ]);
    await write((trx) => releaseLocks(trx, 'one', 1));
    expect(await take('three')).toEqual({ taken: true });
  });

  test('a prediction is the median of the newest, of the same node where there is one', async () => {
    const of = { environment: 'home', task_type: 'qmclone' };
    expect(await predictSeconds(it.store, of)).toBeUndefined();
    for (const [index, seconds] of [90, 10, 30, 20].entries()) {
      await write((trx) =>
        addDuration(trx, { ...of, node: index === 0 ? 'pve2' : 'pve1', seconds, bytes: null, at: index }),
      );
    }
    expect(await predictSeconds(it.store, { ...of, node: 'pve1' })).toBe(20);
    expect(await predictSeconds(it.store, { ...of, node: 'pve2' })).toBe(90);
    expect(await predictSeconds(it.store, { ...of, node: 'pve3' })).toBe(30);
    await write(async (trx) => {
      for (let at = 0; at < 400; at += 1) await addDuration(trx, { ...of, node: 'pve1', seconds: 5, bytes: at, at });
    });
    expect((await it.store.db.selectFrom('task_durations').select('id').execute()).length).toBe(200);
    expect((await recentDurations(it.store, of))[0]).toEqual({ seconds: 5, bytes: 399 });
  });
});
