import { describe, expect, it } from 'vitest';
import { applied, byHand, planned, refused } from '../../../test/support/action.ts';

const create = (params: object, target = 'vm/9000') => planned('vm.create_from_template', target, params);
const no = (params: object, target = 'vm/9000') => refused('vm.create_from_template', target, params);
const CLONE = 'Clone vm/9000 (debian-12) to vm/100 (web1)';

describe('vm.create_from_template', () => {
  it('clones, sets, grows and starts, in this order', async () => {
    const { titles } = await create({ name: 'web1', cores: 4, disk: { size: '20G' }, cloudinit: { user: 'admin' } });
    expect(titles).toEqual([
      CLONE,
      'Set cores, ciuser of vm/100 (web1)',
      'Grow scsi0 of vm/100 (web1) to 20G',
      'Start vm/100 (web1)',
    ]);
  });

  it('skips what the template has already', async () => {
    const { titles } = await create({ name: 'web1', cores: 2, memory: 2048, disk: { size: '8G' }, start: false });
    expect(titles).toEqual([CLONE]);
  });

  it('takes everything back with the clone', async () => {
    const { trace } = await create({ name: 'web1', cores: 4, disk: { size: '+1G' } });
    expect(trace[0]?.undo).toMatchObject({ kind: 'call', method: 'DELETE', path: '/nodes/pve4/qemu/100' });
    expect(trace.slice(1, 3).map(({ undo }) => undo)).toEqual([
      { kind: 'with', title: CLONE },
      { kind: 'with', title: CLONE },
    ]);
  });

  it('stops the guest before it removes it', () =>
    applied(
      'vm.create_from_template',
      'vm/9000',
      { name: 'web1', wait: 1 },
      (one, operation) => {
        expect(operation.state).toBe('failed');
        expect(one.calls().slice(-2)).toEqual(['POST /nodes/pve4/qemu/100/status/stop', 'DELETE /nodes/pve4/qemu/100']);
        expect(one.changes()).toEqual([]);
      },
      (one) =>
        one.simulator.inject({
          match: { method: 'GET', path: '*/100/agent/network-get-interfaces', times: 0 },
          kind: 'status',
          message: 'QEMU guest agent is not running',
        }),
    ));

  it('reports the address that it gave', async () => {
    const { result } = await create({
      name: 'web1',
      cloudinit: { ipconfig: { '0': { ip: '192.168.30.61/24', gw: '192.168.30.1' } } },
    });
    expect(result).toMatchObject({
      vmid: 100,
      node: 'pve4',
      addresses: [{ interface: 'eth0', address: '192.168.30.61', prefix: 24 }],
    });
  });

  it.each([
    ['a guest that is no template', 'vm/301', {}, 'vm/301 (staging-web) is not a template'],
    ['to shrink the disk', 'vm/9000', { disk: { size: '4G' } }, 'making it 4G would cut off data'],
    ['a disk that is not there', 'vm/9000', { disk: { slot: 'scsi3', size: '9G' } }, 'has no scsi3'],
    ['a storage for a linked clone', 'vm/9000', { storage: 'nas' }, 'a linked clone stays on the storage'],
    ['another node with local disks', 'vm/9002', { node: 'pve1' }, 'VM uses local storage'],
  ])('refuses %s', async (_what, target, params, words) => {
    expect(await no({ name: 'web1', ...params }, target)).toContain(words);
  });

  it('refuses cloud-init settings where the template has no drive for them', async () => {
    const words = await refused(
      'vm.create_from_template',
      'vm/9000',
      { name: 'web1', cloudinit: { user: 'admin' } },
      (one) => byHand(one, 'PUT', '/nodes/pve4/qemu/9000/config', { delete: 'ide2' }),
    );
    expect(words).toContain('the template has no cloud-init drive, so the settings would never reach the guest');
  });

  it('makes the guest on another node where all disks are shared', async () => {
    const { result, trace } = await create({ name: 'web1', node: 'pve1', start: false });
    expect(result['node']).toBe('pve1');
    expect(trace[0]).toMatchObject({ params: { target: 'pve1' }, undo: { path: '/nodes/pve1/qemu/100' } });
  });
});
