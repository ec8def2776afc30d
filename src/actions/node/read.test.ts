import { describe, expect, it } from 'vitest';
import { planned, refused } from '../../../test/support/action.ts';

describe('node.read', () => {
  it('needs nobody and has no steps', async () => {
    expect(await planned('node.read', 'cluster')).toMatchObject({ risk: 'low', state: 'approved', titles: [] });
  });

  it('answers what Proxmox VE lists', async () => {
    const { result } = await planned('node.read', 'cluster');
    const rows = result['nodes'] as Record<string, unknown>[];
    expect(rows.map(({ node }) => String(node)).sort()).toEqual(['pve1', 'pve2', 'pve3', 'pve4', 'pve5']);
    expect(rows.every(({ status }) => status === 'online')).toBe(true);
  });

  it('works on the cluster as a whole', async () => {
    expect(await refused('node.read', 'vm/101')).toContain('node.read works on a cluster, and vm/101 is a vm');
  });
});
