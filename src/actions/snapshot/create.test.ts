import { describe, expect, it } from 'vitest';
import { planned, refused } from '../../../test/support/action.ts';

describe('snapshot.create', () => {
  it('is taken back by deleting that snapshot', async () => {
    const { trace } = await planned('snapshot.create', 'vm/121', { name: 'before-upgrade' });
    expect(trace[0]?.undo).toMatchObject({
      kind: 'call',
      method: 'DELETE',
      path: '/nodes/pve2/qemu/121/snapshot/before-upgrade',
    });
  });

  it('keeps memory only when asked, and warns where there is none', async () => {
    expect((await planned('snapshot.create', 'vm/121', { name: 'aa' })).params).toEqual([{ snapname: 'aa' }]);
    expect(await planned('snapshot.create', 'vm/302', { name: 'aa', vmstate: true })).toMatchObject({
      params: [{ snapname: 'aa', vmstate: 1 }],
      warnings: ['the guest is stopped, so there is no memory to keep'],
    });
  });

  it('refuses a name that the guest has', async () => {
    expect(await refused('snapshot.create', 'vm/303', { name: 'before-upgrade' })).toContain(
      'vm/303 has a snapshot before-upgrade',
    );
  });

  it.each([
    ['current', 'is a name that Proxmox VE keeps for itself'],
    ['pending', 'is a name that Proxmox VE keeps for itself'],
    ['a', 'must begin with a letter and have 2 to 40'],
    ['1st', 'must begin with a letter and have 2 to 40'],
    ['a'.repeat(41), 'must begin with a letter and have 2 to 40'],
    ['../x', 'must begin with a letter and have 2 to 40'],
  ])('does not take "%s" for a name', async (name, words) => {
    expect(await refused('snapshot.create', 'vm/121', { name })).toContain(`"params.name":"${words}`);
  });

  it('shows in the plan what Proxmox VE says of a template', async () => {
    expect(await refused('snapshot.create', 'vm/9000', { name: 'aa' })).toContain(
      "you can't take a snapshot if it's a template",
    );
  });
});
