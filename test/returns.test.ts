import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { handlerOf } from '../src/simulator/core/registry.ts';
import { call, data, simulate } from '../src/simulator/testing.ts';
import type { Simulator } from '../src/simulator/simulator.ts';
import { SHARED } from './golden-replay.ts';

/** PVE's description of what a call answers. */
interface Form {
  readonly type?: string;
  readonly optional?: number | string;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Form>>;
  readonly items?: Form;
}
interface Described {
  readonly method: string;
  readonly path: string;
  readonly parameters: { readonly properties?: Readonly<Record<string, Form>> };
  readonly returns?: Form;
}

const FILE = join(SHARED, 'pve', 'api-schema.json');
const there = existsSync(FILE);

/** Where real answers are not of the form that PVE describes. */
const EXCEPT: Readonly<Record<string, string>> = {
  'GET /cluster/mapping/dir': 'a mapping without a description has none',
  'GET /nodes/{node}/vzdump/defaults': 'property strings are taken apart',
};

const SCALARS: Readonly<Record<string, RegExp>> = {
  integer: /^-?\d+$/,
  number: /^-?\d+(?:\.\d+)?(?:e-?\d+)?$/,
  boolean: /^[01]$/,
};

/** What of an answer is not of its form, by path. More fields than are described are no fault; PVE has many. */
function faults(form: Form | undefined, value: unknown, at: string): string[] {
  if (form?.type === undefined && form?.properties === undefined) return [];
  if (value === null || value === undefined)
    return form.type === 'null' || Number(form.optional ?? 0) === 1 ? [] : [`${at}: nothing`];
  if (form.type === 'array')
    return Array.isArray(value) ? value.flatMap((one) => faults(form.items, one, `${at}[]`)) : [`${at}: no list`];
  if (form.type === 'object' || form.properties !== undefined) {
    if (typeof value !== 'object' || Array.isArray(value)) return [`${at}: no object`];
    return Object.entries(form.properties ?? {}).flatMap(([key, inner]) => {
      const own = (value as Record<string, unknown>)[key];
      if (own !== undefined) return faults(inner, own, `${at}.${key}`);
      return Number(inner.optional ?? 0) === 1 || key.includes('[n]') ? [] : [`${at}.${key}: missing`];
    });
  }
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (SCALARS[form.type ?? '']?.test(text) === false || typeof value === 'object')
    return [`${at}: '${text}' is no ${form.type}`];
  return form.enum === undefined || form.enum.map(String).includes(text)
    ? []
    : [`${at}: '${text}' is none of its words`];
}

/** A cluster with one of everything. */
function furnished(): Simulator {
  const sim = simulate();
  const make = (line: string, params: Record<string, string | number> = {}): void => {
    data(sim, line, params);
    sim.settle();
  };
  make('POST /storage', { storage: 'ct', type: 'dir', path: '/mnt/ct', content: 'rootdir,vztmpl,backup' });
  const [template] = data<{ template: string }[]>(sim, 'GET /nodes/pve1/aplinfo');
  make('POST /nodes/pve1/aplinfo', { storage: 'ct', template: template?.template ?? '' });
  const ostemplate = `ct:vztmpl/${template?.template}`;
  make('POST /nodes/pve1/lxc', { vmid: 800, ostemplate, storage: 'ct', net0: 'name=eth0,bridge=vmbr0,ip=10.0.0.5/24' });
  make('POST /nodes/pve1/lxc/800/status/start');
  make('POST /nodes/pve1/vzdump', { vmid: 800, storage: 'ct' });
  make('POST /nodes/pve1/qemu/101/snapshot', { snapname: 's1' });
  make('POST /cluster/sdn/zones', { zone: 'zz', type: 'simple' });
  make('POST /cluster/sdn/vnets', { vnet: 'vv', zone: 'zz' });
  make('POST /cluster/sdn/vnets/vv/subnets', { subnet: '10.1.0.0/24', type: 'subnet', gateway: '10.1.0.1' });
  make('PUT /cluster/sdn');
  make('POST /cluster/replication', { id: '800-0', type: 'local', target: 'pve2' });
  make('POST /cluster/ha/resources', { sid: 'vm:101' });
  make('POST /cluster/ha/rules', { rule: 'rr', type: 'node-affinity', resources: 'vm:101', nodes: 'pve1' });
  make('POST /cluster/backup', { id: 'jj', schedule: '1:00', all: 1, storage: 'ct' });
  make('POST /cluster/metrics/server/mm', { type: 'graphite', server: 's', port: 1 });
  for (const level of ['/cluster', '/nodes/pve1/qemu/101', '/nodes/pve1/lxc/800']) {
    make(`POST ${level}/firewall/rules`, { type: 'in', action: 'ACCEPT' });
    make(`POST ${level}/firewall/aliases`, { name: 'ii', cidr: '10.0.0.1' });
    make(`POST ${level}/firewall/ipset`, { name: 'ii' });
    make(`POST ${level}/firewall/ipset/ii`, { cidr: '10.0.0.1' });
  }
  make('POST /access/groups', { groupid: 'g1' });
  make('POST /access/users/root@pam/token/t1');
  return sim;
}

