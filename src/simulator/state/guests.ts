import { createHash } from 'node:crypto';
import { NotRead } from '../core/errors.ts';
import type { Config, ConfigValue, Guest } from './types.ts';

const sorted = (config: Readonly<Record<string, unknown>>): string =>
  Object.keys(config)
    .toSorted()
    .map((key) => `${key}: ${String(config[key])}`)
    .join('\n');

/** The configuration file as text: what the digest is of. Not PVE's very text, but it changes exactly when that would. */
export function configText(guest: Guest): string {
  const parts = [sorted(guest.config)];
  const deleting = Object.entries(guest.deleting).map(([key, { force }]) => (force ? `!${key}` : key));
  if (Object.keys(guest.pending).length > 0 || deleting.length > 0) {
    parts.push('[PENDING]', sorted(guest.pending), `delete: ${deleting.toSorted().join(',')}`);
  }
  if (Object.keys(guest.cloudinit).length > 0) parts.push('[special:cloudinit]', sorted(guest.cloudinit));
  for (const [name, snapshot] of Object.entries(guest.snapshots)) {
    const { config, ...rest } = snapshot;
    parts.push(`[${name}]`, sorted(config), sorted(rest));
  }
  return parts.join('\n');
}

export const sha1 = (text: string): string => createHash('sha1').update(text).digest('hex');

/** SHA-1 over the configuration; the cluster's own digest for as long as nothing has changed since it was read. */
export function guestDigest(guest: Guest): string {
  const text = configText(guest);
  return guest.read?.text === text ? guest.read.digest : sha1(text);
}

/** The configuration with everything pending applied: what GET config shows by default (FACTS 22). */
export function desiredConfig(guest: Guest): Config {
  const out: Config = {};
  for (const [key, value] of Object.entries(guest.config)) if (guest.deleting[key] === undefined) out[key] = value;
  return Object.assign(out, guest.pending);
}

export const guestName = (guest: Guest): string =>
  String(
    guest.config.name ?? guest.config.hostname ?? (guest.type === 'qemu' ? `VM ${guest.vmid}` : `CT${guest.vmid}`),
  );

export const isTemplate = (guest: Guest): boolean => Number(guest.config.template ?? 0) === 1;

export const lockOf = (guest: Guest): string | undefined => {
  const lock = guest.config.lock;
  return lock === undefined ? undefined : String(lock);
};

/** The calls that tell all about a guest; asked for together (a twin is built again once for one object). */
export function readsOf(guest: Guest): string[] {
  const base = `/nodes/${guest.node}/${guest.type}/${guest.vmid}`;
  return [`GET ${base}/config`, `GET ${base}/status/current`, `GET ${base}/pending`, `GET ${base}/snapshot`];
}

export function assertRead(guest: Guest): void {
  if (guest.unread) throw new NotRead(readsOf(guest));
}

export const text = (value: ConfigValue | undefined): string | undefined =>
  value === undefined ? undefined : String(value);

export function newGuest(vmid: number, node: string, type: 'qemu' | 'lxc' = 'qemu'): Guest {
  return { vmid, node, type, config: {}, pending: {}, deleting: {}, cloudinit: {}, snapshots: {} };
}
