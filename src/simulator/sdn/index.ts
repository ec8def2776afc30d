import { textOf } from '../core/text.ts';
import { may } from '../access/check.ts';
import type { Call, Routes } from '../core/call.ts';
import { fail, parameterError } from '../core/errors.ts';
import { splitList } from '../schema/formats.ts';
import { sha1 } from '../state/guests.ts';

type Row = Record<string, unknown>;
type Kind = 'zone' | 'vnet' | 'subnet';

const APPLY_MS = 2_000;
const META = ['lock-token', 'digest', 'delete', 'pending', 'running'];

const digestOf = ({ world }: Call): string => sha1(JSON.stringify([...world.state.sdn.staged]));

const keyOf = (kind: Kind, name: string): string => `${kind}/${name}`;

/** A subnet is known by its zone and its network: `zone1-10.0.0.0-24`. */
function nameIn(call: Call, kind: Kind): string {
  const { params, world } = call;
  const given = params.text(kind);
  if (kind !== 'subnet' || !given.includes('/')) return given;
  const zone = textOf(world.state.sdn.staged.get(keyOf('vnet', params.text('vnet')))?.zone ?? '');
  return `${zone}-${given.replace('/', '-')}`;
}

function stagedOf(call: Call, kind: Kind): Row {
  const name = nameIn(call, kind);
  const row = call.world.state.sdn.staged.get(keyOf(kind, name));
  if (row === undefined) throw fail(`sdn '${name}' does not exist`);
  return row;
}

/** What was applied; with `pending` what differs since, and how; as it stands otherwise. */
function view(call: Call, kind: Kind, name: string): Row | undefined {
  const { sdn } = call.world.state;
  const [staged, applied] = [sdn.staged.get(keyOf(kind, name)), sdn.applied.get(keyOf(kind, name))];
  const own = { [kind]: name, digest: digestOf(call) };
  if (call.params.flag('running')) return applied === undefined ? undefined : { ...applied, ...own };
  if (!call.params.flag('pending')) return staged === undefined ? undefined : { ...staged, ...own };
  if (staged === undefined) return { ...applied, ...own, state: 'deleted' };
  if (applied === undefined) return { ...own, type: staged.type, state: 'new', pending: staged };
  const keys = [...new Set([...Object.keys(staged), ...Object.keys(applied)])];
  const changed = keys.filter((key) => staged[key] !== applied[key]).map((key) => [key, staged[key] ?? 'deleted']);
  if (changed.length === 0) return { ...staged, ...own };
  return { ...applied, ...own, state: 'changed', pending: Object.fromEntries(changed) as unknown };
}

function pathOf(call: Call, kind: Kind, name: string): string {
  if (kind === 'zone') return `/sdn/zones/${name}`;
  const { staged, applied } = call.world.state.sdn;
  const vnet = kind === 'vnet' ? name : textOf(staged.get(keyOf(kind, name))?.vnet ?? '');
  const row = staged.get(keyOf('vnet', vnet)) ?? applied.get(keyOf('vnet', vnet));
  return `/sdn/zones/${textOf(row?.zone ?? '')}/${vnet}`;
}

const list = (kind: Kind) => (call: Call) => {
  const { sdn } = call.world.state;
  const names = [...new Set([...sdn.applied.keys(), ...sdn.staged.keys()])]
    .filter((key) => key.startsWith(`${kind}/`))
    .map((key) => key.slice(kind.length + 1));
  const type = call.params.maybe('type');
  const inVnet = kind === 'subnet' ? call.params.text('vnet') : undefined;
  return names
    .filter((name) => may(call, pathOf(call, kind, name), ['SDN.Audit', 'SDN.Allocate'], true))
    .map((name) => view(call, kind, name))
    .filter((row) => row !== undefined)
    .filter((row) => type === undefined || row.type === type)
    .filter((row) => inVnet === undefined || row.vnet === inVnet);
};

function demandParent(call: Call, kind: Kind): void {
  const { params, world } = call;
  const { staged } = world.state.sdn;
  if (kind === 'vnet' && !staged.has(keyOf('zone', params.text('zone'))))
    throw fail(`create sdn vnet object failed: zone ${params.text('zone')} does not exist`);
  if (kind === 'subnet' && !staged.has(keyOf('vnet', params.text('vnet'))))
    throw parameterError({ vnet: `vnet '${params.text('vnet')}' doesn't exist` });
}

