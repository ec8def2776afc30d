import { describe, expect, it } from 'vitest';
import { coverage } from '../coverage.ts';
import { handlerNames } from '../core/registry.ts';
import { call, data, simulate } from '../testing.ts';
import { WORLDS } from './load.ts';

interface Row {
  readonly id: string;
  readonly type: string;
  readonly status?: string;
}

describe.each(WORLDS)('the world %s', (name) => {
  it('has every guest on a node that is there, with volumes that are there', () => {
    const { state } = simulate(name).world;
    const lost = [...state.guests.values()].filter(({ node, config }) => {
      const disk = String(config.scsi0).split(',')[0] ?? '';
      const there = state.volumes.has(disk) || state.volumes.has(`${node}|${disk}`);
      return state.nodes[node] === undefined || !there;
    });
    expect(lost.map(({ vmid }) => vmid)).toEqual([]);
    expect(Object.keys(state.nodes).length).toBeGreaterThan(0);
  });

  it('answers the lists that clients begin with', () => {
    const sim = simulate(name);
    const rows = data<Row[]>(sim, 'GET /cluster/resources');
    expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
    expect(data<object[]>(sim, 'GET /nodes').length).toBe(rows.filter(({ type }) => type === 'node').length);
  });
});

describe('worlds by what they are for', () => {
  it('staged-vlan is one flat /16 whose addresses lie in the later networks', () => {
    const sim = simulate('staged-vlan');
    const nodes = data<{ node: string }[]>(sim, 'GET /nodes').map(({ node }) => node);
    expect(nodes).toHaveLength(6);
    for (const node of nodes)
      expect(data(sim, `GET /nodes/${node}/network/vmbr0`)).toMatchObject({ netmask: '16', gateway: '192.168.0.1' });
    const config = data(sim, 'GET /nodes/hx310-db/qemu/110/config');
    expect(config.ipconfig0).toBe('ip=192.168.110.10/16,gw=192.168.0.1');
    expect(config.net0).not.toMatch(/tag=/);
  });

  it('k3s-gpu has the GPU on its first node only, and NFS on all', () => {
    const sim = simulate('k3s-gpu');
    const check = data<{ not_allowed_nodes: Record<string, object> }>(sim, 'GET /nodes/pve-01/qemu/112/migrate');
    expect(Object.keys(check.not_allowed_nodes)).toEqual(['pve-02', 'pve-03']);
    for (const node of ['pve-01', 'pve-02', 'pve-03'])
      expect(data(sim, `GET /nodes/${node}/storage/nas-vmstorage/status`)).toMatchObject({ type: 'nfs', active: 1 });
  });

  it('large is there at once and answers for ten thousand guests', () => {
    const began = performance.now();
    const sim = simulate('large');
    expect(performance.now() - began).toBeLessThan(1_500);
    const times: number[] = [];
    for (let run = 0; run < 12; run++) {
      const start = performance.now();
      const rows = data<Row[]>(sim, 'GET /cluster/resources');
      times.push(performance.now() - start);
      expect(rows.filter(({ type }) => type === 'qemu')).toHaveLength(10_000);
    }
    // The best of some, as the machine has other things to do as well.
    expect(Math.min(...times)).toBeLessThan(30);
  });
});

describe('coverage', () => {
  it('names every method once, and no handler is for a method that PVE does not have', () => {
    const rows = coverage();
    expect(new Set(rows.map(({ name }) => name)).size).toBe(661);
    const known = new Set(rows.map(({ name }) => name));
    expect(handlerNames().filter((name) => !known.has(name))).toEqual([]);
    expect(rows.find(({ name }) => name === 'POST /nodes/{node}/qemu')?.coverage).toBe('modelled');
    expect(rows.find(({ name }) => name === 'GET /access/openid')?.coverage).toBe('shape only');
  });

  it('is what the simulator does: what is not modelled is not there', () => {
    const sim = simulate();
    const missing = coverage().filter(({ coverage: how, name }) => how === 'not modelled' && !name.includes('{'));
    expect(missing.length).toBeGreaterThan(10);
    for (const { name } of missing) {
      const { status } = call(sim, name);
      expect([400, 501], name).toContain(status);
    }
  });
});
