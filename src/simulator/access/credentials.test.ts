import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../kernel/clock.ts';
import { seededIds } from '../../kernel/ids.ts';
import { Simulator } from '../simulator.ts';
import { call, data, simulate } from '../testing.ts';
import { totpCode } from './tfa.ts';

const login = (sim: Simulator, params: Record<string, string>) => call(sim, 'POST /access/ticket', params, '');

describe('logging in', () => {
  it('takes the first password of a user whose password a capture does not hold, and no other afterwards', () => {
    const clock = new ManualClock();
    const sim = Simulator.fromCapture(
      { 'GET /access/users': [{ userid: 'alice@pve', enable: 1 }] },
      { ids: seededIds('x', clock), now: clock.now() },
    );
    expect(login(sim, { username: 'alice@pve', password: 'first-one' }).status).toBe(200);
    expect(login(sim, { username: 'alice@pve', password: 'another' }).status).toBe(401);
    expect(login(sim, { username: 'alice', realm: 'pve', password: 'first-one' }).status).toBe(200);
    expect(login(sim, { username: 'bob@pve', password: 'first-one' }).status).toBe(401);
  });

  it('asks for the second factor, which a code of now or a recovery key gives once', () => {
    const sim = simulate();
    data(sim, 'POST /access/users', { userid: 'eve@pve', password: 'long-enough' });
    const secret = 'JBSWY3DPEHPK3PXP';
    const step = Math.floor(sim.now() / 30_000);
    const added = { type: 'totp', description: 'phone', totp: `otpauth://totp/eve?secret=${secret}` };
    expect(call(sim, 'POST /access/tfa/eve@pve', { ...added, value: '000000' }).reason).toBe('invalid TOTP value');
    data(sim, 'POST /access/tfa/eve@pve', { ...added, value: totpCode(secret, step) });
    const { recovery } = data<{ recovery: string[] }>(sim, 'POST /access/tfa/eve@pve', { type: 'recovery' });

    const username = 'eve@pve';
    const half = login(sim, { username, password: 'long-enough' }).body as { data: Record<string, string> };
    expect(half.data).toMatchObject({ NeedTFA: 1 });
    expect(half.data).not.toHaveProperty('cap');
    const challenge = half.data.ticket ?? '';
    const second = (password: string) => login(sim, { username, password, 'tfa-challenge': challenge }).status;
    expect(second('totp:000000')).toBe(401);
    expect(second(`totp:${totpCode(secret, step)}`)).toBe(200);
    expect(second(`recovery:${recovery[0]}`)).toBe(200);
    expect(second(`recovery:${recovery[0]}`)).toBe(401);
    expect(login(sim, { username, password: challenge }).status).toBe(401);
    expect(data<object[]>(sim, 'GET /access/tfa/eve@pve')).toMatchObject([{ type: 'totp' }, { 'recovery-left': 9 }]);
  });

  it('agrees with the published codes of RFC 6238', () => {
    const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
    expect([59, 1_111_111_109, 20_000_000_000].map((s) => totpCode(secret, Math.floor(s / 30)))).toEqual([
      '287082',
      '081804',
      '353130',
    ]);
  });
});

describe('tokens', () => {
  it('are made once, get new secrets, and lose only their comment', () => {
    const sim = simulate();
    const path = '/access/users/ops@pve/token/t1';
    expect(data(sim, `POST ${path}`, { privsep: 0, comment: 'x' })).toMatchObject({ info: { privsep: '0' } });
    expect(call(sim, `POST ${path}`)).toMatchObject({
      status: 400,
      body: { errors: { tokenid: 'Token already exists.' } },
    });
    expect(call(sim, `PUT ${path}`, { delete: 'privsep' })).toMatchObject({
      status: 500,
      body: {
        message: "updating token info failed: 400 Parameter verification failed.\ndelete: unknown option 'privsep'\n",
      },
    });
    const fresh = data(sim, `PUT ${path}`, { regenerate: 1, delete: 'comment' });
    expect(fresh).toMatchObject({ 'full-tokenid': 'ops@pve!t1', privsep: 0 });
    expect(fresh).not.toHaveProperty('comment');
    data(sim, `DELETE ${path}`);
    expect(call(sim, `GET ${path}`).reason).toBe("no such token 't1' for user 'ops@pve'");
  });
});

