import type { PveApi } from '../../src/proxmox/index.ts';
import { describe, expect, it } from 'vitest';
import { diffObjects } from '../../src/operations/index.ts';
import type { Fault, Objects } from '../../src/simulator/index.ts';
import type { Operation } from '../contract/cases.ts';
import { person } from '../support/harness.ts';
import { actorOf } from '../../src/identity/index.ts';
import { inRig, type Rig } from './support.ts';

/** Four steps: clone, settings, disk, start. */
const CREATE = {
  action: 'vm.create_from_template',
  target: 'vm/9000',
  params: { name: 'web1', cores: 4, disk: { size: '+1G' }, wait: 0 },
};
const AT = '/nodes/pve4/qemu';
const STEPS = [`POST ${AT}/9000/clone`, `PUT ${AT}/100/config`, `PUT ${AT}/100/resize`, `POST ${AT}/100/status/start`];
const CONFIG = { method: 'PUT', path: `${AT}/100/config` };

const changes = (rig: Rig) => diffObjects(rig.before as Objects, rig.simulator.objects());
async function run(rig: Rig): Promise<Operation> {
  const life = rig.life();
  try {
    return (await life.run(CREATE)) as Operation;
  } finally {
    await life.close();
  }
}

describe('a step in the middle that', () => {
  it.each<[string, Omit<Fault, 'match'>, RegExp]>([
    [
      'is forbidden (403)',
      { kind: 'status', status: 403, message: 'Permission check failed' },
      /answered 403 .*Permission/,
    ],
    ['breaks inside (500)', { kind: 'status', status: 500, message: 'no space left' }, /answered 500 .*no space left/],
  ])('%s fails the operation with those words, and what was made is removed', (_what, fault, words) =>
    inRig(async (rig) => {
      rig.simulator.inject({ match: CONFIG, ...fault });
      const operation = await run(rig);
      expect(operation).toMatchObject({ state: 'failed', error: { code: 'PVE_REJECTED' } });
      expect(operation.error?.message).toMatch(words);
      expect(operation.effects.map(({ state }) => state)).toEqual(['done', 'failed', 'pending', 'pending']);
      expect(rig.calls()).toEqual([STEPS[0], `DELETE ${AT}/100`]);
      expect(changes(rig)).toEqual([]);
    }),
  );

  it.each<[string, Omit<Fault, 'match'>]>([
    ['could not reach its node (595)', { kind: 'status', status: 595 }],
    ['lost its node on the way (596)', { kind: 'status', status: 596 }],
    ['was cut off before it was carried out', { kind: 'cut-before' }],
    ['was cut off after it was carried out', { kind: 'cut-after' }],
  ])('%s is settled by looking, and nothing is done twice', (_what, fault) =>
    inRig(async (rig) => {
      rig.simulator.inject({ match: CONFIG, ...fault });
      const operation = await run(rig);
      expect(operation, JSON.stringify(operation.error)).toMatchObject({ state: 'applied' });
      expect(rig.calls()).toEqual(STEPS);
    }),
  );

  it('was a task whose answer was cut off is found by its UPID, not sent again', () =>
    inRig(async (rig) => {
      rig.simulator.inject({ match: { method: 'POST', path: `${AT}/9000/clone` }, kind: 'cut-after' });
      const operation = await run(rig);
      expect(operation, JSON.stringify(operation.error)).toMatchObject({
        state: 'applied',
        effects: [{ in_doubt: { settled_by: 'task' } }, {}, {}, {}],
      });
      expect(rig.calls()).toEqual(STEPS);
    }));

  it('takes longer than the time-out is settled by looking, and not sent twice', () =>
    inRig(
      async (rig) => {
        rig.simulator.inject({ match: CONFIG, kind: 'delay', delay_ms: 900 });
        const operation = await run(rig);
        expect(operation, JSON.stringify(operation.error)).toMatchObject({
          state: 'applied',
          effects: [{}, { in_doubt: { settled_by: 'postcondition' } }, {}, {}],
        });
        expect(rig.calls()).toEqual(STEPS);
      },
      { slow: true, timeouts: { write: 300 } },
    ));
});

