import type { Call, Routes } from '../core/call.ts';
import { guestSize } from '../qemu/size.ts';
import { wobble } from '../qemu/status.ts';
import type { Guest } from '../state/types.ts';
import { spaceOf, storageById } from '../storage/lookup.ts';
import { nodeNumbers } from '../cluster/resources.ts';

/** Seconds between two points; a series has this many points. */
const STEPS: Readonly<Record<string, number>> = {
  hour: 60,
  day: 1_800,
  week: 10_800,
  month: 43_200,
  year: 604_800,
  decade: 5_256_000,
};
const POINTS = 70;

type Numbers = Readonly<Record<string, number>>;

/** Points from oldest to newest; before `since`, ms, there is only the time. `of` is given a moment, ms, and a share. */
function series(call: Call, seed: number, since: number, of: (share: number) => Numbers): Numbers[] {
  const step = STEPS[call.params.text('timeframe')] ?? 60;
  const end = Math.floor(call.world.seconds() / step) * step;
  return Array.from({ length: POINTS }, (_, index) => {
    const time = end - (POINTS - 1 - index) * step;
    return time * 1000 < since ? { time } : { time, ...of(wobble(seed, time * 1000)) };
  });
}

function ofNode(call: Call): Numbers[] {
  const { world } = call;
  const node = world.nodeState(call.node);
  const { cpu, mem, disk } = nodeNumbers(world, node);
  const { maxcpu, maxmem, maxdisk } = node;
  return series(call, node.id, node.since, (share) => ({
    cpu: Math.min(1, cpu * 2 * share),
    maxcpu,
    iowait: 0.01 * share,
    loadavg: cpu * maxcpu * 2 * share,
    memtotal: maxmem,
    memused: mem,
    roottotal: maxdisk,
    rootused: disk,
    swaptotal: 0,
    swapused: 0,
    netin: 20_000 * share,
    netout: 15_000 * share,
  }));
}

const ofGuest = (type: Guest['type']) => (call: Call) => {
  const { world, node, params } = call;
  const guest = world.guestOn(node, params.number('vmid'), type);
  const { cores, memory, disk } = guestSize(guest);
  const fixed = { maxcpu: world.visibleCores(guest, cores), maxmem: memory, maxdisk: disk };
  const since = guest.running?.since ?? Infinity;
  return series(call, guest.vmid, since, (share) => ({
    ...fixed,
    cpu: 0.15 * share,
    mem: Math.floor(memory * (0.35 + 0.4 * share)),
    disk: 0,
    netin: 2_000 * share,
    netout: 1_500 * share,
    diskread: 4_096 * share,
    diskwrite: 2_048 * share,
  }));
};

function ofStorage(call: Call): Numbers[] {
  const { total, used } = spaceOf(call.world, call.node, storageById(call.world, call.params.text('storage')));
  return series(call, total % 1_000, 0, () => ({ total, used }));
}

/** Measured values over time: what is known now, as if it had been so all along, with a ripple. */
export const rrdRoutes: Routes = {
  'GET /nodes/{node}/rrddata': ofNode,
  'GET /nodes/{node}/qemu/{vmid}/rrddata': ofGuest('qemu'),
  'GET /nodes/{node}/lxc/{vmid}/rrddata': ofGuest('lxc'),
  'GET /nodes/{node}/storage/{storage}/rrddata': ofStorage,
};
