import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PLAN_STATES, PLAN_TRANSITIONS, TERMINAL_PLAN_STATES, type PlanState } from '../schema.ts';
import { samplePlan, type TemporaryStore } from '../testing.ts';
import { onEveryEngine } from '../testing_engines.ts';
import { addApproval, listApprovals } from './approvals.ts';
import { findPlan, getPlan, insertPlan, listPlans, plansToExpire, updatePlan } from './plans.ts';
import { getSecrets, putSecrets } from './secrets.ts';
import { extendReservations, listReservations, releaseReservations, reserveVmid } from './vmids.ts';

onEveryEngine((engine) => {
  let it: TemporaryStore;
  beforeEach(async () => {
    it = await engine.open();
  });
  afterEach(() => it.end());

  /** What the specification lists, written down here once more so that an edit of the table is noticed. */
  const SPECIFIED = new Set([
    'draft>planned',
    'planned>denied',
    'planned>awaiting_approval',
    'planned>approved',
    'awaiting_approval>approved',
    'awaiting_approval>denied',
    'awaiting_approval>expired',
    'awaiting_approval>canceled',
    'approved>applying',
    'approved>expired',
    'approved>canceled',
    'applying>applied',
    'applying>failed',
    'applying>canceled',
  ]);

  /** The shortest walk from draft to a state. */
  function pathTo(state: PlanState): PlanState[] {
    const queue: PlanState[][] = [['draft']];
    for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
      const last = path.at(-1) as PlanState;
      if (last === state) return path.slice(1);
      queue.push(...PLAN_TRANSITIONS[last].map((next) => [...(path ?? []), next]));
    }
    throw new Error(`no path to ${state}`);
  }

  const put = (plan_id: string, state: PlanState) =>
    it.store.commit(async (trx) => {
      await insertPlan(trx, samplePlan({ plan_id }));
      for (const next of pathTo(state)) await updatePlan(trx, { plan_id }, { state: next });
    });

  test('the store allows exactly the transitions of the specification', async () => {
    for (const from of PLAN_STATES) {
      for (const to of PLAN_STATES.filter((state) => state !== from)) {
        const plan_id = `${from}>${to}`;
        await put(plan_id, from);
        // Plain SQL: it is the database that refuses, not our function.
        const move = it.store.commit((trx) =>
          trx.db.updateTable('plans').set({ state: to }).where('plan_id', '=', plan_id).execute(),
        );
        if (SPECIFIED.has(plan_id)) await expect(move, plan_id).resolves.toBeDefined();
        else await expect(move, plan_id).rejects.toMatchObject({ code: 'PLAN_STATE' });
        expect((await getPlan(it.store, plan_id)).state).toBe(SPECIFIED.has(plan_id) ? to : from);
      }
    }
  });

  test('any sequence of attempts leaves the plan where the allowed ones lead', async () => {
    let round = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...PLAN_STATES), { maxLength: 15 }), async (attempts) => {
        const plan_id = `plan ${round++}`;
        await it.store.commit((trx) => insertPlan(trx, samplePlan({ plan_id })));
        let state: PlanState = 'draft';
        for (const to of attempts) {
          const moved = await it.store
            .commit((trx) => updatePlan(trx, { plan_id, from: state }, { state: to }))
            .catch(() => undefined);
          const allowed: boolean = to === state || SPECIFIED.has(`${state}>${to}`);
          expect(moved !== undefined).toBe(allowed);
          if (allowed) state = to;
        }
        expect((await getPlan(it.store, plan_id)).state).toBe(state);
      }),
      { numRuns: 40 },
    );
  });

  test('a plan is stored with the state it has reached and comes back as it was', async () => {
    const plan = samplePlan({ state: 'awaiting_approval', change_id: 'CC-001', body: { a: [1, { b: null }], c: 'ö' } });
    await it.store.commit((trx) => insertPlan(trx, plan));
    expect(await findPlan(it.store, plan.plan_id)).toEqual(plan);
    expect(await findPlan(it.store, 'none')).toBeUndefined();
    await expect(getPlan(it.store, 'none')).rejects.toMatchObject({ code: 'PLAN_NOT_FOUND' });
    const applied = it.store.commit((trx) => insertPlan(trx, samplePlan({ plan_id: 'x', state: 'applied' })));
    await expect(applied).rejects.toMatchObject({ code: 'PLAN_STATE' });
    const raw = it.store.commit((trx) =>
      trx.db
        .insertInto('plans')
        .values({ ...plan, plan_id: 'y', state: 'approved', created_by: '{}', body: '{}' })
        .execute(),
    );
    await expect(raw).rejects.toMatchObject({ code: 'PLAN_STATE' });
  });

  test('of two who start the same plan one wins', async () => {
    await put('p', 'approved');
    const start = (consumed_by: string) =>
      it.store.commit((trx) => updatePlan(trx, { plan_id: 'p', from: 'approved' }, { state: 'applying', consumed_by }));
    const results = await Promise.allSettled([start('one'), start('two')]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect((await getPlan(it.store, 'p')).consumed_by).toBe('one');
  });

  test('the hashes of a plan and who consumed it stay as they were', async () => {
    await put('p', 'applying');
    await it.store.commit((trx) => updatePlan(trx, { plan_id: 'p' }, { consumed_by: 'one', body: { new: true } }));
    for (const change of [
      { plan_hash: 'cc' },
      { request_hash: 'cc' },
      { environment: 'cloud' },
      { consumed_by: 'two' },
      { plan_id: 'q' },
    ]) {
      const edit = it.store.commit((trx) =>
        trx.db.updateTable('plans').set(change).where('plan_id', '=', 'p').execute(),
      );
      await expect(edit).rejects.toMatchObject({ code: 'PLAN_STATE' });
    }
    expect(await getPlan(it.store, 'p')).toMatchObject({ plan_hash: 'bb', consumed_by: 'one', body: { new: true } });
  });

  test('sealed inputs go when their plan ends', async () => {
    for (const state of TERMINAL_PLAN_STATES) {
      const path = pathTo(state);
      const before = path.at(-2) as PlanState;
      await put(state, before);
      await it.store.commit((trx) => putSecrets(trx, state, Buffer.from([1, 2, 3])));
      expect(Buffer.from((await getSecrets(it.store, state)) ?? [])).toEqual(Buffer.from([1, 2, 3]));
      await it.store.commit((trx) => updatePlan(trx, { plan_id: state }, { state }));
      expect(await getSecrets(it.store, state)).toBeUndefined();
    }
  });

  test('lists filter and page, newest first, and find what is over', async () => {
    await put('a', 'approved');
    await put('b', 'denied');
    await put('c', 'awaiting_approval');
    const ids = async (filter: object): Promise<string[]> =>
      (await listPlans(it.store, { limit: 10, ...filter })).map(({ plan_id }) => plan_id);
    expect(await ids({})).toEqual(['c', 'b', 'a']);
    expect(await ids({ before: 'c', limit: 1 })).toEqual(['b']);
    expect(await ids({ states: ['approved', 'denied'], environment: 'home' })).toEqual(['b', 'a']);
    expect(await ids({ environment: 'cloud' })).toEqual([]);
    expect((await plansToExpire(it.store, 1_999)).length).toBe(0);
    expect((await plansToExpire(it.store, 2_000)).map(({ plan_id }) => plan_id).sort()).toEqual(['a', 'c']);
  });

  test('one person approves once, and only for the hash that was seen', async () => {
    await put('p', 'awaiting_approval');
    const approval = {
      plan_id: 'p',
      plan_hash: 'bb',
      principal: { id: 'ada', class: 'human' as const },
      at: 1,
      comment: null,
      method: 'passkey',
    };
    const results = await Promise.all([1, 2].map(() => it.store.commit((trx) => addApproval(trx, approval))));
    expect(results).toEqual([true, false]);
    expect(await listApprovals(it.store, 'p', 'bb')).toEqual([approval]);
    expect(await listApprovals(it.store, 'p', 'cc')).toEqual([]);
  });

  test('two plans never reserve the same VMID', async () => {
    const want = (plan_id: string, expires_at: number, now: number, environment = 'home') =>
      it.store.commit((trx) => reserveVmid(trx, { environment, vmid: 100, plan_id, expires_at }, now));
    expect(await Promise.all([want('a', 10, 0), want('b', 10, 0)])).toEqual([true, false]);
    expect(await want('b', 10, 0, 'cloud')).toBe(true);
    expect(await want('a', 20, 5)).toBe(true);
    expect(await want('b', 30, 19)).toBe(false);
    expect(await want('b', 30, 20)).toBe(true);
    expect((await listReservations(it.store, 'home', 29)).map(({ plan_id }) => plan_id)).toEqual(['b']);
    await it.store.commit((trx) => extendReservations(trx, 'b', 50));
    expect((await listReservations(it.store, 'home', 40)).length).toBe(1);
    await it.store.commit((trx) => releaseReservations(trx, 'b'));
    expect(await want('a', 60, 41)).toBe(true);
  });
});
