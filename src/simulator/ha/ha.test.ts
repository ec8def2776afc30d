import { describe, expect, it } from 'vitest';
import { call, data, runTask, simulate } from '../testing.ts';
import type { Simulator } from '../simulator.ts';

interface Row {
  readonly id: string;
  readonly node?: string;
  readonly state?: string;
}

const service = (sim: Simulator, sid: string): Row | undefined =>
  data<Row[]>(sim, 'GET /cluster/ha/status/current').find(({ id }) => id === `service:${sid}`);

/** A running guest under HA with its disks on shared storage. */
function managed(): { sim: Simulator; vmid: number; node: string } {
  const sim = simulate();
  const [vmid, node] = [900, 'pve4'];
  expect(runTask(sim, `POST /nodes/${node}/qemu/9000/clone`, { newid: vmid })).toBe('OK');
  expect(runTask(sim, `POST /nodes/${node}/qemu/${vmid}/status/start`)).toBe('OK');
  data(sim, 'POST /cluster/ha/resources', { sid: `vm:${vmid}` });
  expect(service(sim, `vm:${vmid}`)).toMatchObject({ state: 'queued' });
  sim.settle();
  return { sim, vmid, node };
}

describe('the HA manager', () => {
  it('hears of a resource with its next look', () => {
    const { sim, vmid } = managed();
    expect(service(sim, `vm:${vmid}`)).toMatchObject({ state: 'started' });
    data(sim, `DELETE /cluster/ha/resources/${vmid}`);
    expect(service(sim, `vm:${vmid}`)).toMatchObject({ state: 'deleting' });
    sim.settle();
    expect(service(sim, `vm:${vmid}`)).toBeUndefined();
  });

  it('stops and starts what it is asked to', () => {
    const { sim, vmid, node } = managed();
    expect(runTask(sim, `POST /nodes/${node}/qemu/${vmid}/status/stop`)).toBe('OK');
    expect(sim.world.state.guests.get(vmid)?.running).toBeUndefined();
    expect(data(sim, `GET /cluster/ha/resources/vm:${vmid}`)).toMatchObject({ state: 'stopped' });
    expect(runTask(sim, `POST /nodes/${node}/qemu/${vmid}/status/start`)).toBe('OK');
    expect(sim.world.state.guests.get(vmid)?.running).toBeDefined();
  });

  it('fences a dead node and brings its services up elsewhere', () => {
    const { sim, vmid, node } = managed();
    sim.killNode(node);
    expect(service(sim, `vm:${vmid}`)).toMatchObject({ state: 'started', node });
    sim.advance(90_000);
    expect(service(sim, `vm:${vmid}`)).toMatchObject({ state: 'fence', node });
    sim.settle();
    const now = sim.world.state.guests.get(vmid);
    expect(now?.node).not.toBe(node);
    expect(service(sim, `vm:${vmid}`)).toMatchObject({ state: 'started', node: now?.node });
  });

  it('refuses what it does not know in the words of the place', () => {
    const sim = simulate();
    expect(call(sim, 'POST /cluster/ha/resources', { sid: 'vm:9999' }).reason).toBe(
      "resource 'vm:9999' does not exist in cluster",
    );
    expect(call(sim, 'DELETE /cluster/ha/resources/vm:9999').reason).toBe(
      "cannot delete service 'vm:9999', not HA managed!",
    );
    expect(call(sim, 'GET /cluster/ha/groups').reason).toBe(
      'cannot index groups: ha groups have been migrated to rules',
    );
    expect(call(sim, 'DELETE /cluster/ha/rules/nope').status).toBe(200);
  });
});

describe('rules', () => {
  it('are made, changed and deleted, each kind with parameters of its own', () => {
    const sim = simulate();
    for (const sid of ['vm:101', 'vm:102']) data(sim, 'POST /cluster/ha/resources', { sid, state: 'ignored' });
    const rule = { rule: 'near', type: 'node-affinity', resources: 'vm:101', nodes: 'pve2:2,pve1' };
    data(sim, 'POST /cluster/ha/rules', rule);
    data(sim, 'POST /cluster/ha/rules', {
      rule: 'apart',
      type: 'resource-affinity',
      resources: 'vm:102,vm:101',
      affinity: 'negative',
    });
    expect(data(sim, 'GET /cluster/ha/rules')).toMatchObject([
      { rule: 'near', nodes: 'pve1,pve2:2', strict: 0, order: 1 },
      { rule: 'apart', resources: 'vm:101,vm:102', affinity: 'negative', order: 2 },
    ]);
    expect(data(sim, 'GET /cluster/ha/rules', { type: 'resource-affinity' })).toHaveLength(1);
    data(sim, 'PUT /cluster/ha/rules/near', { type: 'node-affinity', strict: 1, delete: 'comment' });
    expect(data(sim, 'GET /cluster/ha/rules/near')).toMatchObject({ strict: 1 });
    expect(call(sim, 'POST /cluster/ha/rules', { ...rule, affinity: 'positive' }).body).toMatchObject({
      errors: { affinity: expect.stringContaining('not defined in schema') as string },
    });
    expect(call(sim, 'POST /cluster/ha/rules', { rule: 'more', type: 'node-affinity' }).body).toMatchObject({
      errors: { nodes: expect.stringContaining('missing') as string, resources: expect.anything() as string },
    });
    expect(call(sim, 'POST /cluster/ha/rules', { rule: 'more', nodes: 'pve1' }).body).toMatchObject({
      errors: { type: expect.stringContaining('missing') as string },
    });
    data(sim, 'DELETE /cluster/ha/rules/near');
    expect(data(sim, 'GET /cluster/ha/rules')).toHaveLength(1);
  });
});

