import { isIPv4, isIPv6 } from 'node:net';

type Check = (value: string) => string | undefined;

const NAME = /^(?:(?:dc|guest)\/)?[A-Za-z][A-Za-z0-9\-_]+$/;
const MAX_NAME = 64;
const MAX_PORTS = 15;
const MAX_PORT = 65_535;

const PORT_PROTOCOLS = new Set(['tcp', 'udp', 'dccp', 'sctp', 'udplite', '6', '17', '33', '132', '136']);
const PROTOCOLS = new Set(
  (
    'ip icmp igmp ggp ipencap st tcp egp igp pup udp hmp xns-idp rdp iso-tp4 dccp xtp ddp idpr-cmtp ipv6 ipv6-route ' +
    'ipv6-frag idrp rsvp gre esp ah skip ipv6-icmp icmpv6 ipv6-nonxt ipv6-opts rspf vmtp eigrp ospf ax.25 ipip etherip ' +
    'encap pim ipcomp vrrp l2tp isis sctp fc mobility-header udplite mpls-in-ip manet hip shim6 wesp rohc'
  ).split(' '),
);
/** Names of /etc/services that people write in rules. */
const SERVICES = new Set(
  (
    'tcpmux echo discard systat daytime netstat ftp-data ftp ssh telnet smtp time whois domain bootps bootpc tftp ' +
    'gopher finger http kerberos pop3 sunrpc auth nntp ntp epmap netbios-ns netbios-dgm netbios-ssn imap2 snmp ' +
    'snmp-trap cmip-man xdmcp bgp irc imap3 ldap https microsoft-ds kpasswd submissions submission nfs rsync ldaps ' +
    'ftps-data ftps telnets imaps pop3s socks proofd openvpn ms-sql-s mysql postgresql rdp ms-wbt-server x11 amqp ' +
    'http-alt xmpp-client xmpp-server sip sip-tls mdns iscsi-target svn syslog syslog-tls zabbix-agent zabbix-trapper'
  ).split(' '),
);

/** Protocols whose rules may name ports. */
export const isServiceProtocol = (protocol: string): boolean => PORT_PROTOCOLS.has(protocol.toLowerCase());

const binary = (address: string): string =>
  address
    .split('.')
    .map((quad) => Number(quad).toString(2).padStart(8, '0'))
    .join('');

function badIPv4(text: string): string | undefined {
  if (!/^[\d.]+$/.test(text)) return `Invalid chars in IP ${text}`;
  if (text.startsWith('.')) return `Invalid IP ${text} - starts with a dot`;
  if (text.endsWith('.')) return `Invalid IP ${text} - ends with a dot`;
  const quads = text.split('.');
  if (quads.length > 4) return `Invalid IP address ${text}`;
  if (text.includes('..')) return `Empty quad in IP address ${text}`;
  const wrong = quads.find((quad) => Number(quad) > 255);
  return wrong === undefined ? undefined : `Invalid quad in IP address ${text} - ${wrong}`;
}

/** What is wrong with an address, a network or a range; the network part must not have host bits. */
function badAddress(text: string): string | undefined {
  const [from = '', to, ...more] = text.split('-');
  if (to !== undefined && more.length === 0) return badAddress(from) ?? badAddress(to);
  const [address = '', prefix] = text.split('/');
  if (isIPv6(address)) return prefix === undefined || Number(prefix) <= 128 ? undefined : 'Invalid prefix length';
  const wrong = badIPv4(address);
  if (wrong !== undefined || prefix === undefined || !isIPv4(address)) return wrong;
  const bits = binary(address);
  if (Number(prefix) > bits.length) return `Prefix length ${prefix} is longer than IP address (${bits.length})`;
  return /^0*$/.test(bits.slice(Number(prefix))) ? undefined : `Invalid prefix ${bits}/${prefix}`;
}

function addressSpec(value: string): string | undefined {
  if (value.startsWith('+')) return value.length > MAX_NAME + 1 ? 'ipset name too long\n' : undefined;
  if (NAME.test(value)) return value.length > MAX_NAME ? 'alias name too long\n' : undefined;
  const parts = value.split(',');
  if (parts.includes('')) return 'extraneous commas in list\n';
  for (const part of parts) {
    const wrong = badAddress(part);
    if (wrong !== undefined) return `invalid IP address: ${wrong}\n`;
  }
  if (new Set(parts.map((part) => part.includes(':'))).size > 1)
    return `detected mixed ipv4/ipv6 addresses in address list '${value}'\n`;
  return parts.length > 1 && value.includes('-') ? "you can't use a range in a list\n" : undefined;
}

function badPort(item: string): string | undefined {
  const range = /^(\d+):(\d+)$/.exec(item);
  for (const port of range === null ? [item] : range.slice(1))
    if (/^\d+$/.test(port) ? Number(port) > MAX_PORT : !SERVICES.has(port)) return `invalid port '${port}'\n`;
  if (range !== null && Number(range[1]) > Number(range[2]))
    return `backwards range '${item}' not allowed, did you mean '${range[2]}:${range[1]}'?\n`;
  return undefined;
}

function portSpec(value: string): string | undefined {
  const parts = value.split(',');
  if (parts.includes('')) return 'extraneous commas in list\n';
  for (const part of parts) {
    const wrong = badPort(part);
    if (wrong !== undefined) return wrong;
  }
  const count = parts.reduce((sum, part) => sum + (part.includes(':') ? 2 : 1), 0);
  return count > MAX_PORTS ? 'too many entries in port list (> 15 numbers)\n' : undefined;
}

const protocol: Check = (value) =>
  PROTOCOLS.has(value.toLowerCase()) || (/^\d+$/.test(value) && Number(value) < 256)
    ? undefined
    : `unknown protocol '${value}'\n`;

/** Named formats of firewall rules; each answers what is wrong in PVE's words. */
export const FIREWALL_CHECKS: Readonly<Record<string, Check>> = {
  'pve-fw-addr-spec': addressSpec,
  'pve-fw-dport-spec': portSpec,
  'pve-fw-sport-spec': portSpec,
  'pve-fw-protocol-spec': protocol,
  IPorCIDRorAlias: (value) =>
    NAME.test(value) || isIPv4(value) || isIPv6(value) || /^[\d.]+\/\d{1,2}$|^[\da-fA-F:]+\/\d{1,3}$/.test(value)
      ? undefined
      : 'value does not look like a valid IP address or CIDR network\n',
};
