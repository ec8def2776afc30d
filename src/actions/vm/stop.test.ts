import { describe, expect, it } from 'vitest';
import { byHand, planned, refused } from '../../../test/support/action.ts';

describe('vm.stop', () => {
  it('leaves a stopped guest alone', async () => {
    expect(await planned('vm.stop', 'vm/301')).toMatchObject({ titles: [], result: { changed: false } });
  });

  it('waits for a person even where its risk is medium', async () => {
    expect(await planned('vm.stop', 'vm/303')).toMatchObject({ risk: 'medium', state: 'awaiting_approval' });
  });

  it('is taken back by a start', async () => {
    const { trace } = await planned('vm.stop', 'vm/303');
    expect(trace[0]).toMatchObject({
      task: 'qmstop',
      undo: { kind: 'call', method: 'POST', path: '/nodes/pve5/qemu/303/status/start' },
    });
  });

  it('asks the HA manager where that has the guest', async () => {
    const { trace } = await planned('vm.stop', 'vm/303', {}, (one) =>
      byHand(one, 'POST', '/cluster/ha/resources', { sid: 'vm:303' }),
    );
    expect(trace[0]?.task).toBe('hastop');
  });

  it('is of high risk for a tier-1 service, and says why', async () => {
    expect(await planned('vm.stop', 'vm/101')).toMatchObject({
      risk: 'high',
      raises: ['vm/101 carries a tier-1 service (by its tag)'],
    });
  });

  it('refuses a template', async () => {
    expect(await refused('vm.stop', 'vm/9000')).toContain('is a template; clone it first');
  });
});