describe('the ACL', () => {
  it('lets those who may only allocate hand out no more than they have', () => {
    const sim = simulate();
    data(sim, 'POST /access/roles', { roleid: 'Owner', privs: 'VM.Allocate,VM.Audit' });
    data(sim, 'PUT /access/acl', { path: '/vms/302', roles: 'Owner', users: 'auditor@pve' });
    const grant = (roles: string) =>
      call(sim, 'PUT /access/acl', { path: '/vms/302', roles, users: 'ops@pve' }, 'auditor@pve');
    expect(grant('PVEVMAdmin').body).toMatchObject({
      message: expect.stringContaining(
        "\nrole: Cannot add role 'PVEVMAdmin' - requires 'Permissions.Modify' or superset of privileges.",
      ) as string,
    });
    expect(grant('NoAccess').status).toBe(500);
    expect(grant('Owner').status).toBe(200);
    expect(call(sim, 'PUT /access/acl', { path: '/vms/5', roles: 'Owner', users: 'ops@pve' }).status).toBe(400);
    expect(call(sim, 'PUT /access/acl', { path: '/vms/5', roles: 'Owner', users: 'ops@pve', delete: 1 }).status).toBe(
      200,
    );
  });

  it('gives a list its rights in one go, the same as one by one', () => {
    const sim = simulate();
    data(sim, 'PUT /access/acl', { path: '/vms/301', roles: 'NoAccess', groups: 'operators' });
    data(sim, 'PUT /access/acl', { path: '/pool/staging', roles: 'PVEAuditor', users: 'ops@pve' });
    const listed = data<{ vmid: number }[]>(sim, 'GET /cluster/resources', { type: 'vm' }, 'ops@pve').map(
      ({ vmid }) => vmid,
    );
    const all = [...sim.world.state.guests.values()];
    const alone = all.filter(
      ({ vmid, node }) => call(sim, `GET /nodes/${node}/qemu/${vmid}/config`, {}, 'ops@pve').status === 200,
    );
    expect(new Set(listed)).toEqual(new Set(alone.map(({ vmid }) => vmid)));
    expect(listed).not.toContain(301);
  });
});

describe('realms', () => {
  it('are checked by type, and only one is offered first', () => {
    const sim = simulate();
    const add = (params: Record<string, string | number>) => call(sim, 'POST /access/domains', params).reason;
    expect(add({ realm: 'corp', type: 'ldap', server1: 'ldap.corp.lan' })).toBe(
      "add auth server failed: missing value for required option 'base_dn'",
    );
    expect(add({ realm: 'corp', type: 'pve' })).toBe("add auth server failed: unable to create builtin type 'pve'");
    const ldap = { type: 'ldap', server1: 'ldap.corp.lan', base_dn: 'dc=corp', user_attr: 'uid' };
    expect(add({ realm: 'corp', ...ldap, default: 1 })).toBe('OK');
    expect(
      add({ realm: 'sso', type: 'openid', 'issuer-url': 'https://id.corp.lan', 'client-id': 'pve', default: 1 }),
    ).toBe('OK');
    const list = data<{ realm: string; default?: number }[]>(sim, 'GET /access/domains', {}, '');
    expect(list.filter((one) => one.default === 1).map(({ realm }) => realm)).toEqual(['sso']);
    expect(call(sim, 'PUT /access/domains/corp', {}).reason).toBe('update auth server failed: no options specified');
    expect(call(sim, 'POST /access/domains/pve/sync').reason).toMatch(/^Cannot sync realm type 'pve'!/);
    expect(call(sim, 'POST /access/users', { userid: 'a@corp', password: 'long-enough' }).reason).toBe(
      "create user failed: can't set password on auth type 'ldap'",
    );
    data(sim, 'DELETE /access/domains/corp');
    expect(call(sim, 'GET /access/domains/corp').reason).toBe("domain 'corp' does not exist");
  });
});
