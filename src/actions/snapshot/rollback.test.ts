import { describe, expect, it } from 'vitest';
import { applied, byHand, planned, refused } from '../../../test/support/action.ts';

describe('snapshot.rollback', () => {
  it('is of high risk, cannot be taken back, and warns of a running guest', async () => {
    const { risk, state, warnings, trace } = await planned('snapshot.rollback', 'vm/303', { name: 'before-upgrade' });
    expect({ risk, state, warnings }).toEqual({
      risk: 'high',
      state: 'awaiting_approval',
      warnings: ['the guest is stopped for it'],
    });
    expect(trace[0]?.undo.kind).toBe('irreversible');
  });

  it('starts the guest afterwards only when asked', async () => {
    expect((await planned('snapshot.rollback', 'vm/303', { name: 'before-upgrade' })).params).toEqual([{}]);
    expect((await planned('snapshot.rollback', 'vm/303', { name: 'before-upgrade', start: true })).params).toEqual([
      { start: 1 },
    ]);
  });

  it('refuses a snapshot that is not there', async () => {
    expect(await refused('snapshot.rollback', 'vm/303', { name: 'nope' })).toContain('vm/303 has no snapshot nope');
  });

  it('brings back the settings of then', () =>
    applied(
      'snapshot.rollback',
      'vm/303',
      { name: 'before-upgrade' },
      (one, { state }) => {
        expect(state).toBe('applied');
        expect(one.simulator.objects().get('vm/303')?.['config']).toMatchObject({ onboot: 1 });
      },
      (one) => byHand(one, 'PUT', '/nodes/pve5/qemu/303/config', { onboot: 0 }),
    ));
});
