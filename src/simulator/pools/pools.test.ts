import { describe, expect, it } from 'vitest';
import { call, data, simulate } from '../testing.ts';

describe('pools', () => {
  it('lie in one another, and keep what contains others', () => {
    const sim = simulate('empty');
    const add = (poolid: string) => call(sim, 'POST /pools', { poolid }).reason;
    expect(add('a/b')).toBe("create pool failed: parent 'a' of pool 'a/b' does not exist");
    expect(add('1a')).toBe('create pool failed: pool name must start with a letter');
    expect([add('a'), add('a/b')]).toEqual(['OK', 'OK']);
    expect(call(sim, 'DELETE /pools', { poolid: 'a' }).reason).toBe(
      "delete pool failed: pool 'a' is not empty (contains pool 'a/b')",
    );
    data(sim, 'DELETE /pools', { poolid: 'a/b' });
    data(sim, 'DELETE /pools', { poolid: 'a' });
    expect(data(sim, 'GET /pools')).toEqual([]);
  });

  it('change as a whole or not at all, and only for those who may', () => {
    const sim = simulate();
    const members = () =>
      data<{ members: { vmid?: number }[] }>(sim, 'GET /pools/staging').members.map(({ vmid }) => vmid);
    const before = members();
    expect(call(sim, 'PUT /pools', { poolid: 'staging', vms: '998,101' }).reason).toMatch(
      /belongs already to pool 'services'/,
    );
    expect(members()).toEqual(before);
    expect(call(sim, 'PUT /pools', { poolid: 'staging', vms: '101', delete: 1 }).reason).toBe(
      'update pools failed: VM 101 is not a pool member',
    );
    data(sim, 'PUT /access/acl', { path: '/pool/staging', roles: 'PVEPoolAdmin', users: 'auditor@pve' });
    expect(call(sim, 'PUT /pools', { poolid: 'staging', vms: '101', 'allow-move': 1 }, 'auditor@pve')).toMatchObject({
      status: 500,
      reason: 'update pools failed: 403 Permission check failed (/vms/101, Permissions.Modify|VM.Allocate)',
    });
    data(sim, 'PUT /pools', { poolid: 'staging', vms: '101', 'allow-move': 1 });
    expect(members()).toContain(101);
  });
});
