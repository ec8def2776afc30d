import { textOf } from '../core/text.ts';
import { may } from '../access/check.ts';
import { addressRoutes } from './addresses.ts';
import { change } from '../access/users.ts';
import type { Call, Routes } from '../core/call.ts';
import { fail, parameterError } from '../core/errors.ts';
import { splitList } from '../schema/formats.ts';
import { sha1 } from '../state/guests.ts';

type Row = Record<string, unknown>;
type Kind = 'zone' | 'vnet' | 'subnet' | 'controller' | 'dns' | 'ipam';

/** How PVE speaks of doing something to an object of a kind, in front of what goes wrong. */
const words = (verb: string, kind: Kind): string => `${verb} sdn ${kind} object`;

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

const OWN_IPAM = 'ipam/pve';
/** Addresses are kept by the cluster itself where nothing else is set up. */
const builtIn = (kind: Kind): string[] => (kind === 'ipam' ? [OWN_IPAM] : []);

function stagedOf(call: Call, kind: Kind): Row {
  const name = nameIn(call, kind);
  const key = keyOf(kind, name);
  const row = call.world.state.sdn.staged.get(key) ?? (key === OWN_IPAM ? { type: 'pve' } : undefined);
  if (row === undefined) throw fail(`sdn '${name}' does not exist`);
  return row;
}

/** What was applied; with `pending` what differs since, and how; as it stands otherwise. */
function view(call: Call, kind: Kind, name: string): Row | undefined {
  const { sdn } = call.world.state;
  const key = keyOf(kind, name);
  const own = { [kind]: name, digest: digestOf(call) };
  if (key === OWN_IPAM && !sdn.staged.has(key)) return { ...own, type: 'pve' };
  const [staged, applied] = [sdn.staged.get(key), sdn.applied.get(key)];
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
  if (kind === 'dns') return `/sdn/dns/${name}`;
  if (kind === 'controller' || kind === 'ipam') return `/sdn/${kind}s/${name}`;
  const { staged, applied } = call.world.state.sdn;
  const vnet = kind === 'vnet' ? name : textOf(staged.get(keyOf(kind, name))?.vnet ?? '');
  const row = staged.get(keyOf('vnet', vnet)) ?? applied.get(keyOf('vnet', vnet));
  return `/sdn/zones/${textOf(row?.zone ?? '')}/${vnet}`;
}

const list = (kind: Kind) => (call: Call) => {
  const { sdn } = call.world.state;
  const names = [...new Set([...builtIn(kind), ...sdn.applied.keys(), ...sdn.staged.keys()])]
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
    throw fail(`zone ${params.text('zone')} does not exist`);
  if (kind === 'subnet' && !staged.has(keyOf('vnet', params.text('vnet'))))
    throw parameterError({ vnet: `vnet '${params.text('vnet')}' doesn't exist` });
}

const create = (kind: Kind) => (call: Call) =>
  change(words('create', kind), () => {
    const { params, world } = call;
    demandParent(call, kind);
    const name = nameIn(call, kind);
    const { staged } = world.state.sdn;
    if (staged.has(keyOf(kind, name))) throw fail(`sdn ${kind} object ID '${name}' already defined`);
    const row: Row = Object.fromEntries(params.without(kind, ...META));
    if (kind === 'vnet' || kind === 'subnet') row.type ??= kind;
    if (kind === 'subnet') {
      const [network, mask] = params.text('subnet').split('/');
      Object.assign(row, { cidr: params.text('subnet'), network, mask });
    }
    staged.set(keyOf(kind, name), row);
    return null;
  });

const update = (kind: Kind) => (call: Call) =>
  change(words('update', kind), () => {
    const { params } = call;
    const digest = params.maybe('digest');
    if (digest !== undefined && digest !== digestOf(call))
      throw fail('detected modified configuration - file changed by other user? Try again.');
    const next = { ...stagedOf(call, kind) };
    for (const key of splitList(params.maybe('delete') ?? '')) delete next[key];
    for (const [key, value] of params.without(kind, 'vnet', ...META)) next[key] = value;
    call.world.state.sdn.staged.set(keyOf(kind, nameIn(call, kind)), next);
    return null;
  });

/** What needs an object of this kind, by the field that names it. */
const USERS: Readonly<Partial<Record<Kind, readonly [user: Kind, field: string]>>> = {
  zone: ['vnet', 'zone'],
  controller: ['zone', 'controller'],
  dns: ['zone', 'dns'],
  ipam: ['zone', 'ipam'],
};

/** What something still stands on cannot go. */
const remove = (kind: Kind) => (call: Call) =>
  change(words('delete', kind), () => {
    const name = nameIn(call, kind);
    stagedOf(call, kind);
    const { staged } = call.world.state.sdn;
    const using = (user: Kind, field: string): string | undefined =>
      [...staged].find(([key, row]) => key.startsWith(`${user}/`) && row[field] === name)?.[0].slice(user.length + 1);
    if (kind === 'vnet' && using('subnet', 'vnet') !== undefined)
      throw parameterError({ vnet: "Can't delete vnet if subnets exists" });
    const [user, field] = USERS[kind] ?? [];
    const found = user === undefined || field === undefined ? undefined : using(user, field);
    if (found !== undefined) throw fail(`${kind} ${name} is used by ${user} ${found}`);
    staged.delete(keyOf(kind, name));
    return null;
  });

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
  ...addressRoutes,
  ...crud('zone', '/cluster/sdn/zones'),
  ...crud('vnet', '/cluster/sdn/vnets'),
  ...crud('subnet', '/cluster/sdn/vnets/{vnet}/subnets'),
  'PUT /cluster/sdn': apply,
  ...crud('controller', '/cluster/sdn/controllers'),
  ...crud('dns', '/cluster/sdn/dns'),
  ...crud('ipam', '/cluster/sdn/ipams'),
  'POST /cluster/sdn/rollback': ({ world }) => {
    world.state.sdn.staged = structuredClone(world.state.sdn.applied);
    return null;
  },
  // Every network of a zone is there once it was applied.
  'GET /nodes/{node}/sdn/zones/{zone}/content': ({ world, params }) =>
    [...world.state.sdn.applied]
      .filter(([key, row]) => key.startsWith('vnet/') && row.zone === params.text('zone'))
      .map(([key]) => ({ vnet: key.slice('vnet/'.length), status: 'available' })),
  'GET /nodes/{node}/sdn/zones': (call) => {
    const zones = [...call.world.state.sdn.applied.keys()].filter((key) => key.startsWith('zone/'));
    return ['localnetwork', ...zones.map((key) => key.slice(5))]
      .filter((zone) => may(call, `/sdn/zones/${zone}`, ['SDN.Audit', 'SDN.Allocate'], true))
      .map((zone) => ({ zone, status: 'available' }));
  },
};
