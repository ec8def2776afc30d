import { describe, expect, it } from 'vitest';
import { applied, byHand, planned, refused } from '../../../test/support/action.ts';

describe('vm.delete', () => {
  it('is of high risk by itself and cannot be taken back', async () => {
    const { risk, state, trace } = await planned('vm.delete', 'vm/302');
    expect({ risk, state }).toEqual({ risk: 'high', state: 'awaiting_approval' });
    expect(trace[0]?.undo).toEqual({ kind: 'irreversible', why: 'a deleted guest comes back only from a backup' });
  });

  it('purges unless told not to, and never touches foreign disks unless told to', async () => {
    expect((await planned('vm.delete', 'vm/302')).params).toEqual([{ purge: 1, 'destroy-unreferenced-disks': 0 }]);
    expect((await planned('vm.delete', 'vm/302', { purge: false, destroy_unreferenced_disks: true })).params).toEqual([
      { purge: 0, 'destroy-unreferenced-disks': 1 },
    ]);
  });

  it('refuses a running guest', async () => {
    expect(await refused('vm.delete', 'vm/303')).toContain('vm/303 (legacy-app) is running; shut it down first');
  });

  it('refuses a protected guest, and says how to go on', async () => {
    const words = await refused('vm.delete', 'vm/302', {}, (one) =>
      byHand(one, 'PUT', '/nodes/pve5/qemu/302/config', { protection: 1 }),
    );
    expect(words).toContain('vm/302 (staging-db) is protected; take the protection away with vm.configure first');
  });

  it('takes a guest out of high availability with it', () =>
    applied(
      'vm.delete',
      'vm/302',
      {},
      (one, { state }) => {
        expect(state).toBe('applied');
        expect(one.simulator.objects().has('ha/vm:302')).toBe(false);
      },
      (one) => byHand(one, 'POST', '/cluster/ha/resources', { sid: 'vm:302', state: 'stopped' }),
    ));

  it('refuses to leave high availability with a dangling guest', async () => {
    const words = await refused('vm.delete', 'vm/302', { purge: false }, (one) =>
      byHand(one, 'POST', '/cluster/ha/resources', { sid: 'vm:302', state: 'stopped' }),
    );
    expect(words).toContain('used in HA resources and purge parameter not set');
  });

  it('refuses a template on which linked clones stand, before anything is sent', async () => {
    expect(await refused('vm.delete', 'vm/9000')).toMatch(/PREFLIGHT_FAILED: .*vm\/9000.*linked clone/);
  });

  it('deletes a template that nothing stands on', async () => {
    expect((await planned('vm.delete', 'vm/9002')).titles).toEqual(['Delete vm/9002 (debian-12-local) with its disks']);
  });
});
