import { describe, expect, it } from 'vitest';
import { apply, approve, cancelPlan, freeze, reject, thaw } from '../../src/changes/index.ts';
import { hashJson } from '../../src/kernel/canonical.ts';
import { isAgentError, type ErrorCode } from '../../src/kernel/errors.ts';
import { actorOf } from '../../src/identity/index.ts';
import { listReservations } from '../../src/store/index.ts';
import { inCase, type Case, type Operation } from '../contract/cases.ts';
import { byHand } from '../support/action.ts';
import { agent, person, type Harness } from '../support/harness.ts';

const START = { action: 'vm.start', target: 'vm/301' };
const DELETE = { action: 'vm.delete', target: 'vm/302' };
const id = (plan: Record<string, unknown>): string => String(plan['plan_id']);
const hash = (plan: Record<string, unknown>): string => String(plan['plan_hash']);

async function code(work: () => Promise<unknown>): Promise<ErrorCode | 'none'> {
  try {
    await work();
    return 'none';
  } catch (error) {
    if (isAgentError(error)) return error.code;
    throw error;
  }
}

const inLife = (work: (life: Harness, one: Case) => Promise<void>): Promise<void> =>
  inCase(async (one) => {
    const life = one.life();
    try {
      await work(life, one);
    } finally {
      await life.close();
    }
  });

describe('a plan', () => {
  it('carries the request hash of the contract', () =>
    inLife(async (life) => {
      const plan = await life.plan({ ...START, params: {} });
      expect(plan['request_hash']).toBe(
        hashJson({ action: 'vm.start', dry_run: false, environment: 'home', params: {}, target: 'vm/301' }),
      );
    }));

  it('accepts an older name of an action, and refuses an unknown one with the nearest', () =>
    inLife(async (life) => {
      expect((await life.plan({ action: 'start_vm', target: 'vm/301' }))['state']).toBe('approved');
      await expect(life.plan({ action: 'vm.strat', target: 'vm/301' })).rejects.toThrow(/did you mean vm\.sta/);
    }));

  it('refuses what does not exist, each with its own error', () =>
    inLife(async (life) => {
      expect(await code(() => life.plan({ ...START, target: 'vm/999' }))).toBe('NOT_FOUND');
      expect(await code(() => life.plan({ ...START, target: 'everything' }))).toBe('VALIDATION_FAILED');
      expect(await code(() => life.plan({ ...START, target: 'node/pve1' }))).toBe('VALIDATION_FAILED');
      expect(await code(() => life.plan({ ...START, environment: 'nowhere' }))).toBe('NOT_FOUND');
      expect(await code(() => life.plan({ ...START, params: { fast: true } }))).toBe('VALIDATION_FAILED');
      expect(await code(() => life.plan({ ...START, target: 'vm/9000' }))).toBe('PREFLIGHT_FAILED');
    }));

  it('that cannot be applied holds no VMID', () =>
    inLife(async (life, one) => {
      const clone = { action: 'vm.clone', target: 'vm/9000', params: { name: 'web9', newid: 4711 } };
      const held = async () => (await listReservations(life.store, 'home', 0)).map(({ vmid }) => vmid);
      await life.plan({ ...clone, dry_run: true });
      expect(await held()).toEqual([]);
      const full = { ...clone, params: { ...clone.params, full: true, storage: 'nowhere' } };
      expect(await code(() => life.plan(full))).toBe('PREFLIGHT_FAILED');
      expect(await held()).toEqual([]);
      // Of two guests the second cannot be had, so there is no plan.
      const item = (name: string) => ({ ...clone, id: name, environment: 'home', params: { name, newid: 4711 } });
      expect(await code(() => life.plan({ actions: [item('web9'), item('web10')] }))).toBe('TARGET_BUSY');
      expect(await held()).toEqual([]);
      expect((await life.plan(clone))['state']).toBe('approved');
      expect(await held()).toEqual([4711]);
      const [reservation] = await listReservations(life.store, 'home', 0);
      expect(reservation?.expires_at).toBeGreaterThanOrEqual(life.changes.clock.now() + 3_600_000);
      expect(one.calls()).toEqual([]);
    }));

  it('that is a dry run can never be applied', () =>
    inLife(async (life, one) => {
      const plan = await life.plan({ ...START, dry_run: true });
      expect(plan['state']).toBe('planned');
      expect(await code(() => apply(life.changes, { plan_id: id(plan) }, person))).toBe('PLAN_STATE');
      expect(one.calls()).toEqual([]);
    }));

  it('is applied once', () =>
    inLife(async (life, one) => {
      const plan = await life.plan(START);
      await life.end(await life.begin(plan));
      expect(await code(() => apply(life.changes, { plan_id: id(plan) }, person))).toBe('PLAN_CONSUMED');
      expect(one.calls()).toHaveLength(1);
    }));

  it('expires, and its VMID is free again then', () =>
    inLife(async (life, one) => {
      const plan = await life.plan({ action: 'vm.clone', target: 'vm/9000', params: { name: 'a' } });
      one.simulator.advance(61 * 60_000);
      expect(await code(() => apply(life.changes, { plan_id: id(plan) }, person))).toBe('PLAN_EXPIRED');
      const again = await life.plan({ action: 'vm.clone', target: 'vm/9000', params: { name: 'b' } });
      const newid = (p: Record<string, unknown>) => (p['requests'] as { newid: number }[])[0]?.newid;
      expect(newid(again)).toBe(newid(plan));
    }));

  it('never takes the VMID of another plan', () =>
    inLife(async (life) => {
      const plans = await Promise.all(
        ['a', 'b', 'c'].map((name) => life.plan({ action: 'vm.clone', target: 'vm/9000', params: { name } })),
      );
      const ids = plans.map((plan) => (plan['requests'] as { newid: number }[])[0]?.newid);
      expect(new Set(ids).size).toBe(3);
      expect(
        await code(() => life.plan({ action: 'vm.clone', target: 'vm/9000', params: { name: 'd', newid: ids[0] } })),
      ).toBe('TARGET_BUSY');
    }));

  it('refuses another request than the one that was planned', () =>
    inLife(async (life) => {
      const plan = await life.plan(START);
      const other = { environment: 'home', action: 'vm.start', target: 'vm/302' };
      expect(await code(() => apply(life.changes, { plan_id: id(plan), request: other }, person))).toBe(
        'REQUEST_HASH_MISMATCH',
      );
      expect(
        await code(() =>
          apply(life.changes, { plan_id: id(plan), request: { environment: 'home', ...START } }, person),
        ),
      ).toBe('none');
    }));
});

