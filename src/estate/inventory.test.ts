import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTarget } from '../actions/index.ts';
import { inventoryOf, locate, nextVmid } from './inventory.ts';

const ROWS = [
  { type: 'node', node: 'pve1', status: 'online' },
  { type: 'node', node: 'pve2', status: 'offline' },
  { type: 'qemu', vmid: 101, node: 'pve1', name: 'dns', status: 'running', tags: 'dns;tier-1', lock: 'backup' },
  { type: 'lxc', vmid: '102', node: 'pve2', name: 'box', status: 'stopped', template: '1' },
  { type: 'storage', storage: 'local', node: 'pve1' },
  { type: 'sdn', sdn: 'zone' },
];
const inventory = inventoryOf(ROWS);
const find = (text: string) => locate(parseTarget(text), inventory, 'home');

describe('an inventory', () => {
  it('reads the rows of Proxmox VE, whose types are uneven', () => {
    expect(inventory.guests.get(101)).toMatchObject({
      kind: 'vm',
      tags: ['dns', 'tier-1'],
      lock: 'backup',
      template: false,
    });
    expect(inventory.guests.get(102)).toMatchObject({
      kind: 'ct',
      vmid: 102,
      template: true,
      tags: [],
      pool: undefined,
    });
    expect([inventory.nodes.length, inventory.storages.length]).toEqual([2, 1]);
  });

  it('keeps what a row tells of a guest on a node that is down', () => {
    const { guests } = inventoryOf([{ type: 'qemu', vmid: 7, node: 'pve2', status: 'unknown' }]);
    expect(guests.get(7)).toMatchObject({ name: '', status: 'unknown', node: 'pve2' });
  });
});

describe('locate', () => {
  it.each([
    ['vm/101', { kind: 'vm', vmid: 101, node: 'pve1' }],
    ['ct/102', { kind: 'ct', vmid: 102, node: 'pve2' }],
    ['node/pve2', { kind: 'node', node: 'pve2' }],
    ['storage/local', { kind: 'storage', node: '' }],
    ['cluster', { kind: 'cluster', node: '' }],
  ])('finds %s', (text, target) => {
    expect(find(text)).toMatchObject(target);
  });

  it.each([
    ['vm/999', 'home has no vm/999.'],
    ['vm/102', 'home has no vm/102; 102 is a container (ct/102).'],
    ['ct/101', 'home has no ct/101; 101 is a VM (vm/101).'],
    ['node/pve3', 'home has no node/pve3; its nodes are pve1, pve2.'],
    ['storage/nas', 'home has no storage/nas.'],
  ])('says of %s what there is instead', (text, words) => {
    expect(() => find(text)).toThrow(expect.objectContaining({ code: 'NOT_FOUND', message: words }));
  });
});

describe('nextVmid', () => {
  it('is the lowest from 100 that no guest and no plan has', () => {
    const numbers = fc.uniqueArray(fc.integer({ min: 100, max: 130 }));
    fc.assert(
      fc.property(numbers, numbers, (guests, taken) => {
        const lab = inventoryOf(guests.map((vmid) => ({ type: 'qemu', vmid })));
        const next = nextVmid(lab, new Set(taken));
        const used = new Set([...guests, ...taken]);
        expect(used.has(next)).toBe(false);
        for (let vmid = 100; vmid < next; vmid++) expect(used.has(vmid)).toBe(true);
      }),
    );
  });
});
