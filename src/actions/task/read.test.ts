import { describe, expect, it } from 'vitest';
import { applied, byHand, planned, refused } from '../../../test/support/action.ts';
import type { Case } from '../../../test/contract/cases.ts';

const withTask = (one: Case): void => byHand(one, 'POST', '/nodes/pve5/qemu/302/status/start');
const types = async (params: object): Promise<unknown[]> => {
  let found: unknown[] = [];
  await applied(
    'task.read',
    'cluster',
    params,
    (_one, operation) => {
      const { a1 } = operation['results'] as { a1: { tasks: { type: string }[] } };
      found = a1.tasks.map(({ type }) => type);
    },
    withTask,
  );
  return found;
};

describe('task.read', () => {
  it('answers the tasks of the cluster, or of one node with its archive', async () => {
    expect(await types({})).toEqual(['qmstart']);
    expect(await types({ node: 'pve5' })).toEqual(['qmstart']);
    expect(await types({ node: 'pve1' })).toEqual([]);
  });

  it('needs nobody and has no steps', async () => {
    expect(await planned('task.read', 'cluster')).toMatchObject({ risk: 'low', state: 'approved', titles: [] });
  });

  it('shows what Proxmox VE says of a node that there is not', async () => {
    expect(await refused('task.read', 'cluster', { node: 'pve9' })).toContain("hostname lookup 'pve9' failed");
    expect(await refused('task.read', 'cluster', { node: '../x' })).toContain('"params.node":"must be a node name"');
  });
});
