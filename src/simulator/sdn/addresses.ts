import { textOf } from '../core/text.ts';
import type { Call, Routes } from '../core/call.ts';
import { fail } from '../core/errors.ts';

type Row = Record<string, unknown>;

/** Where the addresses that guests were given are kept. */
const FILE = 'sdn-address';
const keyOf = ({ params }: Call): string => `${FILE}/${params.text('zone')}/${params.text('ip')}`;

const number = (ip: string): number => ip.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);

/** Whether an IPv4 address lies in a network; of IPv6 only what is written the same. */
function contains(cidr: string, ip: string): boolean {
  const [network = '', mask = '32'] = cidr.split('/');
  if (ip.includes(':') || network.includes(':')) return ip.startsWith(network.replace(/::$/, ':'));
  const size = 2 ** (32 - Number(mask));
  return Math.floor(number(network) / size) === Math.floor(number(ip) / size);
}

const subnets = ({ world }: Call): [string, Row][] =>
  [...world.state.sdn.staged]
    .filter(([key]) => key.startsWith('subnet/'))
    .map(([key, row]) => [key.slice('subnet/'.length), row]);

function give(call: Call): null {
  const { params, world } = call;
  const [ip, vnet] = [params.text('ip'), params.text('vnet')];
  const subnet = subnets(call).find(([, row]) => row.vnet === vnet && contains(textOf(row.cidr), ip));
  if (subnet === undefined) throw fail(`no subnet has the address ${ip}`);
  const { mac, vmid, zone } = params.values;
  world.state.sections.set(keyOf(call), {
    zone,
    vnet,
    ip,
    subnet: subnet[0],
    ...(mac === undefined ? {} : { mac }),
    ...(vmid === undefined ? {} : { vmid }),
  });
  return null;
}

/** Gateways first, then what was given to guests. */
function status(call: Call): unknown[] {
  const gateways = subnets(call)
    .filter(([, { gateway }]) => gateway !== undefined)
    .map(([subnet, { vnet, gateway }]) => ({ zone: subnet.split('-')[0], vnet, subnet, ip: gateway, gateway: 1 }));
  const given = [...call.world.state.sections].filter(([key]) => key.startsWith(`${FILE}/`)).map(([, row]) => row);
  return [...gateways, ...given];
}

const base = '/cluster/sdn/vnets/{vnet}/ips';

export const addressRoutes: Routes = {
  'GET /cluster/sdn/ipams/{ipam}/status': status,
  [`POST ${base}`]: give,
  [`PUT ${base}`]: give,
  [`DELETE ${base}`]: (call) => {
    call.world.state.sections.delete(keyOf(call));
    return null;
  },
};
