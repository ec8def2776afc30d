import { DURATION } from '../tasks/durations.ts';
import { MACHINE } from '../qemu/registry.ts';
import { textOf } from '../core/text.ts';
import type { Capture, Row } from './capture.ts';
import { configText, newGuest } from './guests.ts';
import type { Config, ConfigValue, Guest, Snapshot, State } from './types.ts';

type Kind = Guest['type'];

/** Every guest of the resource list and of the node lists; those whose details were read get them. */
export function addGuests(state: State, capture: Capture, now: number): void {
  for (const row of capture.rows('/cluster/resources')) {
    if (row.type !== 'qemu' && row.type !== 'lxc') continue;
    const guest = addGuest(state, capture, row, row.type, textOf(row.node), now);
    publish(guest, row, now);
  }
  for (const node of Object.keys(state.nodes)) {
    for (const kind of ['qemu', 'lxc'] as const) {
      for (const row of capture.rows(`/nodes/${node}/${kind}`)) {
        if (!state.guests.has(Number(row.vmid))) addGuest(state, capture, row, kind, node, now);
      }
    }
  }
}

function addGuest(state: State, capture: Capture, row: Row, kind: Kind, node: string, now: number): Guest {
  const guest = newGuest(Number(row.vmid), node, kind);
  state.guests.set(guest.vmid, guest);
  const base = `/nodes/${node}/${kind}/${guest.vmid}`;
  const complete = ['config', 'status/current', 'pending', 'snapshot'].every((name) => capture.has(`${base}/${name}`));
  if (state.partial ? complete : capture.has(`${base}/config`)) readDetails(guest, capture, base, now);
  else fromRow(guest, row, state.partial);
  if (state.partial) addManaged(state, guest, capture.row(`${base}/status/current`));
  return guest;
}

/** A partial twin reads no list of HA resources where a guest's own status tells (FACTS 35). */
function addManaged(state: State, { type, vmid }: Guest, { ha }: Row): void {
  const { managed, state: wanted = 'started', group } = (ha ?? {}) as Row;
  const sid = `${type === 'qemu' ? 'vm' : 'ct'}:${vmid}`;
  if (Number(managed ?? 0) !== 1 || state.haResources.has(sid)) return;
  state.haResources.set(sid, { state: wanted, ...(group === undefined ? {} : { group }) });
}

/** What the list alone tells; enough for lists, not for anything that needs the configuration. */
function fromRow(guest: Guest, row: Row, partial: boolean): void {
  if (partial) guest.unread = true;
  if (row.name !== undefined) guest.config[guest.type === 'qemu' ? 'name' : 'hostname'] = textOf(row.name);
  for (const key of ['tags', 'lock'] as const) if (row[key] !== undefined) guest.config[key] = textOf(row[key]);
  if (Number(row.template ?? 0) === 1) guest.config.template = 1;
  if (row.maxmem !== undefined) guest.config.memory = String(Math.round(Number(row.maxmem) / 1024 ** 2));
  if (row.maxcpu !== undefined) guest.config.cores = Number(row.maxcpu);
}

function readDetails(guest: Guest, capture: Capture, base: string, now: number): void {
  const { digest, ...desired } = capture.row(`${base}/config`);
  const active = capture.has(`${base}/config?current=1`)
    ? capture.row(`${base}/config?current=1`)
    : activeFrom(capture.rows(`${base}/pending`));
  guest.config = withoutDigest(active ?? desired);
  for (const { key, pending, delete: removal } of capture.rows(`${base}/pending`)) {
    const name = textOf(key);
    if (removal !== undefined) guest.deleting[name] = { force: Number(removal) === 2 };
    else if (pending !== undefined) guest.pending[name] = pending as ConfigValue;
  }
  addSnapshots(guest, capture, base);
  addRunning(guest, capture.row(`${base}/status/current`), now);
  if (digest !== undefined) guest.read = { text: configText(guest), digest: textOf(digest) };
}

const withoutDigest = ({ digest: _digest, ...config }: Row): Config => config as Config;

function activeFrom(rows: readonly Row[]): Row | undefined {
  if (rows.length === 0) return undefined;
  return Object.fromEntries(
    rows
      .filter(({ key, value }) => key !== 'digest' && value !== undefined)
      .map(({ key, value }) => [textOf(key), value]),
  );
}

function addSnapshots(guest: Guest, capture: Capture, base: string): void {
  for (const row of capture.rows(`${base}/snapshot`)) {
    const name = textOf(row.name);
    if (name === 'current') {
      if (row.parent !== undefined) guest.config.parent = textOf(row.parent);
      continue;
    }
    const path = `${base}/snapshot/${name}/config`;
    const { snaptime, parent, description, vmstate, digest: _digest, ...config } = capture.row(path);
    const snapshot: Snapshot = { config: config as Config, snaptime: Number(snaptime ?? row.snaptime ?? 0) };
    const described = textOf(description ?? row.description);
    if (described !== '') snapshot.description = described;
    if (parent !== undefined || row.parent !== undefined) snapshot.parent = textOf(parent ?? row.parent);
    if (vmstate !== undefined) snapshot.vmstate = textOf(vmstate);
    if (!capture.has(path)) snapshot.unread = true;
    guest.snapshots[name] = snapshot;
  }
}

function addRunning(guest: Guest, status: Row, now: number): void {
  if (status.status !== 'running') return;
  const since = now - Number(status.uptime ?? 0) * 1000;
  const agent = Number(status.agent ?? 0) === 1;
  guest.running = {
    since,
    pid: Number(status.pid ?? 0),
    qmpstatus: status.qmpstatus === 'paused' ? 'paused' : status.qmpstatus === 'prelaunch' ? 'prelaunch' : 'running',
    // What ran when it was read has something installed.
    responds: true,
    machine: textOf(status['running-machine']) || MACHINE.i440fx,
    ...(agent ? { agentAt: since + DURATION.agent } : {}),
  };
}

function publish(guest: Guest, row: Row, now: number): void {
  if (row.status === 'unknown' && row.maxmem === undefined) return;
  guest.published = {
    ...(row.name === undefined ? {} : { name: textOf(row.name) }),
    status: textOf(row.status),
    template: Number(row.template ?? 0),
    maxcpu: Number(row.maxcpu ?? 0),
    maxmem: Number(row.maxmem ?? 0),
    maxdisk: Number(row.maxdisk ?? 0),
    node: guest.node,
    ...(row.status === 'running' ? { since: now - Number(row.uptime ?? 0) * 1000 } : {}),
  };
}
