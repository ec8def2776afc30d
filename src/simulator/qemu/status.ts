import { may } from '../access/check.ts';
import type { Call, Routes } from '../core/call.ts';
import type { World } from '../core/world.ts';
import { guestName, isTemplate, lockOf } from '../state/guests.ts';
import type { Guest } from '../state/types.ts';
import { agentEnabled } from './power-worker.ts';
import { drivesOf, isCdrom, NET } from './drives.ts';
import { MACHINE } from './registry.ts';
import { guestMemory, guestSize } from './size.ts';

const PRESSURE = [
  'pressurecpufull',
  'pressurecpusome',
  'pressureiofull',
  'pressureiosome',
  'pressurememoryfull',
  'pressurememorysome',
];

/** What the emulator says it can do. */
const SUPPORT = {
  'backup-fleecing': true,
  'backup-max-workers': true,
  'pbs-dirty-bitmap': true,
  'pbs-dirty-bitmap-migration': true,
  'pbs-dirty-bitmap-savevm': true,
  'pbs-library-version': '1.5.1',
  'pbs-masterkey': true,
  'query-bitmap-info': true,
};

/** A number that differs between guests and wanders slowly, the same for the same guest and minute: 0 to 1. */
export function wobble(seed: number, now: number): number {
  const minute = Math.floor(now / 60_000);
  const x = Math.sin(seed * 12.9898 + minute * 0.1 + Math.sin(seed + minute) * 0.7) * 43_758.5453;
  return 0.5 + (x - Math.floor(x) - 0.5) * 0.6;
}

export type Usage = Record<'cpu' | 'mem' | 'netin' | 'netout' | 'diskread' | 'diskwrite' | 'uptime', number>;

const memoryUse = (guest: Guest, share: number): number => Math.floor(guestMemory(guest) * (0.35 + 0.4 * share));

/** Bytes of memory that a running guest uses now. */
export const usedMemory = (world: World, guest: Guest): number => memoryUse(guest, wobble(guest.vmid, world.now()));

/** Counters of a guest that has run since `since`; they grow with its uptime. All 0 when it does not run. */
export function usage(world: World, guest: Guest, since: number | undefined = guest.running?.since): Usage {
  if (since === undefined) return { cpu: 0, mem: 0, netin: 0, netout: 0, diskread: 0, diskwrite: 0, uptime: 0 };
  const uptime = Math.floor((world.now() - since) / 1000);
  const share = wobble(guest.vmid, world.now());
  return {
    cpu: 0.15 * share,
    mem: memoryUse(guest, share),
    netin: Math.floor(uptime * 2_000 * share),
    netout: Math.floor(uptime * 1_500 * share),
    diskread: Math.floor(uptime * 4_096 * share),
    diskwrite: Math.floor(uptime * 2_048 * share),
    uptime,
  };
}

/** The row of a guest in the node's list; what only running guests have is left out of the others. */
export function statusRow(world: World, guest: Guest): Record<string, unknown> {
  const { config, running } = guest;
  const { cores, memory, disk } = guestSize(guest);
  const { cpu, mem, netin, netout, uptime } = usage(world, guest);
  const lock = lockOf(guest);
  const row: Record<string, unknown> = {
    vmid: guest.vmid,
    name: guestName(guest),
    status: running === undefined ? 'stopped' : 'running',
    cpus: world.visibleCores(guest, cores),
    maxmem: memory,
    maxdisk: disk,
    cpu,
    mem,
    memhost: mem,
    netin,
    netout,
    disk: 0,
    uptime,
  };
  if (config.tags !== undefined) row.tags = config.tags;
  if (lock !== undefined) row.lock = lock;
  if (isTemplate(guest)) row.template = 1;
  if (config.serial0 !== undefined) row.serial = 1;
  if (config.balloon !== undefined && Number(config.balloon) > 0) {
    row.balloon_min = Number(config.balloon) * 1024 ** 2;
    row.shares = Number(config.shares ?? 1000);
  }
  if (running === undefined) return row;
  row.pid = running.pid;
  for (const name of PRESSURE) row[name] = 0;
  return row;
}

const NO_IO = {
  failed_flush_operations: 0,
  failed_rd_operations: 0,
  failed_wr_operations: 0,
  flush_operations: 0,
  rd_operations: 0,
  wr_operations: 0,
};

function currentStatus(call: Call): unknown {
  const { world, node, params } = call;
  const guest = world.guestOn(node, params.number('vmid'));
  const { config, running } = guest;
  const row = statusRow(world, guest);
  const managed = world.state.haResources.get(`vm:${guest.vmid}`);
  row.ha =
    managed === undefined
      ? { managed: 0 }
      : {
          managed: 1,
          state: managed.state ?? 'started',
          ...(managed.group === undefined ? {} : { group: managed.group }),
        };
  row.qmpstatus = running?.qmpstatus ?? 'stopped';
  if (agentEnabled(guest)) row.agent = 1;
  if (config.vga !== undefined) row.clipboard = /clipboard=([^,]+)/.exec(String(config.vga))?.[1] ?? null;
  if (String(config.vga ?? '').startsWith('qxl')) row.spice = 1;
  if (running === undefined) return row;
  const { diskread, diskwrite, netin, netout } = usage(world, guest);
  const disks = drivesOf(config).filter(([key, drive]) => !isCdrom(drive) && !/^(?:efidisk|tpmstate)/.test(key));
  const cards = Object.keys(config).filter((key) => NET.test(key));
  Object.assign(row, {
    diskread,
    diskwrite,
    'running-machine': running.machine,
    'running-qemu': MACHINE.qemu,
    'proxmox-support': SUPPORT,
  });
  if (disks.length > 0)
    row.blockstat = Object.fromEntries(
      disks.map(([key]) => [key, { ...NO_IO, rd_bytes: diskread, wr_bytes: diskwrite }]),
    );
  if (cards.length > 0)
    row.nics = Object.fromEntries(cards.map((key) => [`tap${guest.vmid}i${key.slice(3)}`, { netin, netout }]));
  return row;
}

/** Only the guests that the caller may see (FACTS 18). */
function list(call: Call): unknown[] {
  const { world, node } = call;
  const visible = [...world.state.guests.values()].filter(
    (guest) => guest.node === node && guest.type === 'qemu' && may(call, `/vms/${guest.vmid}`, ['VM.Audit']),
  );
  return visible.map((guest) => statusRow(world, guest));
}

export const statusRoutes: Routes = {
  'GET /nodes/{node}/qemu': list,
  'GET /nodes/{node}/qemu/{vmid}/status/current': currentStatus,
};
