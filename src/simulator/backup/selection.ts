import { textOf } from '../core/text.ts';
import type { World } from '../core/world.ts';
import { drivesOf, isCdrom } from '../qemu/drives.ts';
import { splitList } from '../schema/formats.ts';
import type { Guest } from '../state/types.ts';

/** Which guests a job or a call names. */
export interface Selection {
  readonly vmid?: unknown;
  readonly all?: unknown;
  readonly pool?: unknown;
  readonly exclude?: unknown;
}

const ids = (value: unknown): number[] => splitList(textOf(value ?? '')).map(Number);

/** Ids of the guests that are to be backed up, whether they exist or not; on all nodes. */
export function selectedIds(world: World, { vmid, all, pool, exclude }: Selection): number[] {
  const { guests, pools } = world.state;
  const excluded = new Set(ids(exclude));
  const chosen =
    pool !== undefined ? (pools.get(textOf(pool))?.vms ?? []) : Number(all ?? 0) === 1 ? [...guests.keys()] : ids(vmid);
  return chosen.filter((id) => !excluded.has(id)).toSorted((a, b) => a - b);
}

export interface BackupVolume {
  readonly key: string;
  readonly volid: string;
  readonly included: boolean;
  readonly reason: string;
}

/** Every disk of a guest, and whether and why it goes into a backup. */
export function backupVolumes(guest: Guest): BackupVolume[] {
  return guest.type === 'qemu' ? qemuVolumes(guest) : mountVolumes(guest);
}

function qemuVolumes({ config }: Guest): BackupVolume[] {
  return drivesOf(config)
    .filter(([, drive]) => !isCdrom(drive))
    .map(([key, drive]) => {
      const volid = drive.file ?? '';
      if (key === 'efidisk0' && config.bios !== 'ovmf')
        return { key, volid, included: false, reason: 'efidisk but no OMVF BIOS' };
      return {
        key,
        volid,
        included: drive.backup !== '0',
        reason: drive.backup === undefined ? 'backup=yes' : 'backup=no',
      };
    });
}

function mountVolumes({ config }: Guest): BackupVolume[] {
  return Object.keys(config)
    .filter((key) => /^(?:rootfs|mp\d+)$/.test(key))
    .toSorted()
    .map((key) => {
      const text = String(config[key]);
      const volid = text.split(',')[0] ?? '';
      if (key === 'rootfs') return { key, volid, included: true, reason: 'rootfs' };
      if (volid.startsWith('/')) return { key, volid, included: false, reason: 'not a volume' };
      const included = /(?:^|,)backup=1/.test(text);
      return { key, volid, included, reason: included ? 'enabled' : 'disabled' };
    });
}
