import { may } from '../access/check.ts';
import type { Call, Routes } from '../core/call.ts';
import { fail } from '../core/errors.ts';
import type { World } from '../core/world.ts';
import { usage } from '../qemu/status.ts';
import { snapshotOf } from '../qemu/snapshot.ts';
import { guestName, isTemplate, lockOf } from '../state/guests.ts';
import type { Guest } from '../state/types.ts';
import { parseSize } from '../qemu/size.ts';
import { containerOf, hasFeature, NET, type Feature } from './parts.ts';

const MEBI = 1024 ** 2;

function row(world: World, guest: Guest): Record<string, unknown> {
  const { config, running } = guest;
  const { cpu, mem, netin, netout, diskread, diskwrite, uptime } = usage(world, guest);
  const size = parseSize(/(?:^|,)size=([^,]+)/.exec(String(config.rootfs ?? ''))?.[1]) ?? 0;
  const lock = lockOf(guest);
  return {
    vmid: guest.vmid,
    type: 'lxc',
    name: guestName(guest),
    status: running === undefined ? 'stopped' : 'running',
    cpus: world.visibleCores(guest, Number(config.cores ?? config.cpulimit ?? world.nodeState(guest.node).maxcpu)),
    cpu,
    mem,
    maxmem: Number(config.memory ?? 512) * MEBI,
    swap: 0,
    maxswap: Number(config.swap ?? 0) * MEBI,
    disk: running === undefined ? 0 : Math.floor(size * 0.15),
    maxdisk: size,
    netin,
    netout,
    diskread,
    diskwrite,
    uptime,
    ...(config.tags === undefined ? {} : { tags: config.tags }),
    ...(lock === undefined ? {} : { lock }),
    ...(isTemplate(guest) ? { template: 1 } : {}),
    ...(running === undefined ? {} : { pid: running.pid }),
  };
}

function current(call: Call): unknown {
  const guest = containerOf(call);
  const resource = call.world.state.haResources.get(`ct:${guest.vmid}`);
  const ha = resource === undefined ? { managed: 0 } : { managed: 1, state: resource.state ?? 'started' };
  return { ...row(call.world, guest), ha };
}

function list(call: Call): unknown[] {
  const { world, node } = call;
  return [...world.state.guests.values()]
    .filter((guest) => guest.node === node && guest.type === 'lxc' && may(call, `/vms/${guest.vmid}`, ['VM.Audit']))
    .map((guest) => row(world, guest));
}

/** Addresses as a list, as they stand beside the old fields. */
function withAddresses(card: Card): unknown {
  const of = (text: string | undefined, type: string): unknown[] => {
    const [address, prefix] = text?.split('/') ?? [];
    return address === undefined
      ? []
      : [{ 'ip-address': address, 'ip-address-type': type, prefix: Number(prefix ?? 0) }];
  };
  return { ...card, 'ip-addresses': [...of(card.inet, 'inet'), ...of(card.inet6, 'inet6')] };
}

interface Card {
  readonly name: string;
  readonly hwaddr: string;
  readonly 'hardware-address': string;
  readonly inet?: string;
  readonly inet6?: string;
}

/** The cards as the container sees them; addresses only where they are fixed. */
function interfaces(call: Call): unknown[] {
  const guest = containerOf(call);
  if (guest.running === undefined) throw fail(`CT ${guest.vmid} not running`);
  const loopback: Card = {
    name: 'lo',
    hwaddr: '00:00:00:00:00:00',
    'hardware-address': '00:00:00:00:00:00',
    inet: '127.0.0.1/8',
    inet6: '::1/128',
  };
  const cards = Object.entries(guest.config)
    .filter(([key]) => NET.test(key))
    .map(([, value]): Card => {
      const field = (name: string): string | undefined => new RegExp(`(?:^|,)${name}=([^,]+)`).exec(String(value))?.[1];
      const [ip, ip6] = [field('ip'), field('ip6')];
      const hwaddr = field('hwaddr')?.toLowerCase() ?? '';
      return {
        name: field('name') ?? 'eth0',
        hwaddr,
        'hardware-address': hwaddr,
        ...(ip?.includes('/') ? { inet: ip } : {}),
        ...(ip6?.includes('/') ? { inet6: ip6 } : {}),
      };
    });
  return [loopback, ...cards].map(withAddresses);
}

function feature(call: Call): unknown {
  const { world, params } = call;
  const guest = containerOf(call);
  const name = params.maybe('snapname');
  const config = name === undefined ? guest.config : snapshotOf(guest, name).config;
  return { hasFeature: hasFeature(world, config, params.text('feature') as Feature) ? 1 : 0 };
}

const base = '/nodes/{node}/lxc';

export const statusRoutes: Routes = {
  [`GET ${base}`]: list,
  [`GET ${base}/{vmid}/status/current`]: current,
  [`GET ${base}/{vmid}/interfaces`]: interfaces,
  [`GET ${base}/{vmid}/feature`]: feature,
};
