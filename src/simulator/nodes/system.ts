import { asRead } from '../core/as-read.ts';
import { textOf } from '../core/text.ts';
import { Beside, type Call, type Routes } from '../core/call.ts';
import { fail, parameterError } from '../core/errors.ts';
import { splitList } from '../schema/formats.ts';
import { sha1 } from '../state/guests.ts';
import type { NodeState } from '../state/types.ts';
import { killNode, startNode } from './failure.ts';

const SERVICE_MS = 1_000;
const REBOOT_MS = 60_000;
const SERVICES = [
  'chrony',
  'corosync',
  'cron',
  'ksmtuned',
  'lxcfs',
  'postfix',
  'proxmox-firewall',
  'pve-cluster',
  'pve-firewall',
  'pve-ha-crm',
  'pve-ha-lrm',
  'pvedaemon',
  'pvefw-logger',
  'pveproxy',
  'pvescheduler',
  'pvestatd',
  'qmeventd',
  'spiceproxy',
  'sshd',
  'syslog',
  'systemd-timesyncd',
];
/** Without these there is nobody left who could start them again. */
const NEEDED = new Set(['pve-cluster', 'pvedaemon', 'pveproxy']);

const nodeOf = ({ world, node }: Call): NodeState => world.nodeState(node);

function serviceRow(node: NodeState, name: string): Record<string, unknown> {
  const stopped = node.stoppedServices?.includes(name) ?? false;
  return {
    name,
    service: name,
    desc: name,
    state: stopped ? 'dead' : 'running',
    'active-state': stopped ? 'inactive' : 'active',
    'unit-state': 'enabled',
  };
}

/** Starting and stopping are tasks of their own, named after what they do. */
const serviceTask = (verb: 'start' | 'stop' | 'restart' | 'reload') => (call: Call) => {
  const { world, params, principal } = call;
  const name = params.text('service');
  const node = nodeOf(call);
  if (verb === 'stop' && NEEDED.has(name)) throw fail(`service '${name}' cannot be stopped, because it is needed`);
  return world.startTask({ node: call.node, type: `srv${verb}`, id: name, user: principal.name }, function* () {
    yield { wait: SERVICE_MS };
    const others = (node.stoppedServices ?? []).filter((one) => one !== name);
    node.stoppedServices = verb === 'stop' ? [...others, name] : others;
  });
};

const configDigest = ({ options = {} }: NodeState): string => sha1(JSON.stringify(options));

function setConfig(call: Call): null {
  const { params } = call;
  const node = nodeOf(call);
  const digest = params.maybe('digest');
  if (digest !== undefined && digest !== configDigest(node))
    throw fail('detected modified configuration - file changed by other user? Try again.');
  const options = { ...node.options };
  for (const key of splitList(params.maybe('delete') ?? '')) delete options[key];
  for (const [key, value] of params.without('node', 'delete', 'digest')) options[key] = value;
  node.options = options;
  return null;
}

function getConfig(call: Call): unknown {
  const node = nodeOf(call);
  const property = call.params.maybe('property');
  const { options = {} } = node;
  const shown = property === undefined ? options : property in options ? { [property]: options[property] } : {};
  // A file that is not there has no digest.
  return Object.keys(options).length === 0 ? {} : { ...shown, digest: configDigest(node) };
}

const defaultHosts = ({ name, ip }: NodeState): string => `127.0.0.1 localhost.localdomain localhost\n${ip} ${name}\n`;

function setHosts(call: Call): null {
  const node = nodeOf(call);
  const digest = call.params.maybe('digest');
  if (digest !== undefined && digest !== sha1(node.hosts ?? defaultHosts(node)))
    throw fail('detected modified configuration - file changed by other user? Try again.');
  node.hosts = call.params.text('data');
  return null;
}

