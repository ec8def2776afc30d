import type { StorageDefinition } from '../state/types.ts';
import { CONTENTS } from './options.ts';

/** What a storage type can do, as far as guests notice. */
export interface StorageKind {
  /** Images are files in a folder per guest, with their format as extension. */
  readonly files: boolean;
  /** Format of an image when none is asked for. */
  readonly format: string;
  readonly formats: readonly string[];
  /** Formats that can be snapshotted. */
  readonly snapshots: readonly string[];
  /** Formats whose templates can be cloned by reference. */
  readonly linked: readonly string[];
  /** Linked clones name their base: `base-9000-disk-0/vm-101-disk-0`. */
  readonly namesBase: boolean;
  /** Every node sees the same content without being told so. */
  readonly shared: boolean;
}

const files = (shared: boolean): StorageKind => ({
  files: true,
  format: 'raw',
  formats: ['raw', 'qcow2', 'vmdk', 'subvol'],
  snapshots: ['qcow2'],
  linked: ['qcow2', 'raw', 'vmdk'],
  namesBase: true,
  shared,
});

const blocks = (options: Partial<StorageKind>): StorageKind => ({
  files: false,
  format: 'raw',
  formats: ['raw'],
  snapshots: ['raw'],
  linked: ['raw'],
  namesBase: true,
  shared: false,
  ...options,
});

const KINDS: Readonly<Record<string, StorageKind>> = {
  dir: files(false),
  btrfs: { ...files(false), snapshots: ['qcow2', 'raw', 'subvol'] },
  nfs: files(true),
  cifs: files(true),
  cephfs: files(true),
  glusterfs: files(true),
  // Thin volumes are cloned as snapshots of the base, and their names do not tell.
  lvmthin: blocks({ namesBase: false }),
  lvm: blocks({ snapshots: [], linked: [] }),
  zfspool: blocks({ formats: ['raw', 'subvol'], snapshots: ['raw', 'subvol'], linked: ['raw', 'subvol'] }),
  zfs: blocks({ shared: true }),
  rbd: blocks({ shared: true }),
  iscsi: blocks({ snapshots: [], linked: [], shared: true }),
  iscsidirect: blocks({ snapshots: [], linked: [], shared: true }),
  pbs: blocks({ snapshots: [], linked: [], shared: true }),
  esxi: blocks({ snapshots: [], linked: [], shared: true }),
};

/** An unknown type of a later PVE counts as a folder. */
export const kindOf = (storage: StorageDefinition): StorageKind => KINDS[storage.type] ?? files(true);

export const isShared = (storage: StorageDefinition): boolean =>
  Number(storage.options.shared ?? 0) === 1 || kindOf(storage).shared;

/** Default content of a storage whose definition names none. */
export function contentOf(storage: StorageDefinition): string[] {
  const named = storage.options.content;
  if (named !== undefined) return String(named).split(',').filter(Boolean);
  return (CONTENTS[storage.type]?.standard ?? 'images').split(',');
}

export const pathOf = (storage: StorageDefinition): string =>
  String(storage.options.path ?? (storage.type === 'dir' ? '/var/lib/vz' : `/mnt/pve/${storage.storage}`));
