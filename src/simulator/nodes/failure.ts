import type { World } from '../core/world.ts';
import { dispatch } from '../core/dispatch.ts';

/** What pvestatd of a node said last is believed this long after it fell silent (FACTS 41). */
export const EXPIRY_MS = 300_000;
/** From power on until guests are started. */
const BOOT_MS = 20_000;

/** The node is gone, but the cluster may still show what it said last. */
export function isRemembered(world: World, node: string): boolean {
  const { online = false, deadSince } = world.state.nodes[node] ?? {};
  return online || (deadSince !== undefined && world.now() - deadSince < EXPIRY_MS);
}

/** Without power: guests and tasks end at once; the cluster notices, and forgets what it knew after five minutes. */
export function killNode(world: World, name: string): void {
  const node = world.nodeState(name);
  if (!node.online) return;
  node.online = false;
  node.deadSince = world.now();
  const since = node.deadSince;
  world.unreachable.delete(name);
  world.tasks.kill(name);
  for (const guest of world.state.guests.values()) if (guest.node === name) delete guest.running;
  world.timeline.after(EXPIRY_MS, () => {
    if (node.deadSince !== since) return;
    for (const guest of world.state.guests.values()) if (guest.node === name) delete guest.published;
  });
  world.ha?.wake();
}

export function startNode(world: World, name: string): void {
  const node = world.nodeState(name);
  if (node.online) return;
  node.online = true;
  const { ha, haResources } = world.state;
  if (ha.master === name && haResources.size === 0 && ha.services.size === 0) ha.restsSince = node.deadSince ?? 0;
  node.since = world.now();
  delete node.deadSince;
  world.unreachable.delete(name);
  // Its local resource manager begins without the lock it had.
  ha.activeLrm = ha.activeLrm.filter((one) => one !== name);
  const own = [...world.state.guests.values()].filter((guest) => guest.node === name);
  for (const guest of own) world.changed(guest);
  if (own.some(({ config, running }) => Number(config.onboot ?? 0) === 1 && running === undefined))
    world.timeline.after(BOOT_MS, () => bootGuests(world, name));
  world.ha?.wake();
}

function bootGuests(world: World, node: string): void {
  if (world.state.nodes[node]?.online !== true) return;
  const root = { user: 'root@pam', name: 'root@pam', root: true };
  dispatch(world, { method: 'POST', path: `/nodes/${node}/startall`, params: {}, principal: root.name }, root);
}
