import { textOf } from '../core/text.ts';
import { may } from '../access/check.ts';
import type { Call } from '../core/call.ts';
import { fail, forbidden } from '../core/errors.ts';
import type { World } from '../core/world.ts';
import { forgetInRules } from '../ha/resources.ts';
import type { Guest } from '../state/types.ts';

/** What the simulated QEMU says it is. */
export const MACHINE = { qemu: '10.0.13', i440fx: 'pc-i440fx-10.0', q35: 'pc-q35-10.0' } as const;

/** PVE's words when an id is taken, by a guest of any kind on any node. */
export function assertFree(world: World, vmid: number, words: (node: string) => string): void {
  const taken = world.state.guests.get(vmid);
  if (taken !== undefined) throw fail(words(taken.node));
}

/** A pool that is named must exist and let the caller put a guest in. */
export function demandPool(call: Call, poolid: string): void {
  call.world.needs('/pools');
  if (!call.world.state.pools.has(poolid)) throw forbidden(`pool '${poolid}' does not exist`);
  if (!may(call, `/pool/${poolid}`, ['VM.Allocate'])) throw forbidden(`/pool/${poolid}, VM.Allocate`);
}

export function addToPool(world: World, vmid: number, poolid: string): void {
  const pool = world.state.pools.get(poolid);
  if (pool !== undefined && !pool.vms.includes(vmid)) pool.vms.push(vmid);
}

/** The guest is gone; so are its place in a pool, the rights given on it (FACTS 28) and its firewall. */
export function forgetGuest(world: World, guest: Guest): void {
  const { state } = world;
  if (state.guests.get(guest.vmid) === guest) state.guests.delete(guest.vmid);
  for (const pool of state.pools.values()) pool.vms = pool.vms.filter((vmid) => vmid !== guest.vmid);
  state.acl = state.acl.filter(({ path }) => path !== `/vms/${guest.vmid}`);
  state.firewall.delete(`guest/${guest.vmid}`);
}

const kindOf = ({ type }: Guest): 'VM' | 'CT' => (type === 'qemu' ? 'VM' : 'CT');
const sidOf = ({ type, vmid }: Guest): string => `${type === 'qemu' ? 'vm' : 'ct'}:${vmid}`;

const replicationsOf = ({ state }: World, vmid: number): string[] =>
  [...state.replication.keys()].filter((id) => id.startsWith(`${vmid}-`));

/** What keeps a guest from being destroyed without `purge`: HA and replication still name it. */
export function demandUnused(world: World, guest: Guest): void {
  const { vmid } = guest;
  world.needs('/cluster/ha/resources', '/cluster/replication');
  if (world.state.haResources.has(sidOf(guest)))
    throw fail(`unable to remove ${kindOf(guest)} ${vmid} - used in HA resources and purge parameter not set.`);
  const [job] = replicationsOf(world, vmid);
  if (job !== undefined) throw fail(`guest '${vmid}' is replicated by job '${job}', which has to be removed first`);
}

/** Takes the guest out of what else names it, as `purge` asks for. Answers what was done, as log lines. */
export function purgeGuest(world: World, guest: Guest): string[] {
  const { backupJobs, haResources, replication } = world.state;
  const { vmid } = guest;
  const lines = [`purging ${kindOf(guest)} ${vmid} from related configurations..`];
  for (const id of replicationsOf(world, vmid)) replication.delete(id);
  for (const [id, job] of backupJobs) {
    const named = textOf(job.vmid).split(',').filter(Boolean);
    if (!named.includes(String(vmid))) continue;
    const rest = named.filter((one) => one !== String(vmid));
    // A job without a guest is deleted.
    if (rest.length > 0) job.vmid = rest.join(',');
    else backupJobs.delete(id);
  }
  if (!haResources.delete(sidOf(guest))) return lines;
  forgetInRules(world, sidOf(guest));
  world.ha?.wake();
  return [...lines, `NOTE: removed ${kindOf(guest)} ${vmid} from HA resource configuration.`];
}
