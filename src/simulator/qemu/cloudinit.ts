import { createHash } from 'node:crypto';
import type { Call, Routes } from '../core/call.ts';
import { splitList } from '../schema/formats.ts';
import { fieldsOf } from '../schema/property-string.ts';
import { sha1 } from '../state/guests.ts';
import type { ConfigValue, Guest } from '../state/types.ts';
import { formatOf, NET } from './drives.ts';
import { CLOUDINIT_KEYS } from './pending.ts';
import { demandRootFor } from './update.ts';

interface Row {
  key: string;
  value?: ConfigValue;
  pending?: ConfigValue;
  delete?: number;
}

/** What the image was made with against what the configuration says now; values that are 0 or empty do not show. */
function rows(guest: Guest): Row[] {
  const show = (key: string, value: ConfigValue): ConfigValue => (key === 'cipassword' ? '**********' : value);
  const out: Row[] = [];
  for (const key of CLOUDINIT_KEYS) {
    const value = guest.config[key];
    const remembered = guest.cloudinit[key];
    if (value !== undefined && value !== 0 && value !== '') {
      if (remembered === undefined) out.push({ key, value: show(key, value) });
      else if (remembered === null) out.push({ key, pending: show(key, value) });
      else out.push({ key, value: show(key, remembered), pending: show(key, value) });
    } else if (remembered !== undefined && remembered !== null) {
      out.push({ key, value: show(key, remembered), delete: 1 });
    }
  }
  return out;
}

/** The password as a hash of crypt's shape; the salt comes from the guest, so that the text is the same every time. */
function passwordHash(guest: Guest, password: string): string {
  if (password.startsWith('$')) return password;
  const salt = sha1(String(guest.config.smbios1 ?? guest.vmid)).slice(0, 8);
  const hash = createHash('sha256')
    .update(`${salt}:${password}`)
    .digest('base64')
    .replaceAll('+', '.')
    .replaceAll('=', '');
  return `$5$${salt}$${hash}`;
}

function userData(guest: Guest): string {
  const { config } = guest;
  const hostname = String(config.name ?? `VM${guest.vmid}`);
  const domain = config.searchdomain === undefined ? '' : `.${String(config.searchdomain).split(' ')[0]}`;
  const lines = [
    '#cloud-config',
    `hostname: ${hostname.split('.')[0]}`,
    'manage_etc_hosts: true',
    `fqdn: ${hostname}${domain}`,
  ];
  if (config.ciuser !== undefined) lines.push(`user: ${config.ciuser}`);
  if (config.cipassword !== undefined) lines.push(`password: ${passwordHash(guest, String(config.cipassword))}`);
  if (config.sshkeys !== undefined) {
    lines.push('ssh_authorized_keys:');
    for (const key of decodeURIComponent(String(config.sshkeys)).split('\n'))
      if (key.trim() !== '') lines.push(`  - ${key.trim()}`);
  }
  lines.push('chpasswd:', '  expire: False', 'users:', '  - default');
  if (Number(config.ciupgrade ?? 1) === 1) lines.push('package_upgrade: true');
  return `${lines.join('\n')}\n`;
}

const netmask = (prefix: number): string =>
  [24, 16, 8, 0].map((shift) => ((prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0) >>> shift) & 0xff).join('.');

function subnets(fields: Readonly<Record<string, string>>): string[] {
  const lines: string[] = [];
  const { ip, gw, ip6, gw6 } = fields;
  if (ip === 'dhcp') lines.push('      - type: dhcp4');
  else if (ip !== undefined) {
    const [address = '', prefix = '24'] = ip.split('/');
    lines.push(
      '      - type: static',
      `        address: '${address}'`,
      `        netmask: '${netmask(Number(prefix))}'`,
    );
    if (gw !== undefined) lines.push(`        gateway: '${gw}'`);
  }
  if (ip6 === 'dhcp') lines.push('      - type: dhcp6');
  else if (ip6 === 'auto') lines.push('      - type: ipv6_slaac');
  else if (ip6 !== undefined) {
    lines.push('      - type: static6', `        address: '${ip6}'`);
    if (gw6 !== undefined) lines.push(`        gateway: '${gw6}'`);
  }
  return lines;
}

function networkData({ config }: Guest): string {
  const lines = ['version: 1', 'config:'];
  for (const key of Object.keys(config)
    .filter((name) => NET.test(name))
    .toSorted()) {
    const number = key.slice(3);
    const mac = fieldsOf(formatOf(key), String(config[key])).macaddr ?? '';
    lines.push(
      '    - type: physical',
      `      name: eth${number}`,
      `      mac_address: '${mac.toLowerCase()}'`,
      '      subnets:',
    );
    lines.push(...subnets(fieldsOf(formatOf(`ipconfig${number}`), String(config[`ipconfig${number}`] ?? ''))));
  }
  const servers = splitList(String(config.nameserver ?? ''));
  const domains = splitList(String(config.searchdomain ?? ''));
  if (servers.length > 0 || domains.length > 0) {
    lines.push(
      '    - type: nameserver',
      '      address:',
      ...servers.map((server) => `      - '${server}'`),
      '      search:',
      ...domains.map((domain) => `      - '${domain}'`),
    );
  }
  return `${lines.join('\n')}\n`;
}

const metaData = (guest: Guest): string => `instance-id: ${sha1(userData(guest) + networkData(guest))}\n`;

function dump(call: Call): string {
  const guest = call.world.guestOn(call.node, call.params.number('vmid'));
  const type = call.params.text('type');
  return type === 'user' ? userData(guest) : type === 'network' ? networkData(guest) : metaData(guest);
}

export const cloudinitRoutes: Routes = {
  'GET /nodes/{node}/qemu/{vmid}/cloudinit': ({ world, node, params }) =>
    rows(world.guestOn(node, params.number('vmid'))),
  'GET /nodes/{node}/qemu/{vmid}/cloudinit/dump': dump,
  'PUT /nodes/{node}/qemu/{vmid}/cloudinit': (call) => {
    demandRootFor(call, 'skiplock');
    const vmid = call.params.number('vmid');
    return call.world.withLock(vmid, () => {
      const guest = call.world.guestOn(call.node, vmid);
      call.world.checkLock(guest);
      // The image now has what the configuration says; without a cloud-init drive there is nothing to do.
      guest.cloudinit = {};
      return null;
    });
  },
};
