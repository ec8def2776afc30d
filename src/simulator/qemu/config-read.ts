import type { Call, Routes } from '../core/call.ts';
import { desiredConfig } from '../state/guests.ts';
import type { Config, ConfigValue, Guest } from '../state/types.ts';
import { snapshotConfig } from './snapshot.ts';

const MASK = '**********';

/** The password of cloud-init is never shown. */
const shown = (key: string, value: ConfigValue): ConfigValue => (key === 'cipassword' ? MASK : value);

export const masked = (config: Config): Config =>
  Object.fromEntries(Object.entries(config).map(([key, value]) => [key, shown(key, value)]));

/** The desired configuration by default, the active one with `current=1` (FACTS 22). */
function readConfig(call: Call): unknown {
  const { world, node, params } = call;
  const guest = world.guestOn(node, params.number('vmid'));
  const snapshot = params.maybe('snapshot');
  const digest = world.digestOf(guest);
  if (snapshot !== undefined) return { ...masked(snapshotConfig(guest, snapshot)), digest };
  return { ...masked(params.flag('current') ? guest.config : desiredConfig(guest)), digest };
}

interface PendingRow {
  key: string;
  value?: ConfigValue;
  pending?: ConfigValue;
  delete?: number;
}

export function pendingRows(guest: Guest, digest: string): PendingRow[] {
  const rows: PendingRow[] = [];
  for (const [key, value] of Object.entries(guest.config)) {
    const row: PendingRow = { key, value: shown(key, value) };
    const next = guest.pending[key];
    if (next !== undefined) row.pending = shown(key, next);
    const removal = guest.deleting[key];
    if (removal !== undefined) row.delete = removal.force ? 2 : 1;
    rows.push(row);
  }
  for (const [key, pending] of Object.entries(guest.pending)) {
    if (guest.config[key] === undefined) rows.push({ key, pending: shown(key, pending) });
  }
  rows.push({ key: 'digest', value: digest });
  return rows;
}

export const configReadRoutes: Routes = {
  'GET /nodes/{node}/qemu/{vmid}/config': readConfig,
  'GET /nodes/{node}/qemu/{vmid}/pending': ({ world, node, params }) => {
    const guest = world.guestOn(node, params.number('vmid'));
    return pendingRows(guest, world.digestOf(guest));
  },
};
