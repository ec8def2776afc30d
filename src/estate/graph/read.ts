import type { ServiceConfig } from '../../kernel/config_services.ts';
import { bool, record, text, type PveApi } from '../../proxmox/index.ts';
import type { Inventory } from '../inventory.ts';
import { readInto, type Capture } from '../twin.ts';
import { buildGraph } from './build.ts';
import type { Graph } from './types.ts';

/** One request each, whatever the size of the lab. HA groups of Proxmox VE 8 come with the resources. */
const CLUSTER_WIDE = [
  'GET /cluster/ha/resources',
  'GET /cluster/ha/rules',
  'GET /cluster/replication',
  'GET /cluster/backup',
];

export interface GraphReads {
  /** Nodes whose network matters: one request each, and one for the cluster's links. */
  readonly networks?: readonly string[];
  /** Storages whose guests matter: one request each where it is shared, else one per node that has it. */
  readonly storages?: readonly string[];
  /** Every guest's configuration and firewall rules: two requests per guest, for a picture of the whole lab. */
  readonly guests?: boolean;
}

/**
 * The graph of an environment: from what `capture` holds already, four cluster-wide requests, and what `more` asks for.
 * What Proxmox VE refuses is named in `unread`; the rest stands. Errors: `PVE_UNREACHABLE`.
 */
export async function readGraph(
  api: PveApi,
  inventory: Inventory,
  capture: Capture,
  services: readonly ServiceConfig[],
  more: GraphReads = {},
): Promise<Graph> {
  const known: Capture = { ...capture };
  const networks = (more.networks ?? []).map((node) => `GET /nodes/${node}/network`);
  const links = networks.length === 0 ? [] : ['GET /cluster/config/nodes'];
  const guests = more.guests === true ? [...inventory.guests.values()] : [];
  const perGuest = guests.flatMap(({ kind, node, vmid }) => {
    const at = `GET /nodes/${node}/${kind === 'vm' ? 'qemu' : 'lxc'}/${vmid}`;
    return [`${at}/config`, `${at}/firewall/rules`];
  });
  const contents = (more.storages ?? []).flatMap((storage) => contentKeys(inventory, storage));
  const wanted = [...CLUSTER_WIDE, ...networks, ...links, ...contents, ...perGuest];
  await readInto(
    known,
    wanted.filter((key) => !(key in known)),
    api,
  );
  return buildGraph(inventory, known, services, unreadOf(known, wanted));
}

function contentKeys({ storages }: Inventory, storage: string): string[] {
  const rows = storages.filter((row) => row['storage'] === storage && row['status'] === 'available');
  const needed = rows.some((row) => bool(row['shared'])) ? rows.slice(0, 1) : rows;
  return needed.map((row) => `GET /nodes/${text(row['node'])}/storage/${storage}/content`);
}

/** An older or newer Proxmox VE that has no such path has nothing there that could be missing. */
const NOT_THERE = /not implemented|no such|does not exist|501/i;

function unreadOf(capture: Capture, keys: readonly string[]): string[] {
  return keys.flatMap((key) => {
    const { __error: refused } = record(capture[key]) as { __error?: string };
    return refused === undefined || NOT_THERE.test(refused) ? [] : [`${key.replace(/^GET /, '')}: ${refused}`];
  });
}
