import { describe, expect, it } from 'vitest';
import { inCase } from '../../../test/contract/cases.ts';
import { applied, byHand, planned, refused } from '../../../test/support/action.ts';

describe('vm.start', () => {
  it('leaves a guest alone that runs already', async () => {
    expect(await planned('vm.start', 'vm/303')).toMatchObject({
      titles: [],
      result: { status: 'running', changed: false },
    });
  });

  it('is taken back by a shutdown that ends in pulling the plug', async () => {
    const { trace } = await planned('vm.start', 'vm/301');
    expect(trace[0]).toMatchObject({
      task: 'qmstart',
      undo: { kind: 'call', path: '/nodes/pve4/qemu/301/status/shutdown', params: { timeout: 60, forceStop: 1 } },
    });
  });

  it('asks the HA manager where that has the guest, whose task is another', async () => {
    const { trace } = await planned('vm.start', 'vm/301', {}, (one) =>
      byHand(one, 'POST', '/cluster/ha/resources', { sid: 'vm:301', state: 'stopped' }),
    );
    expect(trace[0]?.task).toBe('hastart');
  });

  it('starts a guest under HA as it was planned', () =>
    applied(
      'vm.start',
      'vm/301',
      {},
      (one, operation) => {
        expect(operation, JSON.stringify(operation.error)).toMatchObject({ state: 'applied' });
        expect(one.calls().at(-1)).toBe('POST /nodes/pve4/qemu/301/status/start');
      },
      (one) => byHand(one, 'POST', '/cluster/ha/resources', { sid: 'vm:301', state: 'stopped' }),
    ));

  it('refuses a template', async () => {
    expect(await refused('vm.start', 'vm/9000')).toContain('vm/9000 (debian-12) is a template; clone it first');
  });

  it('counts as done when somebody else was faster', () =>
    inCase(async (one) => {
      const path = '/nodes/pve4/qemu/301/status/start';
      // Between the answer and the task of ours, a person at the node starts it.
      one.simulator.inject({
        match: { method: 'POST', path },
        kind: 'task-fail',
        exitstatus: 'VM 301 already running',
      });
      const life = one.life((point, { seq }) => {
        if (point === 'after-answer' && seq === 1) byHand(one, 'POST', path);
      });
      const operation = await life.run({ action: 'vm.start', target: 'vm/301' });
      await life.close();
      expect(operation).toMatchObject({ state: 'applied', effects: [{ state: 'done', result: 'already so' }] });
    }));

  it('takes no parameters', async () => {
    expect(await refused('vm.start', 'vm/301', { force: true })).toContain('"params.force":"is not known here"');
  });
});
