import { describe, expect, it } from 'vitest';
import { call, data, runTask, simulate } from '../testing.ts';

describe('software-defined networks', () => {
  it('are staged, shown as pending, and applied', () => {
    const sim = simulate();
    data(sim, 'POST /cluster/sdn/zones', { zone: 'zz', type: 'simple' });
    data(sim, 'POST /cluster/sdn/vnets', { vnet: 'vv', zone: 'zz' });
    data(sim, 'POST /cluster/sdn/vnets/vv/subnets', { subnet: '10.1.0.0/24', type: 'subnet' });
    expect(data(sim, 'GET /cluster/sdn/vnets', { pending: 1 })).toMatchObject([{ vnet: 'vv', state: 'new' }]);
    expect(data(sim, 'GET /nodes/pve1/sdn/zones/zz/content')).toEqual([]);
    expect(runTask(sim, 'PUT /cluster/sdn')).toBe('OK');
    expect(data(sim, 'GET /nodes/pve1/sdn/zones/zz/content')).toEqual([{ vnet: 'vv', status: 'available' }]);
    data(sim, 'PUT /cluster/sdn/vnets/vv', { alias: 'lab' });
    expect(data(sim, 'GET /cluster/sdn/vnets/vv', { pending: 1 })).toMatchObject({
      state: 'changed',
      pending: { alias: 'lab' },
    });
    data(sim, 'POST /cluster/sdn/rollback');
    expect(data(sim, 'GET /cluster/sdn/vnets/vv')).not.toHaveProperty('alias');
  });

  it('stand on each other: what is used cannot go, what is missing cannot be used', () => {
    const sim = simulate();
    data(sim, 'POST /cluster/sdn/controllers', { controller: 'ctl', type: 'evpn', asn: 65_000, peers: '10.0.0.1' });
    data(sim, 'POST /cluster/sdn/zones', { zone: 'zz', type: 'evpn', controller: 'ctl', 'vrf-vxlan': 10 });
    data(sim, 'POST /cluster/sdn/vnets', { vnet: 'vv', zone: 'zz', tag: 11 });
    data(sim, 'POST /cluster/sdn/vnets/vv/subnets', { subnet: '10.1.0.0/24', type: 'subnet' });
    const reason = (line: string, params = {}): string => call(sim, line, params).reason;
    expect(reason('DELETE /cluster/sdn/controllers/ctl')).toBe(
      'delete sdn controller object failed: controller ctl is used by zone zz',
    );
    expect(reason('DELETE /cluster/sdn/zones/zz')).toBe('delete sdn zone object failed: zone zz is used by vnet vv');
    expect(call(sim, 'DELETE /cluster/sdn/vnets/vv').body).toMatchObject({
      message:
        "delete sdn vnet object failed: 400 Parameter verification failed.\nvnet: Can't delete vnet if subnets exists\n",
    });
    expect(reason('POST /cluster/sdn/zones', { zone: 'zz', type: 'simple' })).toBe(
      "create sdn zone object failed: sdn zone object ID 'zz' already defined",
    );
    expect(reason('PUT /cluster/sdn/zones/other', { mtu: 1400 })).toBe(
      "update sdn zone object failed: sdn 'other' does not exist",
    );
    expect(reason('POST /cluster/sdn/vnets', { vnet: 'ww', zone: 'none' })).toBe(
      'create sdn vnet object failed: zone none does not exist',
    );
  });

  it('have an address book of their own, and may have others', () => {
    const sim = simulate();
    expect(data(sim, 'GET /cluster/sdn/ipams')).toMatchObject([{ ipam: 'pve', type: 'pve' }]);
    data(sim, 'POST /cluster/sdn/ipams', { ipam: 'box', type: 'netbox', url: 'https://n.example.net', token: 't' });
    data(sim, 'POST /cluster/sdn/dns', { dns: 'names', type: 'powerdns', url: 'http://d.example.net', key: 'k' });
    expect(data<object[]>(sim, 'GET /cluster/sdn/ipams')).toHaveLength(2);
    data(sim, 'DELETE /cluster/sdn/ipams/box');
    expect(data(sim, 'GET /cluster/sdn/dns/names')).toMatchObject({ dns: 'names', type: 'powerdns' });
  });

  it('remember which address a guest was given', () => {
    const sim = simulate();
    data(sim, 'POST /cluster/sdn/zones', { zone: 'zz', type: 'simple' });
    data(sim, 'POST /cluster/sdn/vnets', { vnet: 'vv', zone: 'zz' });
    data(sim, 'POST /cluster/sdn/vnets/vv/subnets', { subnet: '10.1.0.0/24', type: 'subnet', gateway: '10.1.0.1' });
    const given = { zone: 'zz', ip: '10.1.0.9', mac: 'BC:24:11:00:00:01' };
    data(sim, 'POST /cluster/sdn/vnets/vv/ips', given);
    data(sim, 'PUT /cluster/sdn/vnets/vv/ips', { ...given, vmid: 101 });
    expect(call(sim, 'POST /cluster/sdn/vnets/vv/ips', { ...given, ip: '10.2.0.9' }).status).toBe(500);
    expect(data(sim, 'GET /cluster/sdn/ipams/pve/status')).toMatchObject([
      { ip: '10.1.0.1', gateway: 1, subnet: 'zz-10.1.0.0-24' },
      { ip: '10.1.0.9', vmid: 101, subnet: 'zz-10.1.0.0-24' },
    ]);
    data(sim, 'DELETE /cluster/sdn/vnets/vv/ips', given);
    expect(data<object[]>(sim, 'GET /cluster/sdn/ipams/pve/status')).toHaveLength(1);
  });
});
