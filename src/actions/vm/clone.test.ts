import { describe, expect, it } from 'vitest';
import { applied, planned, refused } from '../../../test/support/action.ts';

const no = (target: string, params: object) => refused('vm.clone', target, params);

describe('vm.clone', () => {
  it('makes a linked clone of a template and warns that the two hang together', async () => {
    expect(await planned('vm.clone', 'vm/9000', { name: 'web2' })).toMatchObject({
      params: [{ newid: 100, name: 'web2' }],
      warnings: ['the new guest depends on the template, which cannot be deleted while it exists'],
      result: { vmid: 100, node: 'pve4' },
    });
  });

  it('makes a full clone of a guest, on another storage where wanted', async () => {
    expect(await planned('vm.clone', 'vm/301', { storage: 'local-lvm', pool: 'staging' })).toMatchObject({
      params: [{ newid: 100, storage: 'local-lvm', pool: 'staging' }],
      warnings: [],
    });
    expect((await planned('vm.clone', 'vm/9000', { full: true, storage: 'local-lvm' })).params).toEqual([
      { newid: 100, full: 1, storage: 'local-lvm' },
    ]);
  });

  it('is taken back by removing the new guest, wherever it was made', async () => {
    const { trace, result } = await planned('vm.clone', 'vm/9000', { node: 'pve1', name: 'copy' });
    expect(result['node']).toBe('pve1');
    expect(trace[0]?.undo).toEqual({
      kind: 'call',
      title: 'Remove vm/100 (copy)',
      method: 'DELETE',
      path: '/nodes/pve1/qemu/100',
      params: { purge: 1 },
    });
  });

  it.each([
    ['a storage for a linked clone', 'vm/9000', { storage: 'nas' }, 'a linked clone stays on the storage of its'],
    ['a linked clone of a guest', 'vm/301', { full: false }, 'is not a template; only a full clone is possible'],
    ['another node with local disks', 'vm/9002', { node: 'pve1' }, "can't clone VM to node 'pve1' (VM uses local"],
    ['a VMID that is taken', 'vm/9000', { newid: 101 }, 'VMID 101 is taken by dns-1'],
    ['a VMID below 100', 'vm/9000', { newid: 99 }, '"params.newid"'],
    ['a pool that is not there', 'vm/9000', { pool: 'nope' }, "pool 'nope' does not exist"],
    ['a storage that is not there', 'vm/301', { storage: 'nope' }, "storage 'nope' does not exist"],
    ['a name that is no DNS name', 'vm/9000', { name: '-web' }, 'must be a DNS name'],
  ])('refuses %s', async (_what, target, params, words) => {
    expect(await no(target, params)).toContain(words);
  });

  it('takes the wished VMID, and the guest as it was at a snapshot', async () => {
    const { params } = await planned('vm.clone', 'vm/303', { newid: 777, snapshot: 'before-upgrade' });
    expect(params).toEqual([{ newid: 777, snapname: 'before-upgrade' }]);
  });

  it('gives the clone its own identity and leaves the source as it was', () =>
    applied('vm.clone', 'vm/301', { name: 'copy' }, (one, { state }) => {
      expect(state).toBe('applied');
      const objects = one.simulator.objects();
      const config = (name: string) => objects.get(name)?.['config'] as Record<string, unknown>;
      expect(config('vm/100')['smbios1']).not.toBe(config('vm/301')['smbios1']);
      expect(one.changes().map(({ object }) => object)).not.toContain('vm/301');
    }));
});
