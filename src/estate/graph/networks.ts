import { list, num, record, text } from '../../proxmox/index.ts';
import type { Inventory } from '../inventory.ts';
import type { Capture } from '../twin.ts';
import type { GraphBuilder } from './builder.ts';

type Row = Readonly<Record<string, unknown>>;
const CONFIG = /^GET \/nodes\/([^/]+)\/(qemu|lxc)\/(\d+)\/config$/;
const RULES = /^GET \/nodes\/[^/]+\/(qemu|lxc)\/(\d+)\/firewall\/rules$/;
const CONTENT = /^GET \/nodes\/[^/]+\/storage\/([^/]+)\/content$/;
const NETWORK = /^GET \/nodes\/([^/]+)\/network$/;
const DISK = /^(ide|sata|scsi|virtio|efidisk|tpmstate|unused|mp)\d+$|^rootfs$/;

/** Which guests have volumes on those storages whose content was read. */
export function addVolumes(graph: GraphBuilder, { guests }: Inventory, capture: Capture): void {
  for (const [key, value] of Object.entries(capture)) {
    const storage = CONTENT.exec(key)?.[1];
    if (storage === undefined) continue;
    for (const row of list(value).map((one) => record(one))) {
      const guest = guests.get(num(row['vmid']) ?? 0);
      if (guest === undefined || !/^(images|rootdir)$/.test(text(row['content']) ?? '')) continue;
      graph.edge(`${guest.kind}/${guest.vmid}`, `storage/${storage}`, `a disk of it is on ${storage}`);
    }
  }
}

/** Storages, bridges and VLANs of those guests whose configuration was read. */
export function addGuestConfigs(graph: GraphBuilder, inventory: Inventory, capture: Capture): void {
  const storages = new Set(inventory.storages.map((row) => text(row['storage'])));
  for (const [key, value] of Object.entries(capture)) {
    const [, node = '', kind, vmid = ''] = CONFIG.exec(key) ?? [];
    if (kind !== undefined)
      addConfig(graph, { id: `${kind === 'qemu' ? 'vm' : 'ct'}/${vmid}`, node, config: record(value) }, storages);
    const [, ruled, guest = ''] = RULES.exec(key) ?? [];
    if (ruled !== undefined) addFirewallGroups(graph, `${ruled === 'qemu' ? 'vm' : 'ct'}/${guest}`, list(value));
  }
}

function addConfig(
  graph: GraphBuilder,
  { id, node, config }: { readonly id: string; readonly node: string; readonly config: Row },
  storages: ReadonlySet<string | undefined>,
): void {
  for (const [name, value] of Object.entries(config)) {
    const words = text(value) ?? '';
    const storage = DISK.test(name) ? /^([A-Za-z][\w.-]*):/.exec(words)?.[1] : undefined;
    if (storage !== undefined && storages.has(storage))
      graph.edge(id, `storage/${storage}`, `its ${name} is on ${storage}`);
    if (/^net\d+$/.test(name)) addCard(graph, id, node, name, words);
  }
}

function addCard(graph: GraphBuilder, id: string, node: string, name: string, words: string): void {
  const bridge = /(?:^|,)bridge=([^,]+)/.exec(words)?.[1];
  if (bridge === undefined) return;
  const at = `bridge/${node}/${bridge}`;
  const tag = /(?:^|,)tag=(\d+)/.exec(words)?.[1];
  graph.add({ id: at, kind: 'bridge', name: bridge, node });
  graph.edge(id, at, `its ${name} is on ${bridge} of ${node}`);
  if (tag === undefined) return;
  graph.add({ id: `vlan/${tag}`, kind: 'vlan', name: `VLAN ${tag}` });
  graph.edge(id, `vlan/${tag}`, `its ${name} is in VLAN ${tag}`);
}

function addFirewallGroups(graph: GraphBuilder, id: string, rules: readonly unknown[]): void {
  for (const rule of rules.map((one) => record(one))) {
    if (rule['type'] !== 'group') continue;
    const name = text(rule['action']) ?? '';
    graph.add({ id: `firewall-group/${name}`, kind: 'firewall-group', name });
    graph.edge(id, `firewall-group/${name}`, `the firewall group ${name} guards it`);
  }
}

/** Bridges of the nodes whose network was read, and which of them carry the node itself or the cluster's own link. */
export function addNetworks(graph: GraphBuilder, capture: Capture): void {
  const links = corosyncLinks(list(capture['GET /cluster/config/nodes']));
  for (const [key, value] of Object.entries(capture)) {
    const node = NETWORK.exec(key)?.[1];
    if (node === undefined) continue;
    for (const port of list(value).map((one) => record(one))) {
      const name = text(port['iface']) ?? '';
      if (port['type'] !== 'bridge' && port['type'] !== 'OVSBridge') continue;
      const marks = marksOf(port, node, links.get(node) ?? []);
      const id = `bridge/${node}/${name}`;
      graph.add({ id, kind: 'bridge', name, node, marks });
      for (const mark of marks) graph.edge(`node/${node}`, id, `${name} ${mark}`);
    }
  }
}

function marksOf(port: Row, node: string, links: readonly string[]): string[] {
  const address = text(port['address']) ?? text(port['cidr'])?.split('/')[0];
  return [
    ...(text(port['gateway']) === undefined ? [] : [`carries the management address of ${node}`]),
    ...(address !== undefined && links.includes(address) ? [`carries the corosync link of ${node}`] : []),
  ];
}

/** Addresses of the cluster's own links by node. */
function corosyncLinks(rows: readonly unknown[]): Map<string, string[]> {
  return new Map(
    rows
      .map((row) => record(row))
      .map((row) => [
        text(row['name']) ?? text(row['node']) ?? '',
        Object.entries(row).flatMap(([name, value]) =>
          /^(ring|link)\d+_addr$/.test(name) && num(value) === undefined ? (text(value) ?? []) : [],
        ),
      ]),
  );
}
