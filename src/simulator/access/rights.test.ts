import { describe, expect, it } from 'vitest';
import { handlerOf } from '../core/registry.ts';
import { loadSchema, type Method } from '../schema/schema.ts';
import { call, data, simulate } from '../testing.ts';

const NOBODY = 'nobody@pve';

/** Calls that anybody may make: they act on what the caller may, and that is nothing. */
const HARMLESS = /^POST \/cluster\/bulk-action\/guest\/|^(?:POST|DELETE) \/access\/ticket$/;

const GIVEN: Readonly<Record<string, string>> = Object.fromEntries(
  (
    'node=pve1 vmid=101 storage=nas userid=root@pam realm=pve poolid=p sid=vm:101 rule=rr id=101-0 service=cron iface=vmbr0 ' +
    'snapname=s1 vnet=vv zone=zz subnet=zz-10.1.0.0-24 cidr=10.0.0.1 pos=0 target=pve2 newid=999 type=in action=ACCEPT ' +
    'command=ping disk=scsi0 size=1G password=abcdefgh ip=10.1.0.9 schedule=1:00 content=iso filename=x.iso ' +
    'url=http://h.example.net/x.iso template=debian-12-standard_12.12-1_amd64.tar.zst volume=nas:101/vm-101-disk-0.qcow2 ' +
    'idlist=scsi5 target-storage=1 target-bridge=1 dns1=1.1.1.1 timezone=UTC vms=101 key=ret file=/etc/hosts'
  )
    .split(' ')
    .map((pair) => pair.split(/=(.*)/s).slice(0, 2) as [string, string]),
);

/** A call that could work, as far as can be told without knowing the method. */
function sampleCall(described: Method): [line: string, params: Record<string, string>] {
  const { method, path } = described;
  const full = path.replaceAll(/\{([\w-]+)\}/g, (_, name: string) => encodeURIComponent(GIVEN[name] ?? 'xx'));
  const params: Record<string, string> = {};
  for (const [name, { optional, enum: words }] of Object.entries(described.params))
    if (!optional && !path.includes(`{${name}}`)) params[name] = words?.[0] ?? GIVEN[name] ?? '1';
  return [`${method} ${full}`, params];
}

describe('who has no rights', () => {
  it('changes nothing, whatever is called', () => {
    const sim = simulate();
    data(sim, 'POST /access/users', { userid: NOBODY });
    data(sim, 'POST /cluster/replication', { id: '101-0', type: 'local', target: 'pve2' });
    data(sim, 'POST /cluster/sdn/zones', { zone: 'zz', type: 'simple' });
    data(sim, 'POST /cluster/sdn/vnets', { vnet: 'vv', zone: 'zz' });
    const allowed: string[] = [];
    let tried = 0;
    for (const method of loadSchema().methods) {
      const name = `${method.method} ${method.path}`;
      if (method.method === 'GET' || handlerOf(method.method, method.path) === undefined || HARMLESS.test(name))
        continue;
      tried++;
      const { status } = call(sim, ...sampleCall(method), NOBODY);
      if (status === 200) allowed.push(name);
    }
    expect(allowed).toEqual([]);
    expect(tried).toBeGreaterThan(200);
  });
});
