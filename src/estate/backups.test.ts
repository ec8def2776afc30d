import { describe, expect, it } from 'vitest';
import { systemClock } from '../kernel/clock.ts';
import { silentLogger } from '../kernel/log.ts';
import { createPveApi } from '../proxmox/index.ts';
import { hoursSinceBackup } from './backups.ts';
import { inventoryOf } from './inventory.ts';

const NOW = Date.UTC(2026, 10, 20, 12);
const HOUR = 3600;
const storage = (name: string, more: object = {}) => ({
  type: 'storage',
  storage: name,
  node: 'pve1',
  status: 'available',
  content: 'images,backup',
  ...more,
});
const inventory = inventoryOf([
  { type: 'qemu', vmid: 101, node: 'pve1' },
  storage('nas'),
  storage('pbs', { content: 'backup' }),
  storage('refused'),
  storage('local-lvm', { content: 'images' }),
  storage('gone', { status: 'unknown' }),
  storage('elsewhere', { node: 'pve2' }),
]);

describe('hours since the last backup', () => {
  const asked: string[] = [];
  const ages: Record<string, number[]> = { nas: [30, 50], pbs: [4.5], refused: [] };
  const api = createPveApi(
    ({ path, params }) => {
      const name = /storage\/([^/]+)\/content$/.exec(path)?.[1] ?? '';
      asked.push(`${name} ${String(params?.['content'])} ${String(params?.['vmid'])}`);
      if (name === 'refused') return Promise.resolve({ status: 403, reason: 'no', body: { data: null } });
      const data = (ages[name] ?? []).map((age) => ({ ctime: NOW / 1000 - age * HOUR }));
      return Promise.resolve({ status: 200, reason: 'OK', body: { data } });
    },
    { principal: 'agent@pve!a', clock: systemClock, log: silentLogger },
  );

  it('are those of the newest one on any storage of its node that may hold one', async () => {
    expect(await hoursSinceBackup(api, inventory, 101, NOW)).toBeCloseTo(4.5);
    expect(asked.sort()).toEqual(['nas backup 101', 'pbs backup 101', 'refused backup 101']);
  });

  it('are not known where there is none', async () => {
    ages['nas'] = ages['pbs'] = [];
    expect(await hoursSinceBackup(api, inventory, 101, NOW)).toBeNull();
    expect(await hoursSinceBackup(api, inventory, 102, NOW)).toBeNull();
  });
});
