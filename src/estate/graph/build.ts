import type { ServiceConfig } from '../../kernel/config_services.ts';
import { bool, list, num, record, text, words } from '../../proxmox/index.ts';
import type { GuestEntry, Inventory } from '../inventory.ts';
import type { Capture } from '../twin.ts';
import { GraphBuilder } from './builder.ts';
import { addGuestConfigs, addNetworks, addVolumes } from './networks.ts';
import type { Graph } from './types.ts';

/** `tier-1` and the older `tier1`. */
export function tierOf(tags: readonly string[]): number | undefined {
  const tiers = tags.flatMap((tag) => /^tier-?([1-3])$/.exec(tag)?.[1] ?? []).map(Number);
  return tiers.length === 0 ? undefined : Math.min(...tiers);
}

export const guestId = ({ kind, vmid }: Pick<GuestEntry, 'kind' | 'vmid'>): string => `${kind}/${vmid}`;

/** The graph of what was read: pure, so the same reads give the same graph. */
export function buildGraph(
  inventory: Inventory,
  capture: Capture,
  services: readonly ServiceConfig[],
  unread: readonly string[] = [],
): Graph {
  const graph = new GraphBuilder();
  addNodes(graph, inventory);
  addGuests(graph, inventory);
  addServices(graph, inventory, services);
  addHa(graph, capture);
  addReplication(graph, inventory, capture);
  addBackupJobs(graph, inventory, capture);
  addGuestConfigs(graph, inventory, capture);
  addVolumes(graph, inventory, capture);
  addNetworks(graph, capture);
  return graph.build(unread);
}

function addNodes(graph: GraphBuilder, { nodes, storages }: Inventory): void {
  for (const row of nodes) {
    const name = text(row['node']) ?? '';
    graph.add({ id: `node/${name}`, kind: 'node', name, status: text(row['status']) ?? 'unknown' });
  }
  for (const row of storages) {
    const name = text(row['storage']) ?? '';
    graph.add({ id: `storage/${name}`, kind: 'storage', name, ...(bool(row['shared']) ? { marks: ['shared'] } : {}) });
  }
}

function addGuests(graph: GraphBuilder, { guests }: Inventory): void {
  for (const guest of guests.values()) {
    const { node, name, status, tags, pool } = guest;
    const id = guestId(guest);
    const tier = tierOf(tags);
    graph.add({
      id,
      kind: 'guest',
      name,
      node,
      status,
      ...(tier === undefined ? {} : { tier }),
      ...(guest.template ? { marks: ['template'] } : {}),
    });
    graph.edge(id, `node/${node}`, `it runs on ${node}`);
    if (pool !== undefined && pool !== '') {
      graph.add({ id: `pool/${pool}`, kind: 'pool', name: pool });
      graph.edge(id, `pool/${pool}`, `it is in the pool ${pool}`);
    }
    for (const tag of tags) {
      const service = /^svc-(.+)$/.exec(tag)?.[1];
      if (service === undefined) continue;
      graph.add({ id: `service/${service}`, kind: 'service', name: service, ...(tier === undefined ? {} : { tier }) });
      graph.edge(`service/${service}`, id, `${id} carries it (tag ${tag})`);
    }
  }
}

function addServices(graph: GraphBuilder, { guests }: Inventory, services: readonly ServiceConfig[]): void {
  const known = new Set([...guests.values()].map(guestId));
  for (const { name, tier, guests: on, depends_on } of services) {
    const id = `service/${name}`;
    graph.add({ id, kind: 'service', name, tier });
    for (const guest of on.filter((one) => known.has(one)))
      graph.edge(id, guest, `${guest} carries it (configuration)`);
    for (const other of depends_on) graph.edge(id, `service/${other}`, `it depends on ${other} (configuration)`);
  }
}

const guestOfSid = (sid: string): string => sid.replace(':', '/');

function addHa(graph: GraphBuilder, capture: Capture): void {
  for (const row of list(capture['GET /cluster/ha/resources']).map((one) => record(one))) {
    const sid = text(row['sid']) ?? '';
    const state = text(row['state']) ?? 'started';
    graph.add({ id: `ha/${sid}`, kind: 'ha', name: sid, status: state });
    graph.edge(guestOfSid(sid), `ha/${sid}`, `HA keeps it ${state}`);
    const group = text(row['group']);
    if (group === undefined) continue;
    graph.add({ id: `ha-rule/${group}`, kind: 'ha-rule', name: group });
    graph.edge(`ha/${sid}`, `ha-rule/${group}`, `it is in the HA group ${group}`);
  }
  for (const row of list(capture['GET /cluster/ha/rules']).map((one) => record(one))) {
    const rule = text(row['rule']) ?? '';
    const id = `ha-rule/${rule}`;
    graph.add({ id, kind: 'ha-rule', name: rule });
    for (const sid of words(row['resources'])) graph.edge(`ha/${sid}`, id, `the HA rule ${rule} places it`);
    for (const node of words(row['nodes'])) {
      const [name = ''] = node.split(':');
      graph.edge(id, `node/${name}`, `it places guests on ${name}`);
    }
  }
}

function addReplication(graph: GraphBuilder, { guests }: Inventory, capture: Capture): void {
  const jobs = list(capture['GET /cluster/replication']).map((one) => record(one));
  for (const job of jobs) {
    const name = text(job['id']) ?? '';
    const guest = guests.get(num(job['guest']) ?? 0);
    const target = text(job['target']) ?? '';
    if (guest === undefined) continue;
    const alone = jobs.filter((other) => num(other['guest']) === guest.vmid).length === 1;
    const id = `replication/${name}`;
    const marks = alone ? [`holds the only replica of ${guestId(guest)}, on ${target}`] : [];
    graph.add({ id, kind: 'replication', name, marks });
    graph.edge(guestId(guest), id, `its replica on ${target} comes from ${name}`);
    graph.edge(id, `node/${target}`, `the replica is on ${target}`);
  }
}

function addBackupJobs(graph: GraphBuilder, { guests }: Inventory, capture: Capture): void {
  for (const job of list(capture['GET /cluster/backup']).map((one) => record(one))) {
    const name = text(job['id']) ?? '';
    const id = `backup-job/${name}`;
    const storage = text(job['storage']);
    graph.add({ id, kind: 'backup-job', name });
    if (storage !== undefined) graph.edge(id, `storage/${storage}`, `it writes to ${storage}`);
    for (const guest of guests.values())
      if (backsUp(job, guest)) graph.edge(guestId(guest), id, `the backup job ${name} backs it up`);
  }
}

function backsUp(job: Readonly<Record<string, unknown>>, { vmid, node, pool }: GuestEntry): boolean {
  const only = text(job['node']);
  if (only !== undefined && only !== node) return false;
  if (bool(job['all'])) return !words(job['exclude']).includes(String(vmid));
  if (job['pool'] !== undefined) return text(job['pool']) === pool;
  return words(job['vmid']).includes(String(vmid));
}
