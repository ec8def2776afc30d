import { textOf } from '../core/text.ts';
import type { Call, Routes } from '../core/call.ts';
import { isQuorate } from '../core/quorum.ts';
import type { World } from '../core/world.ts';
import type { Resource } from './resources.ts';
import { vmidOf } from './resources.ts';
import type { Service } from './types.ts';

const MASTER_PERIOD_S = 10;
const ACTIVE_PERIOD_S = 10;
const IDLE_PERIOD_S = 5;
/** A status that is older counts as that of a dead node. */
const STALE_S = 30;

/** `Fri Nov 20 08:46:20 2026`, as Perl's localtime; nodes keep UTC here. */
function localTime(seconds: number): string {
  const [, weekday, day, month, year, time] =
    /^(\w+), (\d+) (\w+) (\d+) ([\d:]+)/.exec(new Date(seconds * 1000).toUTCString()) ?? [];
  return `${weekday} ${month} ${String(Number(day)).padStart(2)} ${time} ${year}`;
}

/** The last sign of life: in its rhythm, and none after the node died or the cluster lost its quorum. */
function lastBeat(world: World, key: string, node: string, period: number): number {
  const { nodes, ha } = world.state;
  const ends = [world.now(), nodes[node]?.deadSince ?? Infinity];
  if (key === 'master' && ha.restsSince !== undefined) ends.push(ha.restsSince);
  if (!isQuorate(world.state)) ends.push(Math.max(...Object.values(nodes).map(({ deadSince = 0 }) => deadSince)));
  const end = Math.floor(Math.min(...ends) / 1000);
  const base = ha.beats[key] ?? 0;
  // The idle ones are a little late: it takes up to a second until others see them.
  const seen = period === IDLE_PERIOD_S ? end - 1 : end;
  return base >= seen ? base : base + Math.floor((seen - base) / period) * period;
}

const isStale = (world: World, beat: number): boolean => world.seconds() - beat > STALE_S;

function masterRows(world: World, node: string): unknown[] {
  const beat = lastBeat(world, 'master', node, MASTER_PERIOD_S);
  const stale = isStale(world, beat);
  const idle = stale && isQuorate(world.state) && world.state.haResources.size === 0;
  const word = idle ? 'idle' : stale ? 'old timestamp - dead?' : 'active';
  return [
    { id: 'master', type: 'master', node, status: `${node} (${word}, ${localTime(beat)})`, timestamp: beat },
    fencingRow(node, !stale),
  ];
}

const fencingRow = (node: string, armed: boolean): unknown => ({
  id: 'fencing',
  type: 'fencing',
  node,
  status: armed ? 'armed (CRM watchdog active)' : 'standby (CRM watchdog standby)',
  'armed-state': armed ? 'armed' : 'standby',
});

function lrmRow(world: World, node: string): unknown {
  const { ha } = world.state;
  const active = ha.activeLrm.includes(node);
  const beat = lastBeat(world, node, node, active ? ACTIVE_PERIOD_S : IDLE_PERIOD_S);
  const stale = isStale(world, beat);
  const busy = [...ha.services.values()].some((service) => service.node === node);
  const word = stale ? 'old timestamp - dead?' : active ? 'active' : busy ? 'wait_for_agent_lock' : 'idle';
  const watchdog = active && !stale ? 'watchdog active' : 'watchdog standby';
  const status = `${node} (${word}, ${watchdog}, ${localTime(beat)})`;
  return { id: `lrm:${node}`, type: 'lrm', node, status, timestamp: beat };
}

/** The word that people see; it tells of what was asked for before the manager has acted. */
function verboseState(world: World, sid: string, service: Service | undefined, resource: Resource | undefined): string {
  if (resource === undefined) return 'deleting';
  const wanted = textOf(resource.state ?? 'started');
  if (wanted === 'ignored') return 'ignored';
  if (service === undefined) return 'queued';
  const { state } = service;
  const off = wanted === 'stopped' || wanted === 'disabled';
  if (state === 'stopped') return wanted === 'disabled' ? 'disabled' : off ? 'stopped' : 'starting';
  if (state === 'error' && wanted === 'disabled') return 'clearing error flag';
  if (state !== 'started') return state;
  if (world.state.guests.get(vmidOf(sid))?.running === undefined && world.state.nodes[service.node]?.online !== false)
    return 'starting';
  return off ? 'stopping' : 'started';
}

function serviceRow(world: World, sid: string): unknown {
  const { ha, haResources, guests } = world.state;
  const service = ha.services.get(sid);
  const resource = haResources.get(sid);
  const node = service?.node ?? guests.get(vmidOf(sid))?.node ?? '---';
  const state = verboseState(world, sid, service, resource);
  const row: Resource = {
    id: `service:${sid}`,
    type: 'service',
    sid,
    node,
    state,
    status: `${sid} (${node}, ${state})`,
  };
  if (service !== undefined) row.crm_state = service.state;
  if (resource === undefined) return row;
  const { comment, max_restart = 1, max_relocate = 1, failback = 1 } = resource;
  return {
    ...row,
    request_state: resource.state ?? 'started',
    max_restart,
    max_relocate,
    failback,
    ...(comment === undefined ? {} : { comment }),
  };
}

const allSids = ({ state }: World): string[] =>
  [...new Set([...state.ha.services.keys(), ...state.haResources.keys()])].toSorted();

function current({ world, node }: Call): unknown[] {
  const { ha } = world.state;
  const quorate = isQuorate(world.state);
  world.ha?.observe();
  return [
    {
      id: 'quorum',
      type: 'quorum',
      node,
      quorate: quorate ? 1 : 0,
      status: quorate ? 'OK' : `No quorum on node '${node}'!`,
    },
    ...(ha.master === undefined ? [fencingRow(node, false)] : masterRows(world, ha.master)),
    ...Object.keys(ha.nodes)
      .toSorted()
      .map((name) => lrmRow(world, name)),
    ...allSids(world).map((sid) => serviceRow(world, sid)),
  ];
}

function managerStatus({ world, node }: Call): unknown {
  const { ha, haResources } = world.state;
  world.ha?.observe();
  const lrm = Object.keys(ha.nodes).map((name) => {
    const active = ha.activeLrm.includes(name);
    const timestamp = lastBeat(world, name, name, active ? ACTIVE_PERIOD_S : IDLE_PERIOD_S);
    return [
      name,
      { mode: 'active', results: {}, state: active ? 'active' : 'wait_for_agent_lock', timestamp },
    ] as const;
  });
  const services = [...ha.services].map(([sid, { node: at, state, target }]) => [
    sid,
    {
      node: at,
      state,
      uid: sid,
      ...(target === undefined ? {} : { target }),
      ...(state === 'started' && world.state.guests.get(vmidOf(sid))?.running !== undefined ? { running: 1 } : {}),
      ...(haResources.has(sid) ? {} : { failed_nodes: null }),
    },
  ]);
  return {
    manager_status: {
      ...(ha.master === undefined
        ? {}
        : { master_node: ha.master, timestamp: lastBeat(world, 'master', ha.master, MASTER_PERIOD_S) }),
      node_status: { ...ha.nodes },
      service_status: Object.fromEntries(services) as unknown,
    },
    lrm_status: Object.fromEntries(lrm),
    quorum: { node, quorate: isQuorate(world.state) ? '1' : '' },
  };
}

export const haStatusRoutes: Routes = {
  'GET /cluster/ha/status/current': current,
  'GET /cluster/ha/status/manager_status': managerStatus,
};