const create = (kind: Kind) => (call: Call) => {
  const { params, world } = call;
  demandParent(call, kind);
  const name = nameIn(call, kind);
  const { staged } = world.state.sdn;
  if (staged.has(keyOf(kind, name)))
    throw fail(`create sdn ${kind} object failed: sdn ${kind} object ID '${name}' already defined`);
  const row: Row = Object.fromEntries(params.without(kind, ...META));
  if (kind !== 'zone') row.type ??= kind;
  if (kind === 'subnet')
    Object.assign(row, {
      cidr: params.text('subnet'),
      network: params.text('subnet').split('/')[0],
      mask: params.text('subnet').split('/')[1],
    });
  staged.set(keyOf(kind, name), row);
  return null;
};

const update = (kind: Kind) => (call: Call) => {
  const { params } = call;
  const row = stagedOf(call, kind);
  const digest = params.maybe('digest');
  if (digest !== undefined && digest !== digestOf(call))
    throw fail('detected modified configuration - file changed by other user? Try again.');
  const next = { ...row };
  for (const key of splitList(params.maybe('delete') ?? '')) delete next[key];
  for (const [key, value] of params.without(kind, 'vnet', ...META)) next[key] = value;
  call.world.state.sdn.staged.set(keyOf(kind, nameIn(call, kind)), next);
  return null;
};

/** What something still stands on cannot go. */
const remove = (kind: Kind) => (call: Call) => {
  const name = nameIn(call, kind);
  stagedOf(call, kind);
  const { staged } = call.world.state.sdn;
  const user = [...staged].find(
    ([key, row]) =>
      (kind === 'zone' && key.startsWith('vnet/') && row.zone === name) ||
      (kind === 'vnet' && key.startsWith('subnet/') && row.vnet === name),
  );
  if (user !== undefined)
    throw fail(`delete sdn ${kind} object failed: ${kind} ${name} is used by ${user[0].replace('/', ' ')}`);
  staged.delete(keyOf(kind, name));
  return null;
};

/** Every node takes over what stands; bridges of new networks appear there. */
function apply({ world, node, principal }: Call): string {
  return world.startTask({ node, type: 'reloadnetworkall', id: '', user: principal.name }, function* (task) {
    yield { wait: APPLY_MS };
    const { sdn, nodes } = world.state;
    sdn.applied = structuredClone(sdn.staged);
    const vnets = [...sdn.applied.keys()].filter((key) => key.startsWith('vnet/')).map((key) => key.slice(5));
    for (const { name, online, network } of Object.values(nodes)) {
      if (!online || network === undefined) continue;
      task.log(`${name}: reloading network config`);
      for (const [iface, row] of Object.entries(network))
        if (row.type === 'vnet' && !vnets.includes(iface)) delete network[iface];
      for (const vnet of vnets) network[vnet] ??= { type: 'vnet', active: 1, iface: vnet };
    }
  });
}

const crud = (kind: Kind, base: string): Routes => ({
  [`GET ${base}`]: list(kind),
  [`POST ${base}`]: create(kind),
  [`GET ${base}/{${kind}}`]: (call) => {
    const row = view(call, kind, nameIn(call, kind));
    if (row === undefined) throw fail(`sdn '${nameIn(call, kind)}' does not exist`);
    return row;
  },
  [`PUT ${base}/{${kind}}`]: update(kind),
  [`DELETE ${base}/{${kind}}`]: remove(kind),
});

export const sdnRoutes: Routes = {
  ...crud('zone', '/cluster/sdn/zones'),
  ...crud('vnet', '/cluster/sdn/vnets'),
  ...crud('subnet', '/cluster/sdn/vnets/{vnet}/subnets'),
  'PUT /cluster/sdn': apply,
  'GET /cluster/sdn/ipams': () => [{ ipam: 'pve', type: 'pve' }],
  'GET /cluster/sdn/controllers': () => [],
  'GET /cluster/sdn/dns': () => [],
  'POST /cluster/sdn/rollback': ({ world }) => {
    world.state.sdn.staged = structuredClone(world.state.sdn.applied);
    return null;
  },
  'GET /nodes/{node}/sdn/zones': ({ world }) => {
    const zones = [...world.state.sdn.applied.keys()].filter((key) => key.startsWith('zone/'));
    return ['localnetwork', ...zones.map((key) => key.slice(5))].map((zone) => ({ zone, status: 'available' }));
  },
};
