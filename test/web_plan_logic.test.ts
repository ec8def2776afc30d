import { describe, expect, it } from 'vitest';
import { resultsOf } from '../web/src/pages/operation/results.ts';
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
