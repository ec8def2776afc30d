import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../kernel/clock.ts';
import { seededIds } from '../../kernel/ids.ts';
import { Simulator } from '../simulator.ts';
import { call, data, simulate } from '../testing.ts';

const at = '/cluster/notifications';

describe('notifications', () => {
  it('go to root at first; targets and matchers come and go', () => {
    const sim = simulate();
    expect(data(sim, `GET ${at}/targets`)).toMatchObject([
      { name: 'mail-to-root', type: 'sendmail', origin: 'builtin' },
    ]);
    data(sim, `POST ${at}/endpoints/gotify`, { name: 'phone', server: 'https://push.example.net', token: 'hidden' });
    data(sim, `POST ${at}/matchers`, { name: 'loud', target: ['phone'], 'match-severity': ['error'] });
    expect(JSON.stringify(data(sim, `GET ${at}/endpoints/gotify`))).not.toContain('hidden');
    expect(data(sim, `GET ${at}/matchers/loud`)).toMatchObject({ target: ['phone'], 'match-severity': ['error'] });
    expect(call(sim, `DELETE ${at}/endpoints/gotify/phone`)).toMatchObject({
      status: 400,
      reason: "cannot delete 'phone', referenced by: loud",
    });
    data(sim, `PUT ${at}/matchers/loud`, { delete: ['target'], comment: 'x' });
    expect(data(sim, `GET ${at}/matchers/loud`)).not.toHaveProperty('target');
    data(sim, `DELETE ${at}/endpoints/gotify/phone`);
    expect(call(sim, `POST ${at}/targets/phone/test`).status).toBe(404);
  });

  it('have names that are unique among all, and built-in parts that come back', () => {
    const sim = simulate();
    const smtp = { name: 'mail-to-root', server: 'mail.example.net', 'from-address': 'a@example.net' };
    expect(call(sim, `POST ${at}/endpoints/smtp`, smtp).status).toBe(400);
    data(sim, `PUT ${at}/endpoints/sendmail/mail-to-root`, { comment: 'mine' });
    expect(data(sim, `GET ${at}/endpoints/sendmail`)).toMatchObject([{ comment: 'mine', origin: 'modified-builtin' }]);
    data(sim, `DELETE ${at}/matchers/default-matcher`);
    data(sim, `PUT ${at}/matchers/default-matcher`, { disable: 1 });
    expect(data(sim, `GET ${at}/matchers`)).toMatchObject([{ name: 'default-matcher', origin: 'modified-builtin' }]);
  });

  it('show of a webhook’s secrets only the names', () => {
    const sim = simulate();
    const secret = ['name=key,value=aGlkZGVu'];
    data(sim, `POST ${at}/endpoints/webhook`, { name: 'hook', url: 'https://h.example.net', method: 'post', secret });
    expect(data(sim, `GET ${at}/endpoints/webhook/hook`)).toMatchObject({ secret: ['name=key'] });
  });
});

describe('metric servers', () => {
  it('take the options of their type', () => {
    const sim = simulate();
    const path = '/cluster/metrics/server/grid';
    const server = { type: 'influxdb', server: '10.0.0.9', port: 8086, token: 'hidden', bucket: 'b' };
    expect(call(sim, `POST ${path}`, { ...server, type: 'graphite' }).reason).toBe("unexpected property 'token'");
    data(sim, `POST ${path}`, server);
    expect(call(sim, `POST ${path}`, server).reason).toBe("Metric server 'grid' already exists");
    data(sim, `PUT ${path}`, { server: '10.0.0.8', port: 8087, delete: 'bucket' });
    expect(data(sim, 'GET /cluster/metrics/server')).toEqual([
      { id: 'grid', type: 'influxdb', server: '10.0.0.8', port: 8087, disable: 0 },
    ]);
    data(sim, `DELETE ${path}`);
    expect(call(sim, `GET ${path}`).reason).toBe("no metric server 'grid'");
  });
});

