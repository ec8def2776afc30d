import type { Call, Routes } from '../core/call.ts';
import { fail } from '../core/errors.ts';
import type { World } from '../core/world.ts';
import { fieldsOf } from '../schema/property-string.ts';
import { guestName } from '../state/guests.ts';
import type { Guest } from '../state/types.ts';
import { drivesOf, formatOf, isCdrom, NET } from './drives.ts';
import { agentEnabled } from './power-worker.ts';
import { sizeOf } from './disks.ts';

/** The guest when its agent answers; else PVE's words for why not. */
function answering(call: Call): Guest {
  const { world, node, params } = call;
  const guest = world.guestOn(node, params.number('vmid'));
  if (!agentEnabled(guest)) throw fail('No QEMU guest agent configured');
  if (guest.running === undefined) throw fail(`VM ${guest.vmid} is not running`);
  const { agentAt, qmpstatus } = guest.running;
  if (agentAt === undefined || agentAt > world.now() || qmpstatus !== 'running')
    throw fail('QEMU guest agent is not running');
  return guest;
}

const NO_TRAFFIC = {
  'rx-bytes': 0,
  'rx-packets': 0,
  'rx-errs': 0,
  'rx-dropped': 0,
  'tx-bytes': 0,
  'tx-packets': 0,
  'tx-errs': 0,
  'tx-dropped': 0,
};

/** The address that a DHCP server of this VLAN would have given: the same for the same guest every time. */
function leasedAddress(guest: Guest, tag: string | undefined): string {
  return `10.${Number(tag ?? 0) % 256}.${Math.floor(guest.vmid / 200) % 256}.${(guest.vmid % 200) + 20}`;
}

function linkLocal(mac: string): string {
  const bytes = mac.split(':').map((part) => Number.parseInt(part, 16));
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = bytes;
  const group = (high: number, low: number): string => ((high << 8) | low).toString(16);
  return `fe80::${group(a ^ 2, b)}:${group(c, 0xff)}:${group(0xfe, d)}:${group(e, f)}`;
}

function card(guest: Guest, key: string): unknown {
  const { macaddr = '', tag } = fieldsOf(formatOf(key), String(guest.config[key]));
  const number = key.slice(3);
  const { ip } = fieldsOf(formatOf(`ipconfig${number}`), String(guest.config[`ipconfig${number}`] ?? ''));
  const [address = '', prefix = '24'] =
    ip === undefined || ip === 'dhcp' || ip === 'manual' ? [leasedAddress(guest, tag)] : ip.split('/');
  const mac = macaddr.toLowerCase();
  return {
    name: `eth${number}`,
    'hardware-address': mac,
    'ip-addresses': [
      { 'ip-address': address, 'ip-address-type': 'ipv4', prefix: Number(prefix) },
      { 'ip-address': linkLocal(mac), 'ip-address-type': 'ipv6', prefix: 64 },
    ],
    statistics: NO_TRAFFIC,
  };
}

function interfaces(guest: Guest): unknown[] {
  const loopback = {
    name: 'lo',
    'hardware-address': '00:00:00:00:00:00',
    'ip-addresses': [
      { 'ip-address': '127.0.0.1', 'ip-address-type': 'ipv4', prefix: 8 },
      { 'ip-address': '::1', 'ip-address-type': 'ipv6', prefix: 128 },
    ],
    statistics: NO_TRAFFIC,
  };
  return [
    loopback,
    ...Object.keys(guest.config)
      .filter((key) => NET.test(key))
      .toSorted()
      .map((key) => card(guest, key)),
  ];
}

const COMMANDS = (
  'guest-ping guest-info guest-sync guest-sync-delimited guest-get-time guest-set-time guest-shutdown guest-exec guest-exec-status guest-file-open guest-file-close ' +
  'guest-file-read guest-file-write guest-fsfreeze-status guest-fsfreeze-freeze guest-fsfreeze-thaw guest-fstrim guest-get-fsinfo guest-get-host-name ' +
  'guest-get-osinfo guest-get-timezone guest-get-users guest-get-vcpus guest-network-get-interfaces guest-set-user-password guest-suspend-disk guest-suspend-ram'
).split(' ');

function fsinfo(world: World, guest: Guest): unknown[] {
  return drivesOf(guest.config)
    .filter(([, drive]) => !isCdrom(drive))
    .map(([key, drive], index) => {
      const total = sizeOf(world, guest.node, drive);
      return {
        name: `sd${'abcdefghijklmnopqrstuvwxyz'[index % 26]}1`,
        mountpoint: index === 0 ? '/' : `/mnt/${key}`,
        type: 'ext4',
        'total-bytes': total,
        'used-bytes': Math.floor(total * 0.3),
        disk: [],
      };
    });
}