describe('approval', () => {
  it('is needed for high risk and for what an agent asks, and given by a person for exactly this hash', () =>
    inLife(async (life, one) => {
      const plan = await life.plan(DELETE);
      expect(plan['state']).toBe('awaiting_approval');
      expect(await code(() => apply(life.changes, { plan_id: id(plan) }, person))).toBe('APPROVAL_REQUIRED');
      expect(await code(() => approve(life.changes, id(plan), { plan_hash: '0'.repeat(64) }, person))).toBe(
        'PLAN_HASH_MISMATCH',
      );
      expect(await code(() => approve(life.changes, id(plan), { plan_hash: hash(plan) }, agent))).toBe(
        'APPROVAL_FORBIDDEN',
      );
      expect(await code(() => reject(life.changes, id(plan), {}, agent))).toBe('APPROVAL_FORBIDDEN');
      expect(
        await code(() => approve(life.changes, id(plan), { plan_hash: hash(plan) }, { ...agent, class: 'service' })),
      ).toBe('APPROVAL_FORBIDDEN');
      expect(
        await code(() => approve(life.changes, id(plan), { plan_hash: hash(plan) }, { ...person, role: 'operator' })),
      ).toBe('FORBIDDEN');
      expect(one.calls()).toEqual([]);
      await approve(life.changes, id(plan), { plan_hash: hash(plan) }, person);
      const { operation_id } = await apply(life.changes, { plan_id: id(plan) }, agent);
      expect((await life.end(operation_id))['state']).toBe('applied');
    }));

  it('is asked of a person for every change of an agent', () =>
    inLife(async (life) => {
      expect((await life.plan(START, agent))['state']).toBe('awaiting_approval');
      expect((await life.plan(START, person))['state']).toBe('approved');
    }));

  it('does not help a plan that was rejected or taken back', () =>
    inLife(async (life) => {
      const rejected = await life.plan(DELETE);
      await reject(life.changes, id(rejected), { comment: 'no' }, person);
      expect(await code(() => approve(life.changes, id(rejected), { plan_hash: hash(rejected) }, person))).toBe(
        'PLAN_STATE',
      );
      const canceled = await life.plan(START);
      await cancelPlan(life.changes, id(canceled), {}, person);
      expect(await code(() => apply(life.changes, { plan_id: id(canceled) }, person))).toBe('PLAN_STATE');
    }));
});