describe('measurements', () => {
  it('are those of the resource list, of all nodes or some', () => {
    const sim = simulate();
    const { data: all } = data<{ data: { id: string; metric: string; value: number }[] }>(
      sim,
      'GET /cluster/metrics/export',
    );
    const maxmem = sim.world.nodeState('pve1').maxmem;
    expect(all).toContainEqual(expect.objectContaining({ id: 'node/pve1', metric: 'mem_total', value: maxmem }));
    expect(all).toContainEqual(expect.objectContaining({ id: 'qemu/101', metric: 'net_in', type: 'derive' }));
    const some = data<{ data: { id: string }[] }>(sim, 'GET /cluster/metrics/export', { 'node-list': 'pve2' });
    expect(some.data.some(({ id }) => id === 'qemu/101' || id === 'node/pve1')).toBe(false);
    expect(call(sim, 'GET /cluster/metrics/export', { 'node-list': 'pve2,none' }).reason).toBe('no such nodes: none');
  });
});

describe('jobs that fetch users', () => {
  it('are for directories only, and say when they run next', () => {
    const sim = simulate();
    const path = '/cluster/jobs/realm-sync/nightly';
    expect(call(sim, `POST ${path}`, { realm: 'pve', schedule: '2:00' }).body).toMatchObject({
      errors: { realm: 'Only LDAP/AD realms can be synced.' },
    });
    data(sim, 'POST /access/domains', { realm: 'corp', type: 'ldap', server1: 's', base_dn: 'dc=x', user_attr: 'uid' });
    data(sim, `POST ${path}`, { realm: 'corp', schedule: '2:00' });
    const [job] = data<{ 'next-run': number; enabled: number }[]>(sim, 'GET /cluster/jobs/realm-sync');
    expect(job).toMatchObject({ enabled: 1, realm: 'corp' });
    expect(new Date((job?.['next-run'] ?? 0) * 1000).toISOString()).toContain('T02:00:00');
    expect(call(sim, 'GET /cluster/jobs/realm-sync/other').body).toMatchObject({
      errors: { id: "No such job 'other'" },
    });
  });

  it('can be looked ahead at', () => {
    const runs = data<{ timestamp: number }[]>(simulate(), 'GET /cluster/jobs/schedule-analyze', {
      schedule: '*/15',
      iterations: 4,
      starttime: 0,
    });
    expect(runs.map(({ timestamp }) => timestamp)).toEqual([900, 1800, 2700, 3600]);
  });
});

describe('a capture', () => {
  it('brings its sections and its networks along', () => {
    const sim = Simulator.fromCapture(
      {
        'GET /nodes': [{ node: 'a', status: 'online' }],
        'GET /access/users': [{ userid: 'root@pam' }],
        'GET /cluster/metrics/server': [{ id: 'mm', type: 'graphite', server: 's', port: 1, disable: 0 }],
        [`GET ${at}/matchers`]: [{ name: 'mine', mode: 'any', origin: 'user-created' }],
        'GET /cluster/sdn/zones': [{ zone: 'zz', type: 'simple', digest: 'd' }],
        'GET /cluster/sdn/vnets': [{ vnet: 'vv', zone: 'zz', type: 'vnet' }],
        'GET /cluster/sdn/vnets/vv/subnets': [{ subnet: 'zz-10.0.0.0-24', cidr: '10.0.0.0/24' }],
      },
      { ids: seededIds('sections', new ManualClock()), now: 0 },
    );
    expect(data(sim, 'GET /cluster/metrics/server/mm')).toMatchObject({ server: 's' });
    expect(data(sim, `GET ${at}/matchers`)).toMatchObject([
      { name: 'default-matcher', origin: 'builtin' },
      { name: 'mine', mode: 'any', origin: 'user-created' },
    ]);
    expect(data(sim, 'GET /cluster/sdn/vnets', { pending: 1 })).toMatchObject([{ vnet: 'vv', zone: 'zz' }]);
    expect(data(sim, 'GET /cluster/sdn/vnets/vv/subnets')).toMatchObject([{ subnet: 'zz-10.0.0.0-24' }]);
  });
});
