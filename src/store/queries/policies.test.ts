import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TemporaryStore } from '../testing.ts';
import { onEveryEngine } from '../testing_engines.ts';
import { addApproval, listApprovals } from './approvals.ts';
import { insertPlan } from './plans.ts';
import { addPolicyVersion, findPolicyRules, listPolicyVersions } from './policies.ts';

onEveryEngine((engine) => {
  let it: TemporaryStore;
  beforeEach(async () => {
    it = await engine.open();
  });
  afterEach(() => it.end());

  const actor = { id: 'ada', class: 'human' as const };
  const add = (hash: string, at: number): Promise<boolean> =>
    it.store.commit((trx) => addPolicyVersion(trx, { hash, rules: `rules of ${hash}`, at, actor }));

  test('a version is added when it is another one than the last, also when it was there before', async () => {
    expect(await Promise.all([add('a', 1), add('a', 2), add('b', 3), add('a', 4)])).toEqual([true, false, true, true]);
    const versions = await listPolicyVersions(it.store, 10);
    expect(versions.map(({ version, hash, at }) => [version, hash, at])).toEqual([
      [3, 'a', 4],
      [2, 'b', 3],
      [1, 'a', 1],
    ]);
    expect(versions[0]?.actor).toEqual(actor);
    expect(await findPolicyRules(it.store, 'b')).toBe('rules of b');
    expect(await findPolicyRules(it.store, 'c')).toBeUndefined();
  });

  test('an approval keeps the role and the factor; a later factor is added to one without', async () => {
    const plan = { plan_id: 'p', environment: 'home', state: 'awaiting_approval' as const, request_hash: 'aa' };
    const times = { created_at: 1, expires_at: 2, created_by: actor, body: {}, change_id: null, consumed_by: null };
    await it.store.commit((trx) => insertPlan(trx, { ...plan, plan_hash: 'bb', ...times }));
    const approval = { plan_id: 'p', plan_hash: 'bb', principal: actor, at: 1, comment: null, method: 'token' };
    const approve = (more: object): Promise<boolean> =>
      it.store.commit((trx) => addApproval(trx, { ...approval, role: 'admin', ...more }));
    expect(await approve({})).toBe(true);
    expect(await approve({ at: 2, factor: 'totp' })).toBe(false);
    expect(await approve({ at: 3, factor: 'passkey' })).toBe(false);
    expect(await listApprovals(it.store, 'p', 'bb')).toEqual([{ ...approval, at: 2, role: 'admin', factor: 'totp' }]);
  });
});
