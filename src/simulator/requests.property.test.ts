import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadSchema, type Property } from './schema/schema.ts';
import { call, simulate } from './testing.ts';

/** Values that name something in the cluster, so that calls get past their first checks. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  node: ['pve1', 'pve4', 'constructor'],
  vmid: ['121', '9000', '500'],
  storage: ['nas', 'local-lvm', 'valueOf'],
  userid: ['ops@pve', 'root@pam', 'toString@pve'],
  poolid: ['services', 'constructor'],
  iface: ['vmbr0', 'constructor'],
  realm: ['pve', 'pam'],
  snapname: ['one', 'constructor'],
  id: ['nightly', '100-0', 'constructor'],
};
const ANY = [
  '',
  '0',
  '1',
  '-1',
  '1e9',
  'constructor',
  '__proto__',
  'a,b=c',
  'a:1',
  '1G',
  '/',
  '*',
  'ä\n\0',
  'x'.repeat(300),
];

function valueOf(name: string, property: Property): fc.Arbitrary<string> {
  const values = [...ANY, ...(KNOWN[name] ?? []), ...(property.enum ?? []).map(String)];
  const likely = KNOWN[name] ?? property.enum?.map(String);
  const any = fc.constantFrom(...values);
  return likely === undefined ? any : fc.oneof({ arbitrary: fc.constantFrom(...likely), weight: 4 }, any);
}

const { methods } = loadSchema();

const request = fc.constantFrom(...methods).chain(({ method, path, params }) => {
  const inPath = [...path.matchAll(/\{([^}]+)\}/g)].map(([, name = '']) => name);
  const fields = Object.fromEntries(Object.entries(params).map(([name, property]) => [name, valueOf(name, property)]));
  const needed = Object.keys(params).filter((name) => inPath.includes(name) || params[name]?.optional !== 1);
  return fc.record(fields, { requiredKeys: needed }).map((values) => ({
    line: `${method} ${path.replaceAll(/\{([^}]+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? 'x'))}`,
    params: Object.fromEntries(Object.entries(values).filter(([name]) => !inPath.includes(name))),
  }));
});

describe('any parameters of any method', () => {
  it('are taken or refused, never stumbled over, and time goes on', () => {
    fc.assert(
      fc.property(fc.array(request, { minLength: 20, maxLength: 60 }), (requests) => {
        const sim = simulate();
        for (const { line, params } of requests) {
          const { status, body } = call(sim, line, params);
          expect(status, line).toBeGreaterThanOrEqual(200);
          expect(JSON.stringify(body), line).not.toContain('internal error');
        }
        sim.settle();
        expect(sim.world.tasks.running).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});