describe('the target', () => {
  it('that became another guest is refused', () =>
    inLife(async (life, one) => {
      const plan = await life.plan(DELETE);
      byHand(one, 'DELETE', '/nodes/pve5/qemu/302');
      byHand(one, 'POST', '/nodes/pve5/qemu', { vmid: 302, name: 'precious', memory: 512 });
      const operation = await life.end(await life.begin(plan));
      expect(operation).toMatchObject({ state: 'failed', error: { code: 'TARGET_CHANGED' } });
      expect(one.calls().filter((call) => call.startsWith('DELETE'))).toHaveLength(1);
    }));

  it('that is gone is refused', () =>
    inLife(async (life, one) => {
      const plan = await life.plan(DELETE);
      byHand(one, 'DELETE', '/nodes/pve5/qemu/302');
      expect(await life.end(await life.begin(plan))).toMatchObject({
        state: 'failed',
        error: { code: 'TARGET_CHANGED' },
      });
    }));

  it('that would come out otherwise is refused, with the fields by name', () =>
    inLife(async (life) => {
      const snapshot = (name: string) => life.plan({ action: 'snapshot.create', target: 'vm/301', params: { name } });
      const [first, second] = [await snapshot('one'), await snapshot('two')];
      expect(await life.end(await life.begin(first))).toMatchObject({ state: 'applied' });
      const error = { code: 'TARGET_CHANGED', message: expect.stringMatching(/ config\.parent, vm\/301 snapshots\.$/) };
      expect(await life.end(await life.begin(second))).toMatchObject({ state: 'failed', error });
    }));

  it('whose change leads to another plan is refused; one that does not matter is no reason', () =>
    inLife(async (life, one) => {
      const matters = await life.plan({ action: 'vm.configure', target: 'vm/301', params: { memory: 4096 } });
      byHand(one, 'PUT', '/nodes/pve4/qemu/301/config', { memory: 3072 });
      expect(await life.end(await life.begin(matters))).toMatchObject({
        state: 'failed',
        error: {
          code: 'TARGET_CHANGED',
          message: expect.stringMatching(/: step 1 \(Set memory .*undone otherwise\.$/) as string,
        },
      });

      const harmless = await life.plan({ action: 'vm.configure', target: 'vm/301', params: { memory: 4096 } });
      byHand(one, 'PUT', '/nodes/pve4/qemu/301/config', { description: 'somebody was here' });
      expect(await life.end(await life.begin(harmless))).toMatchObject({ state: 'applied' });
    }));

  it('whose VMID was taken between plan and apply is left alone', () =>
    inLife(async (life, one) => {
      const plan = await life.plan({
        action: 'vm.create_from_template',
        target: 'vm/9000',
        params: { name: 'mine', newid: 400 },
      });
      byHand(one, 'POST', '/nodes/pve1/qemu', { vmid: 400, name: 'theirs', memory: 512 });
      const operation = await life.end(await life.begin(plan));
      expect(operation).toMatchObject({ state: 'failed', error: { code: 'PVE_REJECTED' } });
      expect(one.simulator.objects().get('vm/400')).toMatchObject({ name: 'theirs' });
    }));
});

describe('an operation', () => {
  it('undoes what it made when a later step fails, and touches nothing else', () =>
    inLife(async (life, one) => {
      one.simulator.inject({
        match: { method: 'POST', path: '*/status/start' },
        kind: 'task-fail',
        exitstatus: 'start failed',
      });
      const operation = (await life.run({
        action: 'vm.create_from_template',
        target: 'vm/9000',
        params: { name: 'web1', cores: 4, disk: { size: '20G' } },
      })) as Operation;
      expect(operation.state).toBe('failed');
      expect(operation.error).toMatchObject({ code: 'PVE_TASK_FAILED' });
      expect(operation.compensation?.map(({ state }) => state)).toEqual(['undone', 'undone', 'undone']);
      expect(one.changes()).toEqual([]);
    }));

  it('waits for a lock that a backup holds, and says so', () =>
    inLife(async (life, one) => {
      const plan = await life.plan({ action: 'vm.configure', target: 'vm/301', params: { memory: 4096 } });
      byHand(one, 'PUT', '/nodes/pve4/qemu/301/config', { lock: 'backup' });
      const operation_id = await life.begin(plan);
      const waits: unknown[] = [];
      life.changes.events.subscribe(({ type, data }) => {
        if (type !== 'operation.waiting') return;
        waits.push(data);
        if (waits.length === 1)
          one.simulator.handle({
            method: 'PUT',
            path: '/nodes/pve4/qemu/301/config',
            params: { delete: 'lock', skiplock: 1 },
            principal: 'root@pam',
          });
      });
      const operation = await life.end(operation_id);
      expect(operation['state'], JSON.stringify(operation['error'])).toBe('applied');
      expect(JSON.stringify(waits[0])).toMatch(/VM is locked \(backup\)/);
    }));

  it('waits for another operation on the same guest', () =>
    inLife(async (life, one) => {
      const first = await life.plan({ action: 'vm.shutdown', target: 'vm/303' });
      const second = await life.plan({ action: 'snapshot.create', target: 'vm/303', params: { name: 'later' } });
      const [a, b] = [await life.begin(first), await life.begin(second)];
      expect([(await life.end(a))['state'], (await life.end(b))['state']]).toEqual(['applied', 'applied']);
      expect(one.calls()).toEqual(['POST /nodes/pve5/qemu/303/status/shutdown', 'POST /nodes/pve5/qemu/303/snapshot']);
    }));

  it('that is canceled between steps takes back what it did', () =>
    inLife(async (life, one) => {
      const plan = await life.plan({
        action: 'vm.create_from_template',
        target: 'vm/9000',
        params: { name: 'web1', cores: 4 },
      });
      const canceled = new Promise<void>((resolve) => {
        life.changes.events.subscribe(({ type, ids }) => {
          if (type === 'operation.effect.done')
            void life.engine.cancel(String(ids['operation_id']), actorOf(person)).then(resolve, resolve);
        });
      });
      const operation_id = await life.begin(plan);
      await canceled;
      const operation = await life.end(operation_id);
      expect(operation['state']).toBe('canceled');
      expect(one.changes()).toEqual([]);
    }));

  it('goes to a person when nobody can know, who resumes or gives it up', () =>
    inCase(async (one) => {
      one.simulator.inject({ match: { method: 'POST', path: '*/rollback', nth: 1 }, kind: 'cut-before' });
      const life = one.life();
      const operation_id = await life.begin(
        await life.plan({ action: 'snapshot.rollback', target: 'vm/303', params: { name: 'before-upgrade' } }),
      );
      expect(await life.end(operation_id)).toMatchObject({
        state: 'needs_attention',
        error: { code: 'NEEDS_ATTENTION' },
      });
      expect(await code(() => life.engine.resume('01900000-0000-7000-8000-000000000000', actorOf(person)))).toBe(
        'OPERATION_NOT_FOUND',
      );
      await life.engine.cancel(operation_id, actorOf(person));
      const ended = (await life.end(operation_id)) as Operation;
      expect(ended.state).toBe('canceled');
      expect(ended.compensation?.map(({ state }) => state)).toEqual(['left']);
      await life.close();
    }));
});

describe('a frozen environment', () => {
  it('begins nothing, lets what runs finish its step and wait, and goes on when it is thawed', () =>
    inLife(async (life, one) => {
      const other = await life.plan(START);
      const plan = await life.plan({
        action: 'vm.create_from_template',
        target: 'vm/9000',
        params: { name: 'web1', cores: 4 },
      });
      const seen: { why?: string; calls?: number; refusals?: string[] } = {};
      const whileFrozen = async (): Promise<void> => {
        const refusals = [
          await code(() => apply(life.changes, { plan_id: id(other) }, person)),
          await code(() => thaw(life.changes, 'home', 'power is back', agent)),
        ];
        Object.assign(seen, { calls: one.calls().length, refusals });
        await thaw(life.changes, 'home', 'power is back', person);
      };
      let frozen: Promise<unknown> | undefined;
      let thawed: Promise<void> | undefined;
      life.changes.events.subscribe(({ type, data }) => {
        if (type === 'operation.effect.sent') frozen ??= freeze(life.changes, 'home', { reason: 'on battery' }, agent);
        if (type !== 'operation.waiting' || thawed !== undefined) return;
        seen.why = JSON.stringify(data);
        thawed = whileFrozen();
      });
      const operation = await life.end(await life.begin(plan));
      await Promise.all([frozen, thawed]);
      expect(operation['state'], JSON.stringify(operation['error'])).toBe('applied');
      expect(seen).toMatchObject({
        why: expect.stringContaining('on battery') as string,
        refusals: ['ENVIRONMENT_FROZEN', 'FORBIDDEN'],
      });
      expect(seen.calls).toBeLessThanOrEqual(2);
      expect(one.calls()).toHaveLength(3);
    }));
});