type Answer = (guest: Guest, world: World) => unknown;

const QUERIES: Readonly<Record<string, Answer>> = {
  ping: () => ({}),
  info: () => ({
    version: '10.0.13',
    supported_commands: COMMANDS.map((name) => ({ name, enabled: true, 'success-response': true })),
  }),
  'get-osinfo': () => ({
    id: 'debian',
    name: 'Debian GNU/Linux',
    'pretty-name': 'Debian GNU/Linux 12 (bookworm)',
    version: '12 (bookworm)',
    'version-id': '12',
    machine: 'x86_64',
    'kernel-release': '6.1.0-40-amd64',
    'kernel-version': '#1 SMP PREEMPT_DYNAMIC Debian',
  }),
  'get-host-name': (guest) => ({ 'host-name': guestName(guest) }),
  'network-get-interfaces': interfaces,
  'get-time': (_guest, world) => world.now() * 1_000_000,
  'get-timezone': () => ({ zone: 'UTC', offset: 0 }),
  'get-users': () => [],
  'get-fsinfo': (guest, world) => fsinfo(world, guest),
  'get-vcpus': (guest) =>
    Array.from({ length: Number(guest.config.cores ?? 1) * Number(guest.config.sockets ?? 1) }, (_, id) => ({
      'logical-id': id,
      online: true,
      'can-offline': id > 0,
    })),
  'get-memory-block-info': () => ({ size: 134_217_728 }),
  'fsfreeze-status': () => 'thawed',
  'fsfreeze-freeze': (guest) => drivesOf(guest.config).filter(([, drive]) => !isCdrom(drive)).length,
  'fsfreeze-thaw': (guest) => drivesOf(guest.config).filter(([, drive]) => !isCdrom(drive)).length,
  fstrim: () => ({ paths: [{ path: '/', trimmed: 0, minimum: 0 }] }),
};

/** Runs a command in the guest: the simulated one knows `true`, `false`, `echo` and `hostname`; the rest is not found. */
function exec(call: Call): unknown {
  const guest = answering(call);
  const command = call.params.raw('command');
  const words = typeof command === 'object' ? command.map(String) : [String(command)];
  const [program = '', ...args] = words;
  const name = program.split('/').at(-1) ?? '';
  if (!['true', 'false', 'echo', 'hostname', 'sh', 'bash', 'cloud-init', 'systemctl', 'apt-get'].includes(name)) {
    throw fail(
      `Agent error: Guest agent command failed, error was 'Failed to execute child process "${program}" (No such file or directory)'`,
    );
  }
  const output =
    name === 'echo'
      ? `${args.join(' ')}\n`
      : name === 'hostname'
        ? `${guestName(guest)}\n`
        : name === 'cloud-init'
          ? 'status: done\n'
          : '';
  const pid = 1_000 + call.world.random(30_000);
  call.world.execResults.set(`${guest.vmid}/${pid}`, {
    exited: 1,
    exitcode: name === 'false' ? 1 : 0,
    ...(output === '' ? {} : { 'out-data': output }),
  });
  return { pid };
}

/** Tells the result once; asking again is an error, as with the real agent. */
function execStatus(call: Call): unknown {
  const guest = answering(call);
  const pid = call.params.number('pid');
  const key = `${guest.vmid}/${pid}`;
  const result = call.world.execResults.get(key);
  if (result === undefined) throw fail(`Agent error: PID ${pid} does not exist`);
  call.world.execResults.delete(key);
  return result;
}

const base = '/nodes/{node}/qemu/{vmid}/agent';
const POSTED = new Set(['ping', 'fsfreeze-status', 'fsfreeze-freeze', 'fsfreeze-thaw', 'fstrim']);

const queryRoutes = Object.fromEntries(
  Object.entries(QUERIES).map(([name, answer]) => [
    `${POSTED.has(name) ? 'POST' : 'GET'} ${base}/${name}`,
    (call: Call) => ({ result: answer(answering(call), call.world) }),
  ]),
);

export const agentRoutes: Routes = {
  ...queryRoutes,
  [`POST ${base}`]: (call) => {
    const name = call.params.text('command');
    const answer = QUERIES[name];
    if (answer === undefined) throw fail(`Agent error: The command guest-${name} has not been found`);
    return { result: answer(answering(call), call.world) };
  },
  [`POST ${base}/exec`]: exec,
  [`GET ${base}/exec-status`]: execStatus,
};
