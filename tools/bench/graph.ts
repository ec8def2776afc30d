import { buildGraph, inventoryOf, type Capture } from '../../src/estate/index.ts';
import { dependentsOf } from '../../src/changes/blast/reach.ts';
import { list } from '../../src/proxmox/index.ts';
import { captureOf } from './lab.ts';
import type { Figure } from './figure.ts';

/** The graph of a lab of 10,000 guests, and what depends on one of its nodes. */
export async function benchGraph(): Promise<Figure[]> {
  const capture: Capture = {
    'GET /cluster/resources': captureOf(10_000)['GET /cluster/resources'],
    'GET /cluster/backup': [{ id: 'all', all: 1, storage: 'local' }],
  };
  const inventory = inventoryOf(list(capture['GET /cluster/resources']));
  const began = performance.now();
  const graph = buildGraph(inventory, capture, []);
  const built = performance.now() - began;
  const reached = dependentsOf(graph, ['node/pve1']).length;
  const walked = performance.now() - began - built;
  if (reached < 1_000) throw new Error(`only ${reached} objects depend on a node`);
  return [
    { name: 'graph of 10,000 guests', value: built, unit: 'ms', limit: '< 1000 ms' },
    { name: 'what depends on one of its nodes', value: walked, unit: 'ms', limit: '< 200 ms' },
  ];
}
