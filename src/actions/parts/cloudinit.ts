import { z } from 'zod';
import { secretText } from '../../kernel/secret.ts';
import type { Settings } from './change.ts';

const address = z
  .strictObject({
    ip: z
      .union([z.literal('dhcp'), z.cidrv4()])
      .optional()
      .describe('IPv4 address with prefix, or `dhcp`.'),
    gw: z.ipv4().optional().describe('IPv4 gateway; needs an address.'),
    ip6: z
      .union([z.literal('dhcp'), z.literal('auto'), z.cidrv6()])
      .optional()
      .describe('IPv6 address with prefix, `dhcp` or `auto`.'),
    gw6: z.ipv6().optional().describe('IPv6 gateway; needs an address.'),
  })
  .refine((parts) => parts.ip !== undefined || parts.ip6 !== undefined, 'needs an address: ip, ip6 or both');

/** Cloud-init settings under the names that people use; PVE's own are in `cloudInitSettings`. */
export const cloudInitFields = {
  user: z
    .string()
    .regex(/^[a-z_][a-z0-9_-]{0,31}$/, 'must be a Linux user name')
    .optional()
    .describe('The user that is made on the first boot.'),
  password: secretText('Password of that user. Prefer keys.').optional(),
  ssh_keys: z
    .array(z.string().regex(/^(ssh-|ecdsa-|sk-)\S+ \S+/, 'must be a public key as in authorized_keys'))
    .optional()
    .describe('Public keys that may log in, one text each.'),
  ipconfig: z
    .record(z.string().regex(/^\d{1,2}$/, 'must be the number of a network card, such as 0'), address)
    .optional()
    .describe('Addresses by interface number: `{"0": {"ip": "192.0.2.5/24", "gw": "192.0.2.1"}}`.'),
  nameserver: z
    .array(z.union([z.ipv4(), z.ipv6()]))
    .optional()
    .describe('DNS servers.'),
  searchdomain: z.string().min(1).max(253).optional().describe('DNS search domain.'),
  upgrade: z.boolean().optional().describe('Upgrade packages on the first boot.'),
  vendor_snippet: z
    .string()
    .regex(/^[\w.-]+:snippets\/[\w./-]+$/, 'must be a volume such as local:snippets/vendor.yaml')
    .optional()
    .describe('A snippet volume with vendor data.'),
};

const schema = z.strictObject(cloudInitFields);
export type CloudInit = z.output<typeof schema>;

/** As PVE's configuration wants it. */
export function cloudInitSettings(wish: CloudInit): Settings {
  const addresses = Object.entries(wish.ipconfig ?? {}).map(([number, parts]) => [
    `ipconfig${Number(number)}`,
    (['gw', 'gw6', 'ip', 'ip6'] as const)
      .filter((name) => parts[name] !== undefined)
      .map((name) => `${name}=${parts[name]}`)
      .join(','),
  ]);
  return {
    ...(wish.user === undefined ? {} : { ciuser: wish.user }),
    ...(wish.password === undefined ? {} : { cipassword: wish.password }),
    // PVE stores the keys percent-encoded and wants them so (FACTS 21).
    ...(wish.ssh_keys === undefined ? {} : { sshkeys: encodeURIComponent(wish.ssh_keys.join('\n')) }),
    ...(Object.fromEntries(addresses) as Settings),
    ...(wish.nameserver === undefined ? {} : { nameserver: wish.nameserver.join(' ') }),
    ...(wish.searchdomain === undefined ? {} : { searchdomain: wish.searchdomain }),
    ...(wish.upgrade === undefined ? {} : { ciupgrade: Number(wish.upgrade) }),
    ...(wish.vendor_snippet === undefined ? {} : { cicustom: `vendor=${wish.vendor_snippet}` }),
  };
}
