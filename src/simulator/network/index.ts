import { textOf } from '../core/text.ts';
import { may } from '../access/check.ts';
import { Beside, type Call, type Routes } from '../core/call.ts';
import { fail, parameterError } from '../core/errors.ts';
import { splitList } from '../schema/formats.ts';
import type { NodeState } from '../state/types.ts';
import { checkFile, demandUnique } from './check.ts';
import { unifiedDiff } from './diff.ts';
import { printFile, rereadAll } from './file.ts';
import type { Interface, Interfaces } from './types.ts';

const RELOAD_MS = 2_000;
const isBridge = ({ type }: Interface): boolean => type === 'bridge' || type === 'OVSBridge';

function nodeOf({ world, node }: Call): NodeState {
  world.needs(`/nodes/${node}/network`);
  return world.nodeState(node);
}

/** With what was changed and not applied yet; it is a copy that a caller may change. */
const wanted = (node: NodeState): Interfaces => structuredClone(node.staged?.interfaces ?? node.network ?? {});

/** `2026-11-20 08:49:48.303136856 +0000`, as diff prints the time of a file. */
const fileTime = (ms: number): string => {
  const [day, time] = new Date(ms).toISOString().split('T');
  return `${day} ${time?.slice(0, -1)}000000 +0000`;
};

/** The pending diff, which stands beside the data (FACTS 10); undefined when nothing is pending. */
function pendingDiff(node: NodeState): string | undefined {
  const { staged, network = {}, since } = node;
  if (staged === undefined) return undefined;
  const before = printFile(network, node.networkWritten === true);
  const body = unifiedDiff(before, staged.text);
  const path = '/etc/network/interfaces';
  return body === ''
    ? undefined
    : `--- ${path}\t${fileTime(since)}\n+++ ${path}.new\t${fileTime(staged.time)}\n${body}`;
}

function list(call: Call): unknown {
  const type = call.params.maybe('type');
  const node = nodeOf(call);
  const matches = (row: Interface): boolean =>
    type === undefined ||
    type === 'include_sdn' ||
    (/^any(?:_local)?_bridge$/.test(type) ? isBridge(row) : row.type === type);
  const visible = (name: string, row: Interface): boolean =>
    !isBridge(row) || may(call, `/sdn/zones/localnetwork/${name}`, ['SDN.Audit', 'SDN.Use'], true);
  const rows = Object.entries(wanted(node))
    .filter(([name, row]) => matches(row) && visible(name, row))
    .map(([iface, row]) => ({ ...row, iface }));
  const changes = pendingDiff(node);
  return changes === undefined ? rows : new Beside(rows, { changes });
}

function one(call: Call): unknown {
  const row = wanted(nodeOf(call))[call.params.text('iface')];
  if (row === undefined) throw parameterError({ iface: 'interface does not exist' });
  const { iface: _iface, ...rest } = row;
  return rest;
}

/** `cidr` is address and mask in one; both may be given when they agree. */
function splitAddresses(row: Interface): void {
  for (const suffix of ['', '6']) {
    const cidr = row[`cidr${suffix}`];
    if (cidr === undefined) continue;
    const [address, netmask] = textOf(cidr).split('/');
    for (const [key, value] of [
      [`address${suffix}`, address],
      [`netmask${suffix}`, netmask],
    ] as const) {
      const given = row[key];
      if (given !== undefined && textOf(given) !== value)
        throw parameterError({ [key]: `${key} conflicts with cidr${suffix}` });
      row[key] = value;
    }
  }
}

const maskBits = (mask: string): string =>
  mask.includes('.')
    ? String(mask.split('.').reduce((sum, quad) => sum + Number(quad).toString(2).replaceAll('0', '').length, 0))
    : mask;

