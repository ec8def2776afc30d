import { z } from 'zod';

/** Parameters that several actions take, so that they have one shape and one text. */
export const guestName = z
  .string()
  .regex(
    /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/,
    'must be a DNS name: letters, digits and hyphens',
  )
  .describe('Name of the guest, a DNS name.');

export const newid = z
  .int()
  .min(100)
  .max(999_999_999)
  .optional()
  .describe('VMID of the new guest. Left out, the next free one is reserved when the plan is made.');
export const nodeName = z
  .string()
  .regex(/^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$/, 'must be a node name')
  .describe('Node for the new guest; the source’s own when left out. Needs all disks on shared storage.');
export const storageId = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9\-_.]*[A-Za-z0-9]$/, 'must be a storage name')
  .describe('Storage for the disks of a full clone.');
export const poolId = z
  .string()
  .regex(/^[A-Za-z0-9._/-]+$/, 'must be a pool name')
  .describe('Resource pool that the new guest joins.');
export const description = z.string().max(8192).describe('Notes on the guest, as PVE shows them (Markdown).');
/** PVE's pve-configid: two characters or more (FACTS 26). */
export const snapshotName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_-]{1,39}$/, 'must begin with a letter and have 2 to 40 letters, digits, "-" or "_"')
  .refine((name) => name !== 'current' && name !== 'pending', 'is a name that Proxmox VE keeps for itself')
  .describe('Name of the snapshot.');
export const tags = z
  .array(z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_\-+.]*$/, 'must be letters, digits, "_", "-", "+" or "."'))
  .describe('Tags; replaces all that the guest has.');
export const cores = z.int().min(1).max(128).describe('CPU cores per socket.');
export const memory = z.int().min(16).max(4_194_304).describe('Memory in MiB.');
export const diskSlot = z
  .string()
  .regex(
    /^(ide[0-3]|sata[0-5]|scsi([0-9]|[12][0-9]|30)|virtio([0-9]|1[0-5])|efidisk0|tpmstate0)$/,
    'must be a disk such as scsi0 or virtio1',
  )
  .describe('The disk, such as `scsi0`.');
export const diskSize = z
  .string()
  .regex(/^\+?\d+(\.\d+)?[KMGT]?$/, 'must be a size such as 40G or +10G')
  .describe('New size (`40G`) or growth (`+10G`). A disk can grow only.');