function wake(call: Call): string {
  const { world, params } = call;
  const name = params.text('node');
  const node = world.state.nodes[name];
  if (node === undefined) throw fail(`no such cluster node '${name}'`);
  if (name === world.state.localNode) throw fail(`'${name}' is local node, cannot wake my self!`);
  const mac = /^([^,]+)/.exec(textOf(node.options?.wakeonlan ?? ''))?.[1];
  if (mac === undefined) throw fail(`No wake on LAN MAC address defined for '${name}'!`);
  if (!node.online) world.timeline.after(REBOOT_MS, () => startNode(world, name));
  return mac.replace(/^mac=/, '');
}

/** Reboot and shutdown stop the node a moment after the answer. */
function command({ world, node, params }: Call): null {
  const again = params.text('command') === 'reboot';
  world.timeline.after(SERVICE_MS, () => {
    killNode(world, node);
    if (again) world.timeline.after(REBOOT_MS, () => startNode(world, node));
  });
  return null;
}

const emptyLog = (): Beside => new Beside([{ n: 1, t: 'no content' }], { total: 1 });

const notInstalled = (): never => {
  throw fail('binary not installed: /usr/bin/ceph-mon');
};

const base = '/nodes/{node}';

export const systemRoutes: Routes = {
  [`GET ${base}/time`]: (call) => {
    const timezone = nodeOf(call).timezone ?? 'Etc/UTC';
    return { time: call.world.seconds(), localtime: call.world.seconds(), timezone };
  },
  [`PUT ${base}/time`]: (call) => {
    const zone = call.params.text('timezone');
    if (!/^[A-Za-z0-9+_/-]+$/.test(zone)) throw parameterError({ timezone: 'No such timezone' });
    nodeOf(call).timezone = zone;
    return null;
  },
  [`GET ${base}/dns`]: (call) => nodeOf(call).dns ?? {},
  [`PUT ${base}/dns`]: (call) => {
    const entries = call.params.without('node').map(([key, value]) => [key, String(value)] as const);
    nodeOf(call).dns = Object.fromEntries(entries);
    return null;
  },
  [`GET ${base}/hosts`]: (call) => {
    const data = nodeOf(call).hosts ?? defaultHosts(nodeOf(call));
    return { data, digest: sha1(data) };
  },
  [`POST ${base}/hosts`]: setHosts,
  [`GET ${base}/config`]: getConfig,
  [`PUT ${base}/config`]: setConfig,
  [`POST ${base}/wakeonlan`]: wake,
  [`POST ${base}/status`]: command,
  [`GET ${base}/services`]: (call) => SERVICES.map((name) => serviceRow(nodeOf(call), name)),
  [`GET ${base}/services/{service}`]: () =>
    ['state', 'start', 'stop', 'restart', 'reload'].map((subdir) => ({ subdir })),
  [`GET ${base}/services/{service}/state`]: (call) => serviceRow(nodeOf(call), call.params.text('service')),
  [`POST ${base}/services/{service}/start`]: serviceTask('start'),
  [`POST ${base}/services/{service}/stop`]: serviceTask('stop'),
  [`POST ${base}/services/{service}/restart`]: serviceTask('restart'),
  [`POST ${base}/services/{service}/reload`]: serviceTask('reload'),
  [`GET ${base}/syslog`]: emptyLog,
  [`GET ${base}/journal`]: () => [],
  [`GET ${base}/netstat`]: () => [],
  [`GET ${base}/report`]: (call) =>
    `==== general system info ====\n\n# hostname\n${call.node}\n\n# pveversion --verbose\npve-manager: ${String(call.world.state.version.version)}\n`,
  [`GET ${base}/disks/list`]: asRead(() => []),
  [`GET ${base}/disks/lvmthin`]: asRead(() => []),
  [`GET ${base}/disks/zfs`]: asRead(() => []),
  [`GET ${base}/disks/directory`]: asRead(() => []),
  [`GET ${base}/disks/lvm`]: asRead(() => ({ children: [], leaf: 0 })),
  [`GET ${base}/hardware/usb`]: asRead(() => []),
  [`GET ${base}/ceph/status`]: notInstalled,
  [`GET ${base}/ceph/osd`]: notInstalled,
  [`GET ${base}/ceph/mon`]: notInstalled,
  [`GET ${base}/ceph/pool`]: notInstalled,
  'GET /cluster/ceph/status': notInstalled,
};