/** The parameters of a call as an interface; families and methods follow from the addresses. */
function fromCall({ params }: Call): Interface {
  const row: Interface = Object.fromEntries(params.without('node', 'iface', 'delete'));
  if (row.comments !== undefined) row.comments = `${textOf(row.comments).replace(/\n$/, '')}\n`;
  if (params.has('bridge_vids')) {
    const vids = splitList(params.text('bridge_vids'));
    if (vids.length === 0) throw parameterError({ bridge_vids: 'VLAN list items are empty' });
    row.bridge_vids = vids.join(' ');
  }
  return row;
}

function complete(row: Interface): void {
  splitAddresses(row);
  if (row.netmask !== undefined) row.netmask = maskBits(textOf(row.netmask));
  const families = [...(row.address === undefined ? [] : ['inet']), ...(row.address6 === undefined ? [] : ['inet6'])];
  row.families = families.length === 0 ? ['inet'] : families;
  row.method = row.address === undefined ? 'manual' : 'static';
  row.method6 = row.address6 === undefined ? 'manual' : 'static';
}

function stage(call: Call, interfaces: Interfaces): null {
  checkFile(interfaces);
  const text = printFile(interfaces, true);
  nodeOf(call).staged = { interfaces: rereadAll(interfaces), text, time: call.world.now() };
  return null;
}

function create(call: Call): null {
  const interfaces = wanted(nodeOf(call));
  const name = call.params.text('iface');
  if (interfaces[name] !== undefined) throw parameterError({ iface: 'interface already exists' });
  const row = fromCall(call);
  demandUnique(interfaces, name, row);
  complete(row);
  if (String(row.type).startsWith('OVS'))
    throw fail("Open VSwitch is not installed (need package 'openvswitch-switch')");
  interfaces[name] = row;
  return stage(call, interfaces);
}

const GOES_WITH: Readonly<Record<string, readonly string[]>> = {
  cidr: ['address', 'netmask'],
  cidr6: ['address6', 'netmask6'],
  address: ['cidr'],
  address6: ['cidr6'],
};

/** What is not given stays, but for the method, which follows from the address that is given. */
function update(call: Call): null {
  const interfaces = wanted(nodeOf(call));
  const name = call.params.text('iface');
  const before = interfaces[name];
  if (before === undefined) throw parameterError({ iface: 'interface does not exist' });
  for (const key of splitList(call.params.maybe('delete') ?? ''))
    for (const gone of [key, ...(GOES_WITH[key] ?? [])]) delete before[gone];
  const row = fromCall(call);
  splitAddresses(row);
  demandUnique(interfaces, name, row);
  complete(row);
  interfaces[name] = { ...before, ...row };
  return stage(call, interfaces);
}

function remove(call: Call): null {
  const interfaces = wanted(nodeOf(call));
  const name = call.params.text('iface');
  if (interfaces[name] === undefined) throw parameterError({ iface: 'interface does not exist' });
  delete interfaces[name];
  return stage(call, interfaces);
}

/** What was staged becomes real, in a task. */
function reload(call: Call): string {
  const { world, node, principal } = call;
  const state = nodeOf(call);
  return world.startTask({ node, type: 'srvreload', id: 'networking', user: principal.name }, function* () {
    yield { wait: RELOAD_MS };
    if (state.staged === undefined) return;
    const { interfaces } = state.staged;
    for (const row of Object.values(interfaces))
      if (Number(row.autostart ?? 0) === 1 || row.active === 1) row.active = 1;
    state.network = interfaces;
    state.networkWritten = true;
    delete state.staged;
  });
}

const base = '/nodes/{node}/network';

export const networkRoutes: Routes = {
  [`GET ${base}`]: list,
  [`POST ${base}`]: create,
  [`PUT ${base}`]: reload,
  [`DELETE ${base}`]: (call) => {
    delete nodeOf(call).staged;
    return null;
  },
  [`GET ${base}/{iface}`]: one,
  [`PUT ${base}/{iface}`]: update,
  [`DELETE ${base}/{iface}`]: remove,
};
