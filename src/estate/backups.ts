import { isAgentError } from '../kernel/errors.ts';
import { list, num, record, text, words, type PveApi } from '../proxmox/index.ts';
import type { Inventory } from './inventory.ts';

/**
 * Hours since the newest backup of a guest that its node can see, one request for each storage that may hold one; null
 * when there is none or Proxmox VE would not say. Errors: `PVE_UNREACHABLE`.
 */
export async function hoursSinceBackup(
  api: PveApi,
  { guests, storages }: Inventory,
  vmid: number,
  now: number,
): Promise<number | null> {
  const guest = guests.get(vmid);
  if (guest === undefined) return null;
  const holding = storages.filter(
    (row) => row['node'] === guest.node && row['status'] === 'available' && words(row['content']).includes('backup'),
  );
  const times = await Promise.all(
    holding.map((row) => backupTimes(api, `/nodes/${guest.node}/storage/${text(row['storage'])}/content`, vmid)),
  );
  const newest = Math.max(0, ...times.flat());
  return newest === 0 ? null : Math.max(0, (now / 1000 - newest) / 3600);
}

/** Seconds since the epoch. */
async function backupTimes(api: PveApi, path: string, vmid: number): Promise<number[]> {
  try {
    const rows = list(await api.get(path, { content: 'backup', vmid }));
    return rows.flatMap((row) => num(record(row)['ctime']) ?? []);
  } catch (error) {
    if (!isAgentError(error, 'PVE_REJECTED')) throw error;
    return [];
  }
}
