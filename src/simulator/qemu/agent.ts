import type { Call, Routes } from '../core/call.ts';
import { fail } from '../core/errors.ts';
import { answering } from './agent-answering.ts';
import type { World } from '../core/world.ts';
import { fieldsOf } from '../schema/property-string.ts';
import { guestName } from '../state/guests.ts';
import type { Guest } from '../state/types.ts';
import { drivesOf, formatOf, isCdrom, NET } from './drives.ts';
import { execRoutes } from './agent-exec.ts';
import { guestFileRoutes } from './agent-files.ts';
import { findVolume } from '../storage/lookup.ts';
import { markStopped, SYSTEM_BYTES } from './power-worker.ts';
import { guestSize } from './size.ts';
import { DURATION } from '../tasks/durations.ts';
import { sizeOf } from './disks.ts';

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

function fixed6(ip6: string): unknown {
  const [address = '', prefix] = ip6.split('/');
  return { 'ip-address': address, 'ip-address-type': 'ipv6', prefix: Number(prefix) };
}

function card(guest: Guest, key: string): unknown {
  const { macaddr = '', tag } = fieldsOf(formatOf(key), String(guest.config[key]));
  const number = key.slice(3);
  const { ip, ip6 } = fieldsOf(formatOf(`ipconfig${number}`), String(guest.config[`ipconfig${number}`] ?? ''));
  const [address = '', prefix = '24'] =
    ip === undefined || ip === 'dhcp' || ip === 'manual' ? [leasedAddress(guest, tag)] : ip.split('/');
  const mac = macaddr.toLowerCase();
  return {
    name: `eth${number}`,
    'hardware-address': mac,
    'ip-addresses': [
      { 'ip-address': address, 'ip-address-type': 'ipv4', prefix: Number(prefix) },
      ...(ip6?.includes('/') === true ? [fixed6(ip6)] : []),
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

/** What the agent of QEMU 10 knows. */
const COMMANDS = (
  'guest-network-get-route guest-get-load guest-get-cpustats guest-get-diskstats guest-ssh-remove-authorized-keys guest-ssh-add-authorized-keys ' +
  'guest-ssh-get-authorized-keys guest-get-osinfo guest-get-timezone guest-get-users guest-get-host-name guest-exec guest-exec-status ' +
  'guest-get-memory-block-info guest-set-memory-blocks guest-get-memory-blocks guest-set-user-password guest-get-fsinfo guest-get-disks guest-set-vcpus ' +
  'guest-get-vcpus guest-network-get-interfaces guest-suspend-hybrid guest-suspend-ram guest-suspend-disk guest-fstrim guest-fsfreeze-thaw ' +
  'guest-fsfreeze-freeze-list guest-fsfreeze-freeze guest-fsfreeze-status guest-file-flush guest-file-seek guest-file-write guest-file-read ' +
  'guest-file-close guest-file-open guest-shutdown guest-info guest-set-time guest-get-time guest-ping guest-sync guest-sync-delimited'
).split(' ');
/** After these nobody is left to answer. */
const SILENT = new Set(['guest-shutdown', 'guest-suspend-disk', 'guest-suspend-ram', 'guest-suspend-hybrid']);

const MEMORY_BLOCK = 134_217_728;

function fsinfo(world: World, guest: Guest): unknown[] {
  return (
    drivesOf(guest.config)
      .filter(([, drive]) => !isCdrom(drive))
      // Nobody has put a file system on what is blank.
      .filter(([, drive]) => (findVolume(world, guest.node, drive.file ?? '')?.used ?? SYSTEM_BYTES) >= SYSTEM_BYTES)
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
      })
  );
}

type Answer = (guest: Guest, world: World) => unknown;

/** Answers how many file systems it was about; what is thawed already counts for none. */
function setFrozen(guest: Guest, frozen: boolean): number {
  const { running } = guest;
  if (running === undefined || (running.frozen === true) === frozen) return 0;
  if (frozen) running.frozen = true;
  else delete running.frozen;
  return drivesOf(guest.config).filter(([, drive]) => !isCdrom(drive)).length;
}

/** The guest goes down by itself; QEMU ends with it. */
function powerOff(guest: Guest, world: World): unknown {
  const { running } = guest;
  world.timeline.after(DURATION.shutdown, () => {
    if (guest.running === running) markStopped(world, guest);
  });
  return {};
}

function sleep(guest: Guest): unknown {
  if (guest.running !== undefined) guest.running.qmpstatus = 'suspended';
  return {};
}

const DEBIAN = {
  id: 'debian',
  name: 'Debian GNU/Linux',
  'pretty-name': 'Debian GNU/Linux 12 (bookworm)',
  version: '12 (bookworm)',
  'version-id': '12',
  machine: 'x86_64',
  'kernel-release': '6.1.0-40-amd64',
  'kernel-version': '#1 SMP PREEMPT_DYNAMIC Debian',
};
const WINDOWS = {
  id: 'mswindows',
  name: 'Microsoft Windows',
  'pretty-name': 'Windows Server 2022 Standard',
  version: 'Microsoft Windows Server 2022',
  'version-id': '2022',
  variant: 'server',
  'variant-id': 'server',
  machine: 'x86_64',
  'kernel-release': '20348',
  'kernel-version': '10.0',
};

const QUERIES: Readonly<Record<string, Answer>> = {
  ping: () => ({}),
  info: () => ({
    version: '10.0.13',
    supported_commands: COMMANDS.map((name) => ({ name, enabled: true, 'success-response': !SILENT.has(name) })),
  }),
  'get-osinfo': ({ config }) => (/^(?:win|w2k|wxp|wvista)/.test(String(config.ostype)) ? WINDOWS : DEBIAN),
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
  'get-memory-block-info': () => ({ size: MEMORY_BLOCK }),
  'get-memory-blocks': (guest) =>
    Array.from({ length: Math.ceil(guestSize(guest).memory / MEMORY_BLOCK) }, (_, index) => ({
      'phys-index': index,
      online: true,
      'can-offline': index > 0,
    })),
  'fsfreeze-status': (guest) => (guest.running?.frozen === true ? 'frozen' : 'thawed'),
  'fsfreeze-freeze': (guest) => setFrozen(guest, true),
  'fsfreeze-thaw': (guest) => setFrozen(guest, false),
  fstrim: () => ({ paths: [{ path: '/', trimmed: 0, minimum: 0 }] }),
  shutdown: powerOff,
  'suspend-disk': powerOff,
  'suspend-hybrid': sleep,
  'suspend-ram': sleep,
};

const base = '/nodes/{node}/qemu/{vmid}/agent';
const POSTED = new Set(
  'ping fsfreeze-status fsfreeze-freeze fsfreeze-thaw fstrim shutdown suspend-disk suspend-hybrid suspend-ram'.split(
    ' ',
  ),
);

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
  ...guestFileRoutes,
  ...execRoutes,
};
