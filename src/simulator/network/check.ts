import { textOf } from '../core/text.ts';
import { fail, parameterError } from '../core/errors.ts';
import type { Interface, Interfaces } from './types.ts';

const items = (value: unknown): string[] =>
  textOf(value ?? '')
    .split(/[;,\s]+/)
    .filter(Boolean);

const PORTS = ['bridge_ports', 'ovs_ports', 'slaves', 'ovs_bonds'] as const;
/** PVE tells where in its own code it gave up. */
const SOURCE = '/usr/share/perl5/PVE/Network/Interfaces.pm';
const MAX_VLAN = 4094;
const DEFAULT_MTU = 1500;

/** What must not be on two interfaces. */
export function demandUnique(interfaces: Interfaces, name: string, row: Interface): void {
  const others = Object.entries(interfaces).filter(([other]) => other !== name);
  for (const [key, words] of [
    ['gateway', 'Default gateway'],
    ['gateway6', 'Default ipv6 gateway'],
  ] as const) {
    const holder = row[key] === undefined ? undefined : others.find(([, other]) => other[key] !== undefined);
    if (holder !== undefined) throw parameterError({ [key]: `${words} already exists on interface '${holder[0]}'.` });
  }
  const used = PORTS.find((key) => items(row[key]).length > 0);
  if (used === undefined) return;
  const ports = PORTS.flatMap((key) => items(row[key]));
  for (const [other, theirs] of others) {
    const twice = PORTS.flatMap((key) => items(theirs[key])).find((port) => ports.includes(port));
    if (twice !== undefined) throw parameterError({ [used]: `${twice} is already used on interface '${other}'.` });
  }
}

function checkMtu(interfaces: Interfaces, parent: string, child: string): void {
  const wanted = Number(interfaces[child]?.mtu ?? 0);
  if (wanted === 0) return;
  const above = interfaces[parent];
  const there = Number(above?.mtu ?? (above?.type === 'bond' ? wanted : DEFAULT_MTU));
  if (there < wanted) throw fail(`interface '${parent}' - mtu ${there} is lower than '${child}' - mtu ${wanted}`);
}

function checkBond(interfaces: Interfaces, name: string, row: Interface): void {
  const slaves = items(row.slaves);
  for (const slave of slaves) {
    const found = interfaces[slave];
    if (found === undefined) throw fail(`bond '${name}' - unable to find slave '${slave}'`);
    // A bond brings up what it consists of.
    found.autostart = 1;
    if (found.type !== 'eth' && found.type !== 'bond')
      throw fail(
        `bond '${name}' - wrong interface type on slave '${slave}' ('${String(found.type)}' != 'eth or bond')`,
      );
    checkMtu(interfaces, name, slave);
  }
  const primary = row['bond-primary'];
  if (slaves.length > 0 && primary !== undefined && !slaves.includes(textOf(primary)))
    throw fail(`bond '${name}' - bond-primary interface is not a slave at ${SOURCE} line 908.`);
}

function vlanParent(name: string, row: Interface): { parent: string; id: number } {
  const [, device, number] = /^(\S+)\.(\d+)$/.exec(name) ?? [];
  if (device !== undefined) return { parent: device, id: Number(number) };
  if (row['vlan-raw-device'] === undefined) throw fail(`missing vlan-raw-device option at ${SOURCE} line 954.`);
  const id = /^vlan(\d+)$/.exec(name)?.[1] ?? row['vlan-id'];
  if (id === undefined) throw fail(`missing vlan-id option at ${SOURCE} line 962.`);
  return { parent: textOf(row['vlan-raw-device']), id: Number(id) };
}

function checkVlan(interfaces: Interfaces, name: string, row: Interface): void {
  const { parent, id } = vlanParent(name, row);
  if (id > MAX_VLAN) throw fail(`vlan '${name}' - vlan-id ${id} should be <= ${MAX_VLAN}`);
  const found = interfaces[parent];
  if (found === undefined) throw fail(`vlan '${name}' - unable to find parent '${parent}'`);
  if (!['eth', 'bridge', 'bond', 'vlan'].includes(String(found.type)))
    throw fail(
      `vlan '${name}' - wrong interface type on parent '${parent}' ('${String(found.type)}' != 'eth|bond|bridge|vlan' )`,
    );
  checkMtu(interfaces, parent, name);
}

function checkBridge(interfaces: Interfaces, name: string, row: Interface): void {
  for (const port of items(row.bridge_ports)) {
    const found = interfaces[port] ?? (/^\S+\.\d+$/.test(port) ? {} : undefined);
    if (found === undefined) throw fail(`bridge '${name}' - unable to find bridge port '${port}'`);
    const addressed = found.method === 'static' || found.method6 === 'static';
    if (addressed) throw fail(`iface ${port} - ip address can't be set on interface if bridged in ${name}`);
    if (interfaces[port] !== undefined) checkMtu(interfaces, port, name);
  }
}

/** What PVE finds wrong only when it writes the file; a bond also makes its slaves start by themselves. */
export function checkFile(interfaces: Interfaces): void {
  for (const [name, row] of Object.entries(interfaces)) if (row.type === 'bond') checkBond(interfaces, name, row);
  for (const [name, row] of Object.entries(interfaces)) if (row.type === 'vlan') checkVlan(interfaces, name, row);
  for (const [name, row] of Object.entries(interfaces)) if (row.type === 'bridge') checkBridge(interfaces, name, row);
}
