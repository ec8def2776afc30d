import { describe, expect, it } from 'vitest';
import { byHand, planned } from '../../../test/support/action.ts';

describe('vm.status', () => {
  it.each([
    ['vm/101', 'running'],
    ['vm/301', 'stopped'],
    ['vm/9000', 'stopped'],
  ])('answers that %s is %s, with no steps and no approval', async (target, status) => {
    const { result, titles, state } = await planned('vm.status', target);
    expect(result['status']).toMatchObject({ status });
    expect({ titles, state }).toEqual({ titles: [], state: 'approved' });
  });

  it('tells of high availability', async () => {
    const { result } = await planned('vm.status', 'vm/301', {}, (one) =>
      byHand(one, 'POST', '/cluster/ha/resources', { sid: 'vm:301', state: 'stopped' }),
    );
    expect(result['status']).toMatchObject({ ha: { managed: 1, state: 'stopped' } });
  });
});
