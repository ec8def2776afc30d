import { describe, expect, it } from 'vitest';
import { planned, refused } from '../../../test/support/action.ts';

describe('inventory.read', () => {
  it('needs nobody and has no steps', async () => {
    expect(await planned('inventory.read', 'cluster')).toMatchObject({ risk: 'low', state: 'approved', titles: [] });
  });

  it('answers what Proxmox VE lists', async () => {
    const { result } = await planned('inventory.read', 'cluster');
    const rows = result['guests'] as Record<string, unknown>[];
    expect(rows.find(({ vmid }) => vmid === 101)).toMatchObject({ node: 'pve1', name: 'dns-1', status: 'running' });
    expect(rows.every(({ type }) => type === 'qemu' || type === 'lxc')).toBe(true);
  });

  it('works on the cluster as a whole', async () => {
    expect(await refused('inventory.read', 'vm/101')).toContain(
      'inventory.read works on a cluster, and vm/101 is a vm',
    );
  });
});
