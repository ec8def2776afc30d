import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TemporaryStore } from '../testing.ts';
import { onEveryEngine } from '../testing_engines.ts';
import { insertPlan } from './plans.ts';
import { changeSchedule, dueSchedules, findPlanSchedule, putPlanSchedule, waitingSchedules } from './schedules.ts';

onEveryEngine((engine) => {
  let it: TemporaryStore;
  beforeEach(async () => {
    it = await engine.open();
  });
  afterEach(() => it.end());

  const ada = { id: 'ada', class: 'human' as const };
  const schedule = async (plan_id: string, at: number, environment = 'home'): Promise<void> => {
    const times = { created_at: 1, expires_at: 2, created_by: ada, body: {}, change_id: null, consumed_by: null };
    const hashes = { request_hash: 'aa', plan_hash: 'bb' };
    await it.store.commit((trx) => insertPlan(trx, { plan_id, environment, state: 'approved', ...hashes, ...times }));
    await put(plan_id, at, environment);
  };
  const put = (plan_id: string, at: number, environment = 'home'): Promise<void> =>
    it.store.commit((trx) =>
      putPlanSchedule(trx, {
        plan_id,
        environment,
        at,
        until: at + 10,
        planned_expiry: 5,
        window_name: null,
        principal: { id: 'ada' },
        created_at: 1,
      }),
    );
  const change = (plan_id: string, to: Parameters<typeof changeSchedule>[2]): Promise<boolean> =>
    it.store.commit((trx) => changeSchedule(trx, plan_id, to));

  test('those that wait and are due, the longest first', async () => {
    await schedule('b', 20);
    await schedule('a', 20);
    await schedule('c', 10);
    await schedule('later', 21);
    expect((await dueSchedules(it.store, 20)).map(({ plan_id }) => plan_id)).toEqual(['c', 'a', 'b']);
    expect(await change('a', { state: 'begun', operation_id: 'o' })).toBe(true);
    expect((await dueSchedules(it.store, 20)).map(({ plan_id }) => plan_id)).toEqual(['c', 'b']);
  });

  test('only one that waits is changed; another one takes its place whole', async () => {
    await schedule('a', 20);
    expect(await change('a', { tried_at: 21, code: 'PVE_UNREACHABLE', detail: 'no answer' })).toBe(true);
    expect(await findPlanSchedule(it.store, 'a')).toMatchObject({ state: 'waiting', code: 'PVE_UNREACHABLE' });
    expect(await change('a', { state: 'canceled' })).toBe(true);
    expect(await change('a', { state: 'begun' })).toBe(false);
    await put('a', 30);
    const fresh = { state: 'waiting', at: 30, until: 40, tried_at: null, code: null, principal: { id: 'ada' } };
    expect(await findPlanSchedule(it.store, 'a')).toMatchObject(fresh);
    expect(await findPlanSchedule(it.store, 'none')).toBeUndefined();
  });

  test('those of an environment that may be begun within an interval', async () => {
    await schedule('a', 20);
    await schedule('b', 40);
    await schedule('c', 25, 'work');
    const within = async (from: number, to: number): Promise<string[]> =>
      (await waitingSchedules(it.store, 'home', { from, to })).map(({ plan_id }) => plan_id);
    expect(await within(0, 20)).toEqual([]);
    expect(await within(0, 21)).toEqual(['a']);
    expect(await within(29, 50)).toEqual(['a', 'b']);
    expect(await within(30, 50)).toEqual(['b']);
  });
});
