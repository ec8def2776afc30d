import { describe, expect, it } from 'vitest';
import { applied, planned, refused } from '../../../test/support/action.ts';

const resize = (size: string, disk = 'scsi0', target = 'vm/301') => planned('disk.resize', target, { disk, size });
const no = (size: string, disk = 'scsi0') => refused('disk.resize', 'vm/301', { disk, size });

describe('disk.resize', () => {
  it.each([
    ['+8G', '16G'],
    ['32G', '32G'],
    ['+0.5G', '8704M'],
    ['+1024K', '8193M'],
    ['1T', '1T'],
  ])('sends %s as the absolute size %s, so that sending it twice grows the disk once', async (size, sent) => {
    const { titles, params } = await resize(size);
    expect(params).toEqual([{ disk: 'scsi0', size: sent }]);
    expect(titles).toEqual([`Grow scsi0 of vm/301 (staging-web) to ${sent}`]);
  });

  it.each(['8G', '8192M', '+0G'])('has nothing to do where the disk has that size already (%s)', async (size) => {
    expect(await resize(size)).toMatchObject({ titles: [], result: { before: '8G', after: '8G' } });
  });

  it('says before the approval that it cannot be taken back', async () => {
    const { trace } = await resize('+8G');
    expect(trace[0]?.undo).toEqual({ kind: 'irreversible', why: 'Proxmox VE cannot make a disk smaller' });
  });

  it('refuses to shrink, and names both sizes', async () => {
    expect(await no('4G')).toContain('scsi0 has 8G; making it 4G would cut off data');
  });

  it.each([
    ['scsi5', 'vm/301 (staging-web) has no scsi5'],
    ['ide2', 'ide2 is a CD drive, which has no size to change'],
  ])('refuses %s', async (disk, words) => {
    expect(await no('+1G', disk)).toContain(`PREFLIGHT_FAILED: The rehearsal failed, "disk": ${words}`);
  });

  it.each(['-1G', '1P', 'G', '', '1 G', '+'])('does not take "%s" for a size', async (size) => {
    expect(await no(size)).toContain('"params.size":"must be a size such as 40G or +10G"');
  });

  it.each(['scsi31', 'virtio16', 'net0', '../config'])('does not take "%s" for a disk', async (disk) => {
    expect(await no('+1G', disk)).toContain('"params.disk":"must be a disk such as scsi0 or virtio1"');
  });

  it('grows the disk of a running guest too', () =>
    applied('disk.resize', 'vm/303', { disk: 'scsi0', size: '20G' }, (one, { state }) => {
      expect(state).toBe('applied');
      const volume = one.changes().find(({ object }) => object.startsWith('volume/'));
      expect(volume?.fields).toMatchObject([{ name: 'size', before: 16 * 2 ** 30, after: 20 * 2 ** 30 }]);
    }));
});
