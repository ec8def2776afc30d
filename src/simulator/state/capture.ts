import { textOf } from '../core/text.ts';
import { storageText } from '../storage/definitions.ts';
import { addClusterObjects } from './capture-cluster.ts';
import { addServices } from './capture-services.ts';
import { addGuests } from './capture-guests.ts';
import { addVolumes } from './capture-volumes.ts';
import { emptyState, newNode } from './empty.ts';
import type { ConfigValue, NodeState, PciDevice, State } from './types.ts';

export type Row = Record<string, unknown>;

/**
 * A capture by path: `GET /nodes/pve1/qemu/100/config` is under `/nodes/pve1/qemu/100/config`. What PVE refused to tell
 * has no answer, but counts as asked for: asking again would not help.
 */
export class Capture {
  readonly #answers = new Map<string, unknown>();
  readonly #refused: string[] = [];

  constructor(capture: Readonly<Record<string, unknown>>) {
    for (const [key, value] of Object.entries(capture)) {
      if (!key.startsWith('GET /')) continue;
      const failed = value !== null && typeof value === 'object' && '__error' in value;
      if (failed) this.#refused.push(key.slice(4));
      else this.#answers.set(key.slice(4), value);
    }
  }

  has(path: string): boolean {
    return this.#answers.has(path);
  }
  /** As it was answered, with what stood beside `data`. */
  raw(path: string): unknown {
    return this.#answers.get(path);
  }
  /** `data`, whether or not something stood beside it. */
  data(path: string): unknown {
    const value = this.#answers.get(path);
    const beside = isRow(value) && 'data' in value && ('total' in value || 'changes' in value);
    return beside ? value.data : value;
  }
  rows(path: string): Row[] {
    const value = this.data(path);
    return Array.isArray(value) ? value.filter(isRow) : [];
  }
  row(path: string): Row {
    const value = this.data(path);
    return isRow(value) ? value : {};
  }
  paths(): string[] {
    return [...this.#answers.keys(), ...this.#refused];
  }
}

const isRow = (value: unknown): value is Row => value !== null && typeof value === 'object' && !Array.isArray(value);

/** When a capture was made, ms; undefined when it does not tell. */
export function captureTime(source: Readonly<Record<string, unknown>>): number | undefined {
  const times = Object.entries(source)
    .filter(([key]) => /^GET \/nodes\/[^/]+\/time$/.test(key))
    .map(([, value]) => Number((value as { time?: unknown } | null)?.time));
  const known = times.filter((time) => time > 0);
  return known.length === 0 ? undefined : Math.max(...known) * 1000;
}

export interface CaptureOptions {
  readonly now: number;
  readonly partial?: boolean;
}

/** The cluster that a capture shows: golden recordings, and what the control plane read from a live lab. */
export function stateFromCapture(
  source: Readonly<Record<string, unknown>>,
  { now, partial = false }: CaptureOptions,
): State {
  const capture = new Capture(source);
  const state = emptyState();
  state.partial = partial;
  if (partial) for (const path of capture.paths()) state.reads.add(path);
  if (capture.has('/version')) state.version = capture.row('/version');
  addNodes(state, capture, now);
  addStorages(state, capture);
  addClusterObjects(state, capture);
  addServices(state, capture);
  addGuests(state, capture, now);
  addVolumes(state, capture);
  for (const path of capture.paths()) state.documents[path] = capture.raw(path);
  return state;
}

function addNodes(state: State, capture: Capture, now: number): void {
  const status = capture.rows('/cluster/status');
  state.clusterName = textOf(status.find(({ type }) => type === 'cluster')?.name);
  const rows = capture.has('/nodes')
    ? capture.rows('/nodes')
    : capture.rows('/cluster/resources').filter(({ type }) => type === 'node');
  for (const [index, row] of rows.toSorted((a, b) => (textOf(a.node) < textOf(b.node) ? -1 : 1)).entries()) {
    const name = textOf(row.node);
    const known = status.find((one) => one.type === 'node' && one.name === name);
    const node = newNode(name, Number(known?.nodeid ?? index + 1), now);
    node.ip = textOf(known?.ip);
    node.online = row.status !== 'offline';
    node.since = now - Number(row.uptime ?? 0) * 1000;
    node.maxcpu = Number(row.maxcpu ?? 0);
    node.maxmem = Number(row.maxmem ?? 0);
    node.maxdisk = Number(row.maxdisk ?? 0);
    if (row.ssl_fingerprint !== undefined) node.fingerprint = textOf(row.ssl_fingerprint);
    const resource = capture.rows('/cluster/resources').find(({ id }) => id === `node/${name}`);
    if (resource?.hastate !== undefined) node.hastate = textOf(resource.hastate);
    addNodeDetails(node, capture);
    state.nodes[name] = node;
  }
  state.localNode =
    textOf(status.find(({ local }) => Number(local) === 1)?.name) || (Object.keys(state.nodes)[0] ?? '');
}

function addNodeDetails(node: NodeState, capture: Capture): void {
  const base = `/nodes/${node.name}`;
  if (capture.has(`${base}/status`)) node.status = capture.row(`${base}/status`);
  if (capture.has(`${base}/network`)) {
    node.network = Object.fromEntries(capture.rows(`${base}/network`).map((row) => [textOf(row.iface), row]));
  }
  node.pci = capture.rows(`${base}/hardware/pci`) as unknown as PciDevice[];
  for (const row of capture.rows(`${base}/storage`)) {
    const { storage, total, used, avail, active } = row;
    if (Number(row.enabled ?? 1) === 0) continue;
    node.space[textOf(storage)] = {
      total: Number(total ?? 0),
      used: Number(used ?? 0),
      avail: Number(avail ?? 0),
      active: Number(active ?? 1),
    };
  }
}

function addStorages(state: State, capture: Capture): void {
  const rows = capture.has('/storage')
    ? capture.rows('/storage')
    : Object.keys(state.nodes).flatMap((node) => capture.rows(`/nodes/${node}/storage`));
  const derived = !capture.has('/storage');
  for (const { storage, type, digest: _digest, ...row } of rows) {
    const name = textOf(storage);
    if (state.storages.has(name)) continue;
    const options = derived ? { content: row.content, ...(Number(row.shared ?? 0) === 1 ? { shared: 1 } : {}) } : row;
    state.storages.set(name, { storage: name, type: textOf(type), options: options as Record<string, ConfigValue> });
  }
  const digest = rows[0]?.digest;
  if (!derived && digest !== undefined)
    state.digests['storage.cfg'] = { text: storageText(state), digest: textOf(digest) };
}
