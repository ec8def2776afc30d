import { textOf } from '../core/text.ts';
import { demand, may } from '../access/check.ts';
import type { Call } from '../core/call.ts';
import { fail, forbidden } from '../core/errors.ts';
import { splitList } from '../schema/formats.ts';
import type { Config } from '../state/types.ts';
import { fieldsOf } from '../schema/property-string.ts';
import { DRIVE, formatOf, isCdrom, NET, parseDrive, UNUSED } from './drives.ts';

const words = (text: string): readonly string[] => text.split(' ');

/** Which privilege on the guest a key of its configuration needs; what is in no list is for root@pam. */
const BY_PRIVILEGE: Readonly<Record<string, readonly string[]>> = {
  'VM.Config.CPU': words('cores cpu cpulimit cpuunits numa smp sockets vcpus affinity'),
  'VM.Config.Memory': words('memory balloon shares allow-ksm'),
  'VM.Config.Options': words(
    'agent autostart bios description keyboard localtime migrate_downtime migrate_speed name onboot ostype protection reboot startdate startup tdf template tags',
  ),
  'VM.PowerMgmt': words('freeze'),
  'VM.Config.Disk': words('boot bootdisk vmstatestorage'),
  'VM.Config.Cloudinit': words('cicustom cipassword citype ciuser ciupgrade nameserver searchdomain sshkeys'),
  'VM.Config.HWType': words(
    'acpi arch hotplug kvm machine scsihw smbios1 tablet vga watchdog audio0 rng0 vmgenid spice_enhancements amd-sev intel-tdx ivshmem',
  ),
};

const PRIVILEGE_OF = new Map(
  Object.entries(BY_PRIVILEGE).flatMap(([privilege, keys]) => keys.map((key) => [key, privilege] as const)),
);

/** The privilege for a key with this value; undefined: only root@pam may set it. */
function privilegeFor(key: string, value: string): string | undefined {
  if (DRIVE.test(key)) return isCdrom(parseDrive(key, value)) ? 'VM.Config.CDROM' : 'VM.Config.Disk';
  if (UNUSED.test(key)) return 'VM.Config.Disk';
  if (NET.test(key)) return 'VM.Config.Network';
  if (/^ipconfig\d+$/.test(key)) return 'VM.Config.Cloudinit';
  if (/^numa\d+$/.test(key)) return 'VM.Config.CPU';
  if (/^serial\d+$/.test(key)) return value === 'socket' ? 'VM.Config.HWType' : undefined;
  if (/^(?:usb|hostpci|virtiofs)\d+$/.test(key))
    return /spice|mapping=|dirid=|^[^,=:/]+$/.test(value) ? 'VM.Config.HWType' : undefined;
  return PRIVILEGE_OF.get(key);
}

/** Checks the right to set or remove each key. `path` is the guest, `values` what the keys are set to or had. */
export function demandConfigRights(
  call: Call,
  vmid: number,
  values: Readonly<Record<string, unknown>>,
  pool?: string,
): void {
  if (call.principal.root) return;
  const path = `/vms/${vmid}`;
  for (const [key, value] of Object.entries(values)) {
    const privilege = privilegeFor(key, textOf(value));
    if (privilege === undefined) {
      if (!may(call, '/', ['Sys.Modify']) || call.principal.user !== 'root@pam')
        throw fail(`only root can set '${key}' config`);
    } else if (pool === undefined || !may(call, `/pool/${pool}`, [privilege])) {
      demand(call, path, [privilege]);
    }
    demandMapping(call, key, textOf(value));
  }
}

/** A mapped device needs the right to use the mapping, whether it comes or goes. */
export function demandMapping(call: Call, key: string, value: string): void {
  const type = /^(hostpci|usb|virtiofs)\d+$/.exec(key)?.[1];
  if (type === undefined) return;
  const id = (type === 'virtiofs' ? /^(?:dirid=)?([^,=]+)/ : /(?:^|,)mapping=([^,]+)/).exec(value)?.[1];
  const kind = { hostpci: 'pci', usb: 'usb', virtiofs: 'dir' }[type];
  if (id !== undefined) demand(call, `/mapping/${kind}/${id}`, ['Mapping.Use']);
}

/** Joining a bridge needs SDN.Use on it, or on the VLAN of it that is named. */
export function demandBridges(call: Call, values: Readonly<Record<string, unknown>>): void {
  if (call.principal.root) return;
  for (const [key, value] of Object.entries(values)) {
    if (!NET.test(key)) continue;
    const { bridge, tag } = fieldsOf(formatOf(key), String(value));
    if (bridge === undefined) continue;
    const path = `/sdn/zones/localnetwork/${bridge}`;
    if (tag !== undefined && may(call, `${path}/${tag}`, ['SDN.Use'])) continue;
    demand(call, path, ['SDN.Use']);
  }
}

/** Lower case, sorted, each once (FACTS 21); an empty list is kept as a blank. */
export function normalizeTags(text: string, caseSensitive = false): string {
  const items = splitList(text).map((tag) => (caseSensitive ? tag : tag.toLowerCase()));
  return items.length === 0 ? ' ' : [...new Set(items)].toSorted().join(';');
}

/** Tags that the cluster's options protect need Sys.Modify: registered ones, and those outside the allowed list. */
export function demandTags(call: Call, before: string, after: string): void {
  const old = new Set(splitList(before));
  const fresh = new Set(splitList(after));
  const changed = [...fresh].filter((tag) => !old.has(tag)).concat([...old].filter((tag) => !fresh.has(tag)));
  if (changed.length === 0 || may(call, '/', ['Sys.Modify'])) return;
  const { options } = call.world.state;
  const access = Object.fromEntries(
    (options['user-tag-access'] ?? '').split(',').map((part) => part.split('=') as [string, string]),
  );
  const registered = new Set(splitList(options['registered-tags'] ?? ''));
  const mode = access['user-allow'] ?? 'free';
  const allowed = new Set(splitList(access['user-allow-list'] ?? ''));
  for (const tag of changed) {
    const known =
      mode === 'list' || mode === 'existing'
        ? allowed.has(tag) || (mode === 'existing' && isUsed(call, tag))
        : mode === 'free';
    if (registered.has(tag) || !known) throw forbidden(`/, Sys.Modify for modifying tag '${tag}'`);
  }
}

const isUsed = (call: Call, tag: string): boolean =>
  [...call.world.state.guests.values()].some(({ config }: { config: Config }) =>
    splitList(String(config.tags ?? '')).includes(tag),
  );
