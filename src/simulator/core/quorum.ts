import type { State } from '../state/types.ts';
import type { Call } from './call.ts';
import { fail } from './errors.ts';
import type { World } from './world.ts';

/** More than half of the nodes are there. */
export function isQuorate({ nodes }: State): boolean {
  const all = Object.values(nodes);
  return all.length <= 1 || all.filter(({ online }) => online).length * 2 > all.length;
}

/** A file that is locked in the whole cluster while it is changed, and what PVE puts in front of the lock's error. */
interface Locked {
  readonly pattern: RegExp;
  readonly lock: (call: Call) => string;
  /** By method; nothing when the error stands alone. */
  readonly words?: Readonly<Record<string, string>>;
}

const file = (name: string) => (): string => `file-${name.replaceAll(/[./]/g, '_')}`;
const crud = (what: string): Readonly<Record<string, string>> => ({
  POST: `create ${what} failed: `,
  PUT: `update ${what} failed: `,
  DELETE: `delete ${what} failed: `,
});
const user = file('user.cfg');

const LOCKED: readonly Locked[] = [
  { pattern: /^\/pools$/, lock: user, words: { ...crud('pool'), PUT: 'update pools failed: ' } },
  { pattern: /^\/pools\/\{poolid\}$/, lock: user, words: { ...crud('pool'), PUT: 'update pools failed: ' } },
  { pattern: /^\/access\/acl$/, lock: user, words: { PUT: 'ACL update failed: ' } },
  {
    pattern: /^\/access\/users\/\{userid\}\/token\//,
    lock: user,
    words: {
      POST: 'generating token failed: ',
      PUT: 'updating token info failed: ',
      DELETE: 'deleting token failed: ',
    },
  },
  { pattern: /^\/access\/users(?:\/\{userid\})?$/, lock: user, words: crud('user') },
  { pattern: /^\/access\/groups/, lock: user, words: crud('group') },
  { pattern: /^\/access\/roles/, lock: user, words: crud('role') },
  {
    pattern: /^\/access\/domains(?:\/\{realm\})?$/,
    lock: file('domains.cfg'),
    words: { ...crud('auth server'), POST: 'add auth server failed: ' },
  },
  { pattern: /^\/storage/, lock: file('storage.cfg'), words: crud('storage') },
  { pattern: /^\/cluster\/backup/, lock: file('jobs.cfg') },
  { pattern: /^\/cluster\/jobs\/realm-sync/, lock: file('jobs.cfg') },
  { pattern: /^\/cluster\/metrics\/server/, lock: file('status.cfg') },
  { pattern: /^\/cluster\/notifications/, lock: file('notifications.cfg') },
  { pattern: /^\/cluster\/replication/, lock: file('replication.cfg') },
  { pattern: /^\/cluster\/options$/, lock: file('datacenter.cfg') },
  {
    pattern: /^\/cluster\/mapping\//,
    lock: ({ method }) => `file-mapping_${method.path.split('/')[3] ?? ''}_cfg`,
    words: crud('hardware mapping'),
  },
  {
    pattern: /^\/cluster\/sdn\/vnets\/\{vnet\}\/firewall/,
    lock: ({ params }) => `firewall-vnet-${params.text('vnet')}`,
  },
  { pattern: /^\/cluster\/sdn/, lock: file('sdn/.running-config'), words: crud('sdn object') },
  { pattern: /^\/cluster\/firewall/, lock: () => 'firewall-cluster' },
  { pattern: /^\/nodes\/\{node\}\/firewall/, lock: ({ node }) => `firewall-host-${node}` },
  {
    pattern: /^\/nodes\/\{node\}\/(?:qemu|lxc)\/\{vmid\}\/firewall/,
    lock: ({ params }) => `firewall-vm-${params.text('vmid')}`,
  },
];

const GUEST = String.raw`^POST /nodes/\{node\}/(?:qemu|lxc)`;
/** Calls that ask for quorum before anything else. */
const CHECKED = new RegExp(
  String.raw`${GUEST}$|${GUEST}/\{vmid\}/(?:clone|status/start|migrate|remote_migrate)$|^(?:POST|PUT|DELETE) /cluster/ha/`,
);
/** Calls that write a guest's configuration before they answer. */
const WRITES =
  /^PUT \/nodes\/\{node\}\/(qemu|lxc)\/\{vmid\}\/(?:config|cloudinit|unlink)$|^POST \/nodes\/\{node\}\/(qemu|lxc)\/\{vmid\}\/(?:template|move_disk|move_volume)$/;

/** How long PVE tries to get a lock of the cluster, ms. */
const LOCK_WAIT_MS = 10_000;

/** What a write to a guest's configuration meets while /etc/pve is read-only. */
export const unwritable = (world: World, node: string, vmid: number | string, kind: 'qemu' | 'lxc' = 'qemu') =>
  fail(
    `unable to open file '/etc/pve/nodes/${node}/${kind === 'qemu' ? 'qemu-server' : 'lxc'}/${vmid}.conf.tmp.${world.newPid(node)}' - Permission denied`,
  );

/** Refuses what cannot be done without quorum, in the words of the place that notices (FACTS 44). */
export function demandQuorum(call: Call): void {
  const { world, method, params } = call;
  if (method.method === 'GET' || isQuorate(world.state)) return;
  const name = `${method.method} ${method.path}`;
  if (CHECKED.test(name)) throw fail('cluster not ready - no quorum?');
  const guest = WRITES.exec(name);
  if (guest !== null) throw unwritable(world, call.node, params.text('vmid'), (guest[1] ?? guest[2]) as 'qemu' | 'lxc');
  const found = LOCKED.find(({ pattern }) => pattern.test(method.path));
  if (found === undefined) return;
  world.timeline.advanceTo(world.now() + LOCK_WAIT_MS);
  throw fail(`${found.words?.[method.method] ?? ''}cfs-lock '${found.lock(call)}' error: no quorum!`);
}

/** Tasks that write the guest's configuration as the first thing they do. */
const WRITING_TASKS =
  /^(?:qm|vz)(?:config|snapshot|delsnapshot|rollback|template|move|suspend|restore|create|clone|migrate)$|^(?:resize|qmigrate|vzmigrate)$/;

/** The error that a task of this kind meets right away, undefined when it does not write. */
export const taskRefusal = (world: World, node: string, type: string, id: string) =>
  !isQuorate(world.state) && WRITING_TASKS.test(type) && /^\d+/.test(id)
    ? unwritable(world, node, /^\d+/.exec(id)?.[0] ?? id, type.startsWith('vz') ? 'lxc' : 'qemu')
    : undefined;
