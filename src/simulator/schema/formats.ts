import { isIPv4, isIPv6 } from 'node:net';
import { parseCalendar } from '../backup/calendar.ts';
import { FIREWALL_CHECKS } from './formats-firewall.ts';
import { isPrivilege } from '../access/built-in-roles.ts';

/** Answers PVE's words for what is wrong with a value, or undefined when it is right. */
type Check = (value: string) => string | undefined;

const matches =
  (pattern: RegExp, words: (value: string) => string): Check =>
  (value) =>
    pattern.test(value) ? undefined : words(value);

const looksLike = (what: string): string => `value does not look like a valid ${what}\n`;

const cidr4 = (value: string): boolean => {
  const [address = '', mask = '', ...rest] = value.split('/');
  return rest.length === 0 && isIPv4(address) && /^\d{1,2}$/.test(mask) && Number(mask) <= 32;
};
const cidr6 = (value: string): boolean => {
  const [address = '', mask = '', ...rest] = value.split('/');
  return rest.length === 0 && isIPv6(address) && /^\d{1,3}$/.test(mask) && Number(mask) <= 128;
};
const when =
  (holds: (value: string) => boolean, words: string): Check =>
  (value) =>
    holds(value) ? undefined : words;

const DNS = /^(?=.{1,253}$)[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*$/;
const USER = /^[^\s:/]+@[A-Za-z][A-Za-z0-9.\-_]+$/;
const TAG = /^[a-z0-9_][a-z0-9_\-+.]*$/i;
const VOLUME = /^[a-zA-Z][a-zA-Z0-9\-_.]*[a-zA-Z0-9]:.+$/;
const CONTENT = new Set(['images', 'rootdir', 'vztmpl', 'iso', 'backup', 'snippets', 'import', 'none']);
const HOTPLUG = new Set(['network', 'disk', 'cpu', 'memory', 'usb', 'cloudinit']);

function urlencoded(value: string): string | undefined {
  return /^[-%a-zA-Z0-9_.!~*'()]*$/.test(value) ? undefined : `invalid urlencoded string: ${value}\n`;
}

const id = (words: string): Check =>
  matches(/^[A-Za-z0-9.\-_]+$/, (value) => `${words} '${value}' contains invalid characters\n`);

const CHECKS: Readonly<Record<string, Check>> = {
  'pve-vmid': matches(/^[1-9][0-9]{2,8}$/, () => looksLike('VM ID')),
  'pve-node': matches(/^[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?$/, () => looksLike('node name')),
  'pve-configid': matches(/^[a-z][a-z0-9_-]+$/i, (value) => `invalid configuration ID '${value}'\n`),
  'pve-storage-id': matches(
    /^[a-z][a-z0-9\-_.]*[a-z0-9]$/i,
    (value) => `storage ID '${value}' contains illegal characters\n`,
  ),
  'pve-poolid': matches(
    /^[A-Za-z0-9.\-_]+(?:\/[A-Za-z0-9.\-_]+){0,2}$/,
    (value) => `pool name '${value}' contains invalid characters\n`,
  ),
  'pve-userid': matches(USER, (value) => `value '${value}' does not look like a valid user name\n`),
  'pve-tokenid': matches(
    /^[^\s:/]+@[A-Za-z][A-Za-z0-9.\-_]+![A-Za-z][A-Za-z0-9.\-_]+$/,
    (value) => `value '${value}' does not look like a valid token ID\n`,
  ),
  'pve-realm': matches(/^[A-Za-z][A-Za-z0-9.\-_]+$/, (value) => `value '${value}' does not look like a valid realm\n`),
  'pve-groupid': id('group name'),
  'pve-roleid': id('role name'),
  'pve-priv': (value) =>
    isPrivilege(value)
      ? undefined
      : `invalid privilege '${value}'
`,
  'pve-tag': matches(TAG, () => 'invalid characters in tag\n'),
  'pve-iface': matches(
    /^(?=.{2,20}$)[a-zA-Z][a-zA-Z0-9_]{1,20}(?:[:.]\d+)?$/,
    (value) => `invalid network interface name '${value}'\n`,
  ),
  'pve-bridge-id': matches(/^[-_.\w]+$/, (value) => `invalid bridge ID '${value}'\n`),
  'pve-volume-id': matches(VOLUME, (value) => `unable to parse volume ID '${value}'\n`),
  'pve-volume-id-or-qm-path': matches(
    /^(?:none|cdrom|\/.+|[a-zA-Z][a-zA-Z0-9\-_.]*[a-zA-Z0-9]:.+)$/,
    (value) => `unable to parse volume ID '${value}'\n`,
  ),
  'pve-volume-id-or-absolute-path': matches(
    /^(?:\/.+|[a-zA-Z][a-zA-Z0-9\-_.]*[a-zA-Z0-9]:.+)$/,
    (value) => `unable to parse volume ID '${value}'\n`,
  ),
  'pve-storage-content': (value) => (CONTENT.has(value) ? undefined : `invalid content type '${value}'\n`),
  'pve-storage-path': matches(/^\/[^\s]+$/, () => 'value is not an absolute path\n'),
  'pve-task-status-type': matches(/^(?:ok|error|warning|unknown)$/, (value) => `invalid status '${value}'\n`),
  'pve-hotplug-features': (value) =>
    value === '0' || value === '1' || value.split(/[,; ]+/).every((one) => HOTPLUG.has(one))
      ? undefined
      : 'unable to parse hotplug option\n',
  'pve-startup-order': matches(
    /^(?:order=)?\d+(?:,(?:up|down)=\d+)*$|^(?:up|down)=\d+(?:,(?:up|down|order)=\d+)*$/,
    () => 'unable to parse startup options\n',
  ),
  'pve-qm-bootdisk': matches(/^(?:ide|sata|scsi|virtio)\d+$/, (value) => `invalid boot disk '${value}'\n`),
  'pve-ipv4-config': when(
    (value) => value === 'dhcp' || value === 'manual' || cidr4(value),
    looksLike('ipv4 network configuration'),
  ),
  'pve-ipv6-config': when(
    (value) => ['auto', 'dhcp', 'manual'].includes(value) || cidr6(value),
    looksLike('ipv6 network configuration'),
  ),
  'mac-addr': matches(/^[a-fA-F0-9][02468aceACE](?::[a-fA-F0-9]{2}){5}$/, () => looksLike('unicast MAC address')),
  'mac-prefix': matches(/^[a-fA-F0-9][02468aceACE](?::[a-fA-F0-9]{2}){0,2}:?$/, () =>
    looksLike('unicast MAC address prefix'),
  ),
  'dns-name': matches(DNS, () => looksLike('DNS name')),
  'disk-size': matches(/^\d+(?:\.\d+)?[KMGT]?$/, (value) => `value does not look like a valid disk size: ${value}\n`),
  ip: when((value) => isIPv4(value) || isIPv6(value), looksLike('IP address')),
  ipv4: when(isIPv4, looksLike('IPv4 address')),
  ipv6: when(isIPv6, looksLike('IPv6 address')),
  ipv4mask: when(isIPv4, looksLike('IP netmask')),
  CIDR: when((value) => cidr4(value) || cidr6(value), looksLike('CIDR network')),
  CIDRv4: when(cidr4, looksLike('IPv4 CIDR network')),
  CIDRv6: when(cidr6, looksLike('IPv6 CIDR network')),
  IPorCIDR: when(
    (value) => isIPv4(value) || isIPv6(value) || cidr4(value) || cidr6(value),
    looksLike('IP address or CIDR network'),
  ),
  address: when((value) => isIPv4(value) || isIPv6(value) || DNS.test(value), looksLike('IP address or hostname')),
  email: matches(/^[\w+\-~]+(?:\.[\w+\-~]+)*@[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)*$/, () => looksLike('email address')),
  'pve-calendar-event': when((value) => parseCalendar(value) !== undefined, 'unable to parse calendar event\n'),
  urlencoded,
  ...FIREWALL_CHECKS,
};

/** PVE separates list items by comma, semicolon, blank or NUL. */
export const splitList = (text: string): string[] => text.split(/[,;\s\0]+/).filter((item) => item !== '');

/** What is wrong with `value` in PVE's words, undefined when nothing is. Formats not known here accept everything. */
export function checkNamedFormat(format: string, value: string): string | undefined {
  const known = CHECKS[format];
  if (known !== undefined) return known(value);
  if (format.endsWith('-opt')) return value === '' ? undefined : checkNamedFormat(format.slice(0, -4), value);
  if (!format.endsWith('-list')) return undefined;
  for (const item of splitList(value)) {
    const wrong = checkNamedFormat(format.slice(0, -5), item);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}
