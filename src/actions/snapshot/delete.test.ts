import { describe, expect, it } from 'vitest';
import { applied, byHand, planned, refused } from '../../../test/support/action.ts';

describe('snapshot.delete', () => {
  it('cannot be taken back, and says so', async () => {
    const { trace } = await planned('snapshot.delete', 'vm/303', { name: 'before-upgrade' });
    expect(trace[0]?.undo).toEqual({ kind: 'irreversible', why: 'a deleted snapshot cannot be made again' });
  });

  it.each([
    ['vm/303', 'vm/303 has no snapshot nope; it has before-upgrade'],
    ['vm/121', 'vm/121 has no snapshot nope; it has none'],
  ])('names those that %s has when there is no such', async (target, words) => {
    expect(await refused('snapshot.delete', target, { name: 'nope' })).toContain(words);
  });

  it('leaves the other snapshots, and those that stood on it', () =>
    applied(
      'snapshot.delete',
      'vm/303',
      { name: 'before-upgrade' },
      (one, { state }) => {
        expect(state).toBe('applied');
        const { body } = one.simulator.handle({
          method: 'GET',
          path: '/nodes/pve5/qemu/303/snapshot',
          params: {},
          principal: 'root@pam',
        });
        expect((body as { data: { name: string }[] }).data.map(({ name }) => name).sort()).toEqual([
          'current',
          'second',
        ]);
      },
      (one) => byHand(one, 'POST', '/nodes/pve5/qemu/303/snapshot', { snapname: 'second' }),
    ));
});
