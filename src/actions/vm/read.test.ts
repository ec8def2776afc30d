import { describe, expect, it } from 'vitest';
import { byHand, planned, refused } from '../../../test/support/action.ts';

describe('vm.read', () => {
  it('needs nobody, not even for a tier-1 service', async () => {
    expect(await planned('vm.read', 'vm/101')).toMatchObject({
      risk: 'low',
      raises: [],
      state: 'approved',
      titles: [],
    });
  });

  it('answers the settings that the next start uses, pending changes included', async () => {
    const { result } = await planned('vm.read', 'vm/121', {}, (one) =>
      byHand(one, 'PUT', '/nodes/pve2/qemu/121/config', { cores: 3 }),
    );
    expect(result['config']).toMatchObject({ name: 'web', cores: 3 });
  });

  it('refuses a guest that there is not', async () => {
    expect(await refused('vm.read', 'vm/999')).toContain('NOT_FOUND: home has no vm/999.');
  });

  it('says what a number is that is of another kind', async () => {
    expect(await refused('vm.read', 'ct/101')).toContain('vm.read works on a vm, and ct/101 is a ct');
  });
});
