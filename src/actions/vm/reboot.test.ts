import { describe, expect, it } from 'vitest';
import { applied, byHand, planned, refused } from '../../../test/support/action.ts';

describe('vm.reboot', () => {
  it('tells to start a guest that is stopped', async () => {
    expect(await refused('vm.reboot', 'vm/301')).toContain('vm/301 (staging-web) is stopped; start it instead');
  });

  it('refuses a template, which never runs', async () => {
    expect(await refused('vm.reboot', 'vm/9000')).toContain('"running": vm/9000 (debian-12) is stopped');
  });

  it('leaves nothing to take back', async () => {
    const { trace, params } = await planned('vm.reboot', 'vm/303', { timeout: 60 });
    expect(params).toEqual([{ timeout: 60 }]);
    expect(trace[0]).toMatchObject({ task: 'qmreboot', undo: { kind: 'none' } });
  });

  it('brings pending changes into effect', () =>
    applied(
      'vm.reboot',
      'vm/121',
      {},
      (one, operation) => {
        expect(operation, JSON.stringify(operation.error)).toMatchObject({ state: 'applied' });
        const { body } = one.simulator.handle({
          method: 'GET',
          path: '/nodes/pve2/qemu/121/pending',
          params: {},
          principal: 'root@pam',
        });
        const { data } = body as { data: { key: string; value?: unknown; pending?: unknown }[] };
        expect(data.find(({ key }) => key === 'cores')).toEqual({ key: 'cores', value: 3 });
      },
      (one) => byHand(one, 'PUT', '/nodes/pve2/qemu/121/config', { cores: 3 }),
    ));
});
