import { describe, expect, it } from 'vitest';
import { ACTIONS, findAction } from '../../actions/index.ts';
import { inventoryOf } from '../../estate/index.ts';
import { CLASSES, type PrincipalClass } from '../../identity/index.ts';
import type { PreparedRequest } from '../../operations/index.ts';
import { baseline, decide, type PolicyInput } from './baseline.ts';
import { blastRadius } from '../blast/index.ts';
import { assessRisk } from '../risk.ts';

const request = (action: string, vmid = 1): PreparedRequest => ({
  id: `${action}-${vmid}`,
  action: findAction(action),
  input: { target: { kind: 'vm', id: String(vmid), text: `vm/${vmid}`, vmid, node: 'n' }, params: {}, newid: 0 },
  after: [],
});
const inventory = inventoryOf([
  { type: 'qemu', vmid: 1, node: 'n' },
  { type: 'qemu', vmid: 2, node: 'n', tags: 'web;tier-1' },
  { type: 'qemu', vmid: 3, node: 'n', tags: 'tier1' },
  { type: 'qemu', vmid: 4, node: 'n' },
  { type: 'qemu', vmid: 9, node: 'n', tags: 'tier-1', template: 1 },
]);
const capture = { 'GET /nodes/n/qemu/4/config': { protection: '1' } };
const risk = (requests: PreparedRequest[], production = false) =>
  assessRisk(requests, { production, inventory, capture });

function decided(action: string, kind: PrincipalClass, { production = false, vmid = 1 } = {}) {
  const requests = [request(action, vmid)];
  const input: PolicyInput = {
    principal: { class: kind, role: 'operator', name: 'ana' },
    environment: { name: 'home', production },
    requests,
    risk: risk(requests, production),
  };
  return decide(baseline, input);
}

describe('the risk', () => {
  it.each([
    [1, 'medium', []],
    [2, 'high', ['vm/2 carries a tier-1 service (by its tag)']],
    [3, 'high', ['vm/3 carries a tier-1 service (by its tag)']],
    [4, 'high', ['vm/4 has its protection flag set']],
    [9, 'medium', []],
  ] as const)('of starting vm/%i is %s', (vmid, level, reasons) => {
    const { level: got, raises } = risk([request('vm.start', vmid)]);
    expect({ level: got, reasons: raises.map(({ reason }) => reason) }).toEqual({ level, reasons });
  });

  it('is high in production, except for what only reads', () => {
    expect(risk([request('vm.start')], true)).toMatchObject({
      level: 'high',
      raises: [{ to: 'high', reason: 'the environment is in production' }],
    });
    expect(risk([request('vm.read', 2)], true)).toMatchObject({ level: 'low', raises: [] });
  });

  it('of several is the highest of them, and nothing lowers it', () => {
    const all = ['vm.read', 'vm.start', 'vm.delete'].map((name) => request(name));
    for (const requests of [all, all.toReversed()])
      expect(risk(requests)).toMatchObject({ level: 'high', base: 'high', raises: [] });
    expect(risk([request('vm.start', 1), request('vm.start', 2)]).level).toBe('high');
  });

  it('is nothing where nothing is done', () => {
    const rehearsal = { trace: [], diff: [], preflight: [], results: {}, seconds: 0 };
    expect(blastRadius([request('vm.start')], rehearsal)).toEqual({ guests: [], services: [], nodes: [], score: 0 });
  });
});

describe('the baseline policy', () => {
  it.each(CLASSES)('lets a %s read freely, in production too', (kind) => {
    expect(decided('vm.read', kind, { production: true })).toMatchObject({ outcome: 'allow', approvals_required: 0 });
  });

  it.each([
    ['vm.start', 'human', {}, 'allow', ['baseline.medium']],
    ['vm.start', 'agent', {}, 'require_approval', ['baseline.agent']],
    ['vm.start', 'service', {}, 'require_approval', ['baseline.service']],
    ['vm.start', 'human', { production: true }, 'require_approval', ['baseline.high', 'baseline.production']],
    ['vm.start', 'human', { vmid: 2 }, 'require_approval', ['baseline.high']],
    ['vm.stop', 'human', {}, 'require_approval', ['baseline.vm.stop']],
    ['vm.delete', 'human', {}, 'require_approval', ['baseline.high']],
    ['vm.delete', 'agent', {}, 'require_approval', ['baseline.high', 'baseline.agent']],
  ] as const)('on %s by a %s %j says %s', (action, kind, where, outcome, ids) => {
    const decision = decided(action, kind, where);
    expect(decision.outcome).toBe(outcome);
    expect(decision.rules.map(({ id }) => id)).toEqual(ids);
    for (const { why } of decision.rules) expect(why.length).toBeGreaterThan(10);
  });

  it('never lets an agent or a service change anything without a person, whatever the action', () => {
    for (const { name, risk: own } of ACTIONS)
      for (const kind of ['agent', 'service'] as const)
        expect(decided(name, kind).outcome).toBe(own.base === 'low' ? 'allow' : 'require_approval');
  });

  it('that fails denies', () => {
    const broken = {
      evaluate(): never {
        throw new Error('the disk of the policy is full');
      },
    };
    const requests = [request('vm.read')];
    const input: PolicyInput = {
      principal: { class: 'human', role: 'admin', name: 'ana' },
      environment: { name: 'home', production: false },
      requests,
      risk: risk(requests),
    };
    const decision = decide(broken, input);
    expect(decision).toMatchObject({ outcome: 'deny', rules: [{ id: 'policy.failed' }] });
    expect(JSON.stringify(decision)).not.toContain('disk');
  });
});
