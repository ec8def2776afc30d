import type { World } from '../core/world.ts';
import { volidOf } from '../storage/lookup.ts';
import type { Config } from './types.ts';
import { desiredConfig, guestName, isTemplate, lockOf } from './guests.ts';

export type Objects = Map<string, Record<string, unknown>>;

/** As PVE's own answers, which never show it (FACTS 21). */
const withoutPassword = (config: Config): Config =>
  'cipassword' in config ? { ...config, cipassword: '**********' } : config;

/** What there is, for differences between before and after. Only what is known: a guest that was not read has no config. */
export function objectsOf(world: World): Objects {
  const { state } = world;
  const out: Objects = new Map();
  for (const guest of state.guests.values()) {
    const lock = lockOf(guest);
    const known = {
      node: guest.node,
      name: guestName(guest),
      status:
        guest.running === undefined ? (guest.unread ? (guest.published?.status ?? 'unknown') : 'stopped') : 'running',
      ...(lock === undefined ? {} : { lock }),
      ...(isTemplate(guest) ? { template: 1 } : {}),
    };
    const details = guest.unread
      ? {}
      : {
          config: withoutPassword(desiredConfig(guest)),
          pending: [...Object.keys(guest.pending), ...Object.keys(guest.deleting)].toSorted(),
          snapshots: Object.keys(guest.snapshots),
        };
    out.set(`${guest.type === 'qemu' ? 'vm' : 'ct'}/${guest.vmid}`, { ...known, ...details });
  }
  for (const volume of state.volumes.values()) {
    const key = `volume/${volidOf(volume)}`;
    const { size, format, vmid, node } = volume;
    const value = { size, format, ...(vmid === undefined ? {} : { vmid }), ...(node === undefined ? {} : { node }) };
    // The same name may be used on local storages of several nodes, for ISO images mostly.
    out.set(out.has(key) ? `${key}@${node}` : key, value);
  }
  for (const pool of state.pools.values())
    out.set(`pool/${pool.poolid}`, { comment: pool.comment ?? '', vms: [...pool.vms], storages: [...pool.storages] });
  for (const [id, storage] of state.storages) {
    const { type, options } = storage;
    out.set(`storage/${id}`, { type, ...options });
  }
  for (const [id, job] of state.backupJobs) out.set(`backup-job/${id}`, { ...job });
  for (const [sid, resource] of state.haResources) out.set(`ha/${sid}`, { ...resource });
  return out;
}
