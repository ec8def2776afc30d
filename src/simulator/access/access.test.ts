import { describe, expect, it } from 'vitest';
import { call, data, simulate } from '../testing.ts';
import type { Simulator } from '../simulator.ts';

const start = (sim: Simulator, vmid: number, who: string): string =>
  call(sim, `POST /nodes/${sim.world.state.guests.get(vmid)?.node}/qemu/${vmid}/status/start`, {}, who).reason;

const REFUSED = 'Permission check failed (/vms/302, VM.PowerMgmt)';

describe('rights', () => {
  it('come from a group, and stop at a nearer entry of the user', () => {
    const sim = simulate();
    expect(start(sim, 302, 'ops@pve')).toBe('OK');
    data(sim, 'PUT /access/acl', { path: '/vms/302', roles: 'NoAccess', users: 'ops@pve' });
    expect(start(sim, 302, 'ops@pve')).toBe(REFUSED);
    expect(start(sim, 301, 'ops@pve')).toBe('OK');
  });

  it('are checked before existence', () => {
    const sim = simulate();
    expect(call(sim, 'POST /nodes/pve1/qemu/999/status/start', {}, 'auditor@pve').status).toBe(403);
  });

  it('of a pool reach its guests', () => {
    const sim = simulate();
    data(sim, 'PUT /access/acl', { path: '/pool/staging', roles: 'PVEVMUser', users: 'auditor@pve' });
    expect(start(sim, 302, 'auditor@pve')).toBe('OK');
    expect(start(sim, 103, 'auditor@pve')).toMatch(/^Permission check failed/);
  });

  it('of a separated token are its own, and never more than the owner has', () => {
    const sim = simulate();
    data(sim, 'POST /access/users/ops@pve/token/tok');
    expect(start(sim, 302, 'ops@pve!tok')).toBe(REFUSED);
    data(sim, 'PUT /access/acl', { path: '/', roles: 'Administrator', tokens: 'ops@pve!tok' });
    expect(start(sim, 302, 'ops@pve!tok')).toBe('OK');
    expect(call(sim, 'POST /pools', { poolid: 'x' }, 'ops@pve!tok').reason).toBe(
      'Permission check failed (/pool/x, Pool.Allocate)',
    );
    data(sim, 'PUT /access/users/ops@pve/token/tok', { privsep: 0 });
    expect(start(sim, 301, 'ops@pve!tok')).toBe('OK');
  });

  it('shorten lists instead of refusing them', () => {
    const sim = simulate();
    data(sim, 'POST /access/users', { userid: 'nobody@pve' });
    expect(data(sim, 'GET /nodes/pve1/qemu', {}, 'nobody@pve')).toEqual([]);
    expect(data<object[]>(sim, 'GET /nodes', {}, 'nobody@pve')).toHaveLength(5);
    expect(data<object[]>(sim, 'GET /nodes', {}, 'nobody@pve')[0]).not.toHaveProperty('maxmem');
    expect(call(sim, 'GET /cluster/backup', {}, 'nobody@pve').reason).toBe('Permission check failed (/, Sys.Audit)');
  });

  it('end with the user', () => {
    const sim = simulate();
    data(sim, 'PUT /access/users/ops@pve', { enable: 0 });
    expect(start(sim, 302, 'ops@pve')).toBe('Authentication failed!');
  });

  it('are looked at as well where PVE describes them in words only', () => {
    const sim = simulate();
    data(sim, 'POST /access/users', { userid: 'new@pve' });
    data(sim, 'POST /cluster/sdn/zones', { zone: 'zz', type: 'simple' });
    data(sim, 'POST /cluster/sdn/vnets', { vnet: 'vv', zone: 'zz' });
    const job = { id: '101-0', type: 'local', target: 'pve2' };
    const reason = (line: string, params = {}): string => call(sim, line, params, 'new@pve').reason;
    expect(reason('POST /cluster/replication', job)).toBe('Permission check failed (/vms/101, VM.Replicate)');
    expect(reason('GET /cluster/replication/101-0')).toBe('Permission check failed (/vms/101, VM.Audit)');
    expect(reason('DELETE /cluster/sdn/vnets/vv')).toBe('Permission check failed (/sdn/zones/zz/vv, SDN.Allocate)');
    expect(reason('GET /cluster/sdn/vnets/vv/firewall/rules')).toBe(
      'Permission check failed (/sdn/zones/zz/vv, SDN.Audit|SDN.Allocate)',
    );
    expect(reason('POST /nodes/pve1/migrateall', { target: 'pve2' })).toBe('Permission check failed (/, VM.Migrate)');
    data(sim, 'PUT /access/acl', { path: '/sdn/zones/zz', users: 'new@pve', roles: 'PVESDNAdmin' });
    data(sim, 'PUT /access/acl', { path: '/vms/101', users: 'new@pve', roles: 'PVEVMAdmin' });
    expect(reason('PUT /cluster/sdn/vnets/vv', { alias: 'x' })).toBe('OK');
    expect(reason('POST /cluster/replication', job)).toBe('OK');
  });
});