describe('resources that belong together or apart', () => {
  /** Both have their disks where every node sees them. */
  const manage = (sim: Simulator, affinity: string): void => {
    data(sim, 'POST /cluster/ha/resources', { sid: 'vm:111' });
    data(sim, 'POST /cluster/ha/resources', { sid: 'vm:301', state: 'stopped' });
    const resources = 'vm:111,vm:301';
    data(sim, 'POST /cluster/ha/rules', { rule: 'both', type: 'resource-affinity', resources, affinity });
    for (let round = 0; round < 3; round++) sim.settle();
  };
  const nodeOf = (sim: Simulator, vmid: number): string | undefined => sim.world.state.guests.get(vmid)?.node;

  it('move together', () => {
    const sim = simulate();
    manage(sim, 'positive');
    expect(data(sim, 'GET /nodes/pve5/qemu/111/migrate')).toMatchObject({ 'dependent-ha-resources': ['vm:301'] });
    expect(data(sim, 'POST /cluster/ha/resources/vm:111/migrate', { node: 'pve3' })).toEqual({
      sid: 'vm:111',
      'requested-node': 'pve3',
      'comigrated-resources': ['vm:301'],
    });
    sim.advance(120_000);
    expect([nodeOf(sim, 111), nodeOf(sim, 301)]).toEqual(['pve3', 'pve3']);
  });

  it('do not come to the same node', () => {
    const sim = simulate();
    manage(sim, 'negative');
    const blocking = [{ sid: 'vm:301', cause: 'resource-affinity' }];
    expect(data(sim, 'POST /cluster/ha/resources/vm:111/migrate', { node: 'pve4' })).toMatchObject({
      'blocking-resources': blocking,
    });
    const { allowed_nodes: allowed, not_allowed_nodes: not } = data<Record<string, Record<string, unknown>>>(
      sim,
      'GET /nodes/pve5/qemu/111/migrate',
    );
    expect(allowed).not.toContain('pve4');
    expect(not?.pve4).toMatchObject({ 'blocking-ha-resources': blocking });
    sim.advance(120_000);
    expect(nodeOf(sim, 111)).toBe('pve5');
    expect(data(sim, 'POST /cluster/ha/resources/vm:111/migrate', { node: 'pve3' })).toEqual({
      sid: 'vm:111',
      'requested-node': 'pve3',
    });
    sim.advance(120_000);
    expect(nodeOf(sim, 111)).toBe('pve3');
  });
});

describe('a dead node', () => {
  it('is waited for once, then known to be gone, and forgotten after five minutes', () => {
    const sim = simulate();
    sim.killNode('pve3');
    expect(call(sim, 'GET /nodes/pve3/status').reason).toBe('Connection timed out');
    expect(call(sim, 'GET /nodes/pve3/status').reason).toBe('No route to host');
    const states = (): string[] =>
      data<{ type: string; node: string; status: string }[]>(sim, 'GET /cluster/resources')
        .filter(({ type, node }) => type === 'storage' && node === 'pve3')
        .map(({ status }) => status);
    expect(new Set(states())).toEqual(new Set(['available']));
    sim.advance(301_000);
    expect(new Set(states())).toEqual(new Set(['unknown']));
  });

  it('takes the quorum along when it is one too many', () => {
    const sim = simulate();
    for (const node of ['pve3', 'pve4', 'pve5']) sim.killNode(node);
    expect(call(sim, 'POST /pools', { poolid: 'x' }).reason).toBe(
      "create pool failed: cfs-lock 'file-user_cfg' error: no quorum!",
    );
    sim.startNode('pve3');
    expect(call(sim, 'POST /pools', { poolid: 'x' }).status).toBe(200);
  });
});
