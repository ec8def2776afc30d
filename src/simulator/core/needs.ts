import { readsOf } from '../state/guests.ts';
import type { Guest } from '../state/types.ts';
import type { Call } from './call.ts';
import { NotRead } from './errors.ts';

const GUEST = '/nodes/{node}/qemu';

/** Calls after which a guest runs; its bridges are looked at then. */
const STARTS = /\/status\/(?:start|reboot|resume)$|\/rollback$/;

/** Guests that a call is about; one that was not read is asked for before anything is done to it. */
function guestsOf({ world, params }: Call): Guest[] {
  const out: Guest[] = [];
  for (const name of ['vmid', 'target-vmid']) {
    const vmid = params.values[name];
    const guest = typeof vmid === 'object' ? undefined : world.state.guests.get(Number(vmid));
    if (guest !== undefined) out.push(guest);
  }
  return out;
}

/** What a mutating call on a guest looks at besides the guest. */
function surroundings({ method, node, params }: Call): string[] {
  const out = ['/storage'];
  if (STARTS.test(method.path) || params.flag('start')) out.push(`/nodes/${node}/network`);
  if (params.has('pool')) out.push('/pools');
  if (method.method === 'DELETE' && method.path === `${GUEST}/{vmid}`) {
    out.push('/cluster/ha/resources', '/cluster/replication');
    if (params.flag('purge')) out.push('/cluster/backup', '/cluster/ha/rules');
  }
  return out;
}

/**
 * In a partial twin: everything that this call will need and that was not read, named at once, so that the twin has to
 * be built again only once for it. Nothing has changed when this throws.
 */
export function demandReads(call: Call): void {
  const { world, method } = call;
  if (!world.state.partial || !method.path.startsWith(GUEST)) return;
  const missing: string[] = [];
  // The list of guests and a new guest need no details of those that are there.
  if (method.path !== GUEST) for (const guest of guestsOf(call)) if (guest.unread) missing.push(...readsOf(guest));
  if (method.method !== 'GET') {
    for (const path of surroundings(call)) if (!world.state.reads.has(path)) missing.push(`GET ${path}`);
  }
  if (missing.length > 0) throw new NotRead([...new Set(missing)]);
}
