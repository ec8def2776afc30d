import { describe, expect, it } from 'vitest';
import { byHand, planned, refused } from '../../../test/support/action.ts';

describe('vm.shutdown', () => {
  it('leaves a stopped guest alone', async () => {
    expect(await planned('vm.shutdown', 'vm/301')).toMatchObject({ titles: [], result: { changed: false } });
  });

  it('gives the guest three minutes and pulls no plug unless told to', async () => {
    expect((await planned('vm.shutdown', 'vm/303')).params).toEqual([{ timeout: 180 }]);
    expect((await planned('vm.shutdown', 'vm/303', { timeout: 30, force_stop: true })).params).toEqual([
      { timeout: 30, forceStop: 1 },
    ]);
  });

  it('is taken back by a start', async () => {
    const { trace } = await planned('vm.shutdown', 'vm/303');
    expect(trace[0]?.undo).toMatchObject({ kind: 'call', title: 'Start vm/303 (legacy-app)' });
  });

  it('names every reason for which its risk is high', async () => {
    expect(await planned('vm.shutdown', 'vm/103')).toMatchObject({
      risk: 'high',
      state: 'awaiting_approval',
      raises: ['vm/103 carries a tier-1 service (by its tag)', 'vm/103 has its protection flag set'],
    });
  });

  it('asks the HA manager where that has the guest', async () => {
    const { trace } = await planned('vm.shutdown', 'vm/303', {}, (one) =>
      byHand(one, 'POST', '/cluster/ha/resources', { sid: 'vm:303' }),
    );
    expect(trace[0]).toMatchObject({ task: 'hastop', undo: { title: 'Start vm/303 (legacy-app)' } });
  });

  it.each([0, 3601, 1.5])('takes no time-out of %s seconds', async (timeout) => {
    expect(await refused('vm.shutdown', 'vm/303', { timeout })).toContain('"params.timeout"');
  });

  it('refuses a template', async () => {
    expect(await refused('vm.shutdown', 'vm/9000')).toContain('is a template; clone it first');
  });
});
