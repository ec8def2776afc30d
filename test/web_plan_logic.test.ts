import { describe, expect, it } from 'vitest';
import { resultsOf } from '../web/src/pages/operation/results.ts';
import { ownNeedsProof } from '../web/src/pages/plan/own.ts';
import { planTitle, targetsText } from '../web/src/pages/plan/title.ts';

describe('what a plan is called', () => {
  const requests = [
    { action: 'vm.stop', target: 'vm/121' },
    { action: 'vm.start', target: 'vm/122' },
  ];
  const targets = [{ target: 'vm/121', pinned: { name: 'web', node: 'pve2' } }, { target: 'vm/122' }];

  it('names the guest, whose number says little', () => {
    expect(planTitle({ requests: requests.slice(0, 1), targets })).toBe('vm.stop on vm/121 (web)');
    expect(planTitle({ requests, targets })).toBe('vm.stop on vm/121 (web) and 1 more');
    expect(planTitle({ requests: requests.slice(1), targets })).toBe('vm.start on vm/122');
    expect(planTitle({ requests: [] })).toBe('Plan without requests');
  });

  it('says where each target is, as far as that is known', () => {
    expect(targetsText({ requests, targets })).toBe('vm/121 (web on pve2), vm/122');
    expect(targetsText({ requests })).toBe('vm/121, vm/122');
  });
});

describe('what an operation answered', () => {
  it('writes addresses as they are written elsewhere, and everything else as it is', () => {
    const address = { interface: 'eth0', address: '10.0.0.5', prefix: 24 };
    const other = { address: '10.0.0.6', mac: 'x' };
    const made = { vmid: 120, addresses: [address, { address: 'fd00::5' }, '192.0.2.5', other], left: [], none: null };
    expect(resultsOf({ a1: made, a2: null, a3: 'text' })).toEqual([
      ['vmid', '120'],
      ['addresses', '10.0.0.5/24 (eth0), fd00::5, 192.0.2.5, {"address":"10.0.0.6","mac":"x"}'],
      ['left', 'none'],
      ['none', ''],
    ]);
    expect(resultsOf(undefined)).toEqual([]);
  });
});

describe('the own approval', () => {
  const me = { id: 'p1', name: 'ana', role: 'admin', class: 'human' } as const;
  const rule = (why: string) => ({ outcome: 'require_approval', rules: [{ id: 'approval.own', effect: 'x', why }] });
  const asked = rule("ana's own approval needs a fresh second factor and the first 8 digits of the plan's hash");

  it('shows the fields at once to who asked for the plan, and to nobody else', () => {
    expect(ownNeedsProof({ created_by: { id: 'p1' }, decision: asked }, me)).toBe(true);
    expect(ownNeedsProof({ created_by: { id: 'p2' }, decision: asked }, me)).toBe(false);
    expect(ownNeedsProof({ created_by: { id: 'p1' }, decision: asked }, undefined)).toBe(false);
    expect(ownNeedsProof({ created_by: { id: 'p1' }, decision: rule('another person has to approve') }, me)).toBe(
      false,
    );
    expect(ownNeedsProof({ created_by: { id: 'p1' } }, me)).toBe(false);
  });
});