describe('when in the middle of an operation', () => {
  it('the token is revoked, it fails, and says what it could not take back', () =>
    inRig(async (rig) => {
      const life = rig.life(rig.api, (point, { seq }) => {
        if (point === 'before-intent' && seq === 2) rig.revoke();
      });
      const operation = (await life.run(CREATE)) as Operation;
      await life.close();
      expect(operation).toMatchObject({ state: 'failed', error: { code: 'PVE_REJECTED' } });
      expect(operation.error?.message).toContain('answered 401');
      expect(operation.compensation).toMatchObject([{ seq: 1, state: 'failed' }]);
      expect(operation.compensation?.[0]?.why).toContain('answered 401');
      expect(rig.calls()).toEqual([STEPS[0]]);
    }));

  it('the token is revoked while a task runs, a person is asked, for the task goes on', () =>
    inRig(async (rig) => {
      const life = rig.life(rig.api, (point, { seq }) => {
        if (point === 'after-answer' && seq === 1) rig.revoke();
      });
      const operation = (await life.run(CREATE)) as Operation;
      await life.close();
      expect(operation).toMatchObject({ state: 'needs_attention', error: { code: 'NEEDS_ATTENTION' } });
      expect(operation.error?.message).toMatch(/was started and cannot be watched: .*answered 401/);
      expect(operation.effects[0]?.state).toBe('running');
      expect(rig.calls()).toEqual([STEPS[0]]);
    }));

  it('Proxmox VE goes down and stays down, a person is asked, and resuming ends it with nothing done twice', () =>
    inRig(async (rig) => {
      let down: Promise<void> | undefined;
      const life = rig.life(rig.api, (point, { seq }) => {
        if (point === 'before-intent' && seq === 2 && down === undefined) down = rig.down();
      });
      const operation_id = await life.begin(await life.plan(CREATE));
      const stuck = (await life.end(operation_id)) as Operation;
      expect(stuck).toMatchObject({ state: 'needs_attention', error: { code: 'NEEDS_ATTENTION' } });
      expect(stuck.error?.message).toMatch(/cannot be reached|got no answer/);
      expect(rig.calls()).toEqual([STEPS[0]]);
      await down;
      await rig.up();
      await life.engine.resume(operation_id, actorOf(person));
      const ended = (await life.end(operation_id)) as Operation;
      await life.close();
      expect(ended, JSON.stringify(ended.error)).toMatchObject({ state: 'applied' });
      expect(rig.calls()).toEqual(STEPS);
    }));

  it('Proxmox VE goes down right after the very first call, whose answer is lost, a person is asked', () =>
    inRig(async (rig) => {
      rig.simulator.inject({ match: { method: 'POST', path: `${AT}/9000/clone` }, kind: 'cut-after' });
      let down: Promise<void> | undefined;
      const api = {
        ...rig.api,
        // The first look at what became of it.
        get: async (...call: Parameters<PveApi['get']>) => {
          if (rig.calls().length > 0) await (down ??= rig.down());
          return rig.api.get(...call);
        },
      };
      const life = rig.life(api);
      const operation_id = await life.begin(await life.plan(CREATE));
      const stuck = (await life.end(operation_id)) as Operation;
      expect(stuck).toMatchObject({ state: 'needs_attention', error: { code: 'NEEDS_ATTENTION' } });
      expect(stuck.error?.message).toContain('was sent, and nobody can be asked whether it took place');
      await life.close();
      await rig.up();
      const next = rig.life(rig.api);
      await next.engine.resume(operation_id, actorOf(person));
      const ended = (await next.end(operation_id)) as Operation;
      await next.close();
      expect(ended, JSON.stringify(ended.error)).toMatchObject({ state: 'applied' });
      expect(rig.calls()).toEqual(STEPS);
    }));

  it('a lost answer cannot be looked for, because Proxmox VE refuses the look, a person is asked', () =>
    inRig(async (rig) => {
      rig.simulator.inject({ match: { method: 'POST', path: `${AT}/9000/clone` }, kind: 'cut-after' });
      const refused = { kind: 'status', status: 500, message: 'no list today' } as const;
      rig.simulator.inject({ match: { method: 'GET', path: '/nodes/pve4/tasks' }, ...refused });
      const life = rig.life();
      const operation_id = await life.begin(await life.plan(CREATE));
      const stuck = (await life.end(operation_id)) as Operation;
      expect(stuck).toMatchObject({ state: 'needs_attention', error: { code: 'NEEDS_ATTENTION' } });
      expect(stuck.error?.message).toMatch(/nobody can be asked whether it took place: .*no list today/);
      await life.engine.resume(operation_id, actorOf(person));
      const ended = (await life.end(operation_id)) as Operation;
      await life.close();
      expect(ended, JSON.stringify(ended.error)).toMatchObject({ state: 'applied' });
      expect(rig.calls()).toEqual(STEPS);
    }));

  it('Proxmox VE is down for a moment only, the operation waits and goes on by itself', () =>
    inRig(async (rig) => {
      rig.simulator.inject({ match: { ...CONFIG, times: 3 }, kind: 'status', status: 595 });
      const operation = await run(rig);
      expect(operation, JSON.stringify(operation.error)).toMatchObject({ state: 'applied' });
      expect(rig.calls()).toEqual(STEPS);
    }));
});

it('an operation whose lab is down from the start fails, and nothing is left of it', () =>
  inRig(async (rig) => {
    const life = rig.life();
    const plan = await life.plan(CREATE);
    await rig.down();
    const operation = (await life.end(await life.begin(plan))) as Operation;
    await life.close();
    expect(operation).toMatchObject({ state: 'failed', error: { code: 'PVE_UNREACHABLE' } });
    expect(rig.simulator.calls).toEqual([]);
  }));
