import { describe, expect, it } from 'vitest';
import { call, data, runTask, simulate } from '../testing.ts';

type Rows = Record<string, unknown>[];

describe('bulk actions', () => {
  it('stop every guest of a node, each by its own task, and start those that start at boot', () => {
    const sim = simulate();
    const on = (): number[] =>
      [...sim.world.state.guests.values()]
        .filter(({ node, running }) => node === 'pve2' && running !== undefined)
        .map(({ vmid }) => vmid);
    const before = on();
    expect(before.length).toBeGreaterThan(0);
    expect(runTask(sim, 'POST /nodes/pve2/stopall')).toBe('OK');
    expect(on()).toEqual([]);
    expect(runTask(sim, 'POST /nodes/pve2/startall')).toBe('OK');
    expect(on()).toEqual(before);
  });

  it('are refused without the right to them', () => {
    expect(call(simulate(), 'POST /nodes/pve2/stopall', {}, 'auditor@pve').status).toBe(403);
  });
});

describe('a node', () => {
  it('keeps its own settings, under a digest', () => {
    const sim = simulate();
    data(sim, 'PUT /nodes/pve1/config', { description: 'first' });
    const { digest } = data<{ digest: string }>(sim, 'GET /nodes/pve1/config');
    data(sim, 'PUT /nodes/pve1/config', { description: 'second', digest });
    expect(call(sim, 'PUT /nodes/pve1/config', { description: 'third', digest }).status).toBe(500);
    expect(data(sim, 'GET /nodes/pve1/config')).toMatchObject({ description: 'second' });
  });

  it('wakes another one only with its address', () => {
    const sim = simulate();
    expect(call(sim, 'POST /nodes/pve1/wakeonlan').reason).toBe("'pve1' is local node, cannot wake my self!");
    expect(call(sim, 'POST /nodes/pve2/wakeonlan').reason).toBe("No wake on LAN MAC address defined for 'pve2'!");
    sim.killNode('pve2');
    const node = sim.world.nodeState('pve2');
    node.options = { wakeonlan: '02:00:00:00:00:01' };
    expect(data(sim, 'POST /nodes/pve2/wakeonlan')).toBe('02:00:00:00:00:01');
    sim.advance(61_000);
    expect(node.online).toBe(true);
  });
});

describe('virtual networks', () => {
  it('stand on each other, and are bridges once they are applied', () => {
    const sim = simulate();
    expect(call(sim, 'POST /cluster/sdn/vnets', { vnet: 'lab', zone: 'none' }).reason).toBe(
      'create sdn vnet object failed: zone none does not exist',
    );
    data(sim, 'POST /cluster/sdn/zones', { zone: 'simple1', type: 'simple' });
    data(sim, 'POST /cluster/sdn/vnets', { vnet: 'lab', zone: 'simple1' });
    expect(call(sim, 'DELETE /cluster/sdn/zones/simple1').status).toBe(500);
    expect(data<Rows>(sim, 'GET /cluster/sdn/vnets', { pending: 1 })[0]).toMatchObject({ vnet: 'lab', state: 'new' });
    expect(runTask(sim, 'PUT /cluster/sdn')).toBe('OK');
    expect(data<Rows>(sim, 'GET /cluster/sdn/vnets', { running: 1 })[0]).toMatchObject({ vnet: 'lab' });
    expect(sim.world.nodeState('pve2').network).toHaveProperty('lab');
  });
});

describe('replication', () => {
  it('has one job for a guest and a target', () => {
    const sim = simulate();
    const guest = [...sim.world.state.guests.values()].find(({ node }) => node === 'pve2');
    const id = `${guest?.vmid}-0`;
    data(sim, 'POST /cluster/replication', { id, target: 'pve3', type: 'local', schedule: '*/30' });
    expect(call(sim, 'POST /cluster/replication', { id, target: 'pve3', type: 'local' }).status).toBe(500);
    expect(data<Rows>(sim, 'GET /nodes/pve2/replication')[0]).toMatchObject({ id, target: 'pve3', fail_count: 0 });
    data(sim, `DELETE /cluster/replication/${id}`, { force: 1 });
    expect(data(sim, 'GET /cluster/replication')).toEqual([]);
  });
});