const FIXED: Readonly<Record<string, string>> = Object.fromEntries(
  (
    'node=pve1 storage=ct userid=root@pam groupid=g1 roleid=PVEAuditor tokenid=t1 realm=pam sid=vm:101 rule=rr name=ii ' +
    'pos=0 cidr=10.0.0.1 iface=vmbr0 service=cron vnet=vv zone=zz subnet=zz-10.1.0.0-24 ipam=pve snapname=s1 timeframe=hour'
  )
    .split(' ')
    .map((pair) => pair.split('=') as [string, string]),
);

/** What stands in a path's places in that cluster. */
function valuesFor(sim: Simulator, path: string): Record<string, string> {
  const first = (list: string, key: string): string => data<Record<string, string>[]>(sim, list)[0]?.[key] ?? '';
  return {
    ...FIXED,
    poolid: first('GET /pools', 'poolid'),
    upid: first('GET /nodes/pve1/tasks', 'upid'),
    volume: first('GET /nodes/pve1/storage/ct/content', 'volid'),
    vmid: path.includes('/lxc/') ? '800' : '101',
    id: path.includes('/backup/') ? 'jj' : path.includes('/metrics/') ? 'mm' : '800-0',
  };
}

describe.runIf(there)('what the simulator answers', () => {
  it('has the form that PVE describes', () => {
    const described = JSON.parse(readFileSync(FILE, 'utf8')) as Described[];
    const sim = furnished();
    const wrong: string[] = [];
    let asked = 0;
    for (const { method, path, parameters, returns } of described) {
      const name = `${method} ${path}`;
      if (method !== 'GET' || handlerOf(method, path) === undefined || name in EXCEPT) continue;
      const values = valuesFor(sim, path);
      const full = path.replaceAll(/\{([\w-]+)\}/g, (_, key: string) => encodeURIComponent(values[key] ?? 'x'));
      const required = Object.entries(parameters.properties ?? {}).filter(
        ([key, { optional }]) => Number(optional ?? 0) === 0 && !path.includes(`{${key}}`),
      );
      const params = Object.fromEntries(required.map(([key]) => [key, values[key] ?? 'x']));
      const { status, body } = call(sim, `GET ${full}`, params);
      // What is not there in this cluster says so; that has no form.
      if (status !== 200) continue;
      asked++;
      const plain = body !== null && typeof body === 'object' && 'data' in body ? body.data : body;
      wrong.push(...faults(returns, plain, name));
    }
    expect([...new Set(wrong)]).toEqual([]);
    expect(asked).toBeGreaterThan(170);
  });
});
