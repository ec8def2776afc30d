import type { TypeOptions } from '../core/section.ts';

const words = (text: string): string[] => text.split(' ').filter(Boolean);

const BACKUPS = 'prune-backups max-protected-backups';
const FOLDERS = 'mkdir create-base-path create-subdirs';

const type = (required: string, fixed: string, optional: string): TypeOptions => ({
  required: words(required),
  fixed: words(`${required} ${fixed}`),
  optional: words(`nodes disable content ${optional}`),
});

/** What may and must be said of a storage of each type. What is required also stays as it is. */
export const STORAGE_OPTIONS: Readonly<Record<string, TypeOptions>> = {
  dir: type(
    'path',
    'snapshot-as-volume-chain',
    `content-dirs shared ${BACKUPS} format ${FOLDERS} is_mountpoint bwlimit preallocation`,
  ),
  btrfs: type('path', '', `shared ${BACKUPS} format is_mountpoint nocow ${FOLDERS} preallocation bwlimit`),
  nfs: type(
    'path server export',
    'snapshot-as-volume-chain',
    `content-dirs ${BACKUPS} options format ${FOLDERS} bwlimit preallocation`,
  ),
  cifs: type(
    'path server share',
    'snapshot-as-volume-chain',
    `content-dirs subdir ${BACKUPS} format username domain smbversion ${FOLDERS} bwlimit preallocation options`,
  ),
  cephfs: type(
    'path',
    '',
    `content-dirs monhost subdir options username format ${FOLDERS} fuse bwlimit keyring ${BACKUPS} fs-name`,
  ),
  lvm: type(
    'vgname',
    'base',
    'shared saferemove saferemove-stepsize saferemove_throughput tagged_only bwlimit snapshot-as-volume-chain',
  ),
  lvmthin: type('thinpool vgname', '', 'bwlimit'),
  zfspool: type('pool', '', 'blocksize sparse bwlimit mountpoint'),
  zfs: type(
    'portal target pool blocksize iscsiprovider',
    '',
    'nowritecache sparse comstar_hg comstar_tg lio_tpg bwlimit zfs-base-path',
  ),
  rbd: type('', '', 'monhost pool data-pool namespace username krbd keyring bwlimit'),
  iscsi: type('portal target', '', 'bwlimit'),
  iscsidirect: type('portal target', '', 'bwlimit'),
  pbs: type('server datastore', '', `namespace port username encryption-key master-pubkey ${BACKUPS} fingerprint`),
  esxi: {
    required: words('server username'),
    fixed: [],
    optional: words('nodes shared disable content bwlimit skip-cert-verification port'),
  },
};

/** Kept in files of their own, never shown. */
export const SECRETS = new Set(['password', 'encryption-key', 'master-pubkey', 'keyring']);

/** Where the storage is mounted when nobody says. */
export const MOUNTED = new Set(['nfs', 'cifs', 'cephfs']);

/** Every node sees the same; the API says so even where the definition does not. */
export const ALWAYS_SHARED = new Set(['iscsi', 'iscsidirect', 'nfs', 'cifs', 'rbd', 'cephfs', 'zfs', 'pbs']);

interface Contents {
  readonly allowed: readonly string[];
  readonly standard: string;
}

const contents = (allowed: string, standard: string): Contents => ({ allowed: words(allowed), standard });
const FILES = 'images rootdir vztmpl iso backup snippets import';

/** What can lie on a storage of each type, and what does when nobody says. */
export const CONTENTS: Readonly<Record<string, Contents>> = {
  dir: contents(`${FILES} none`, 'images,rootdir'),
  btrfs: contents(`${FILES} none`, 'images,rootdir'),
  nfs: contents(FILES, 'images'),
  cifs: contents(FILES, 'images'),
  cephfs: contents('vztmpl iso backup snippets import', 'backup'),
  lvm: contents('images rootdir', 'images'),
  lvmthin: contents('images rootdir', 'images,rootdir'),
  zfspool: contents('images rootdir', 'images,rootdir'),
  zfs: contents('images', 'images'),
  rbd: contents('images rootdir', 'images'),
  iscsi: contents('images none', 'images'),
  iscsidirect: contents('images none', 'images'),
  pbs: contents('backup none', 'backup'),
  esxi: contents('import', 'import'),
};
