import { mappedOn, pciProblem } from '../cluster/mapped.ts';
import { fail } from '../core/errors.ts';
import { lockStep, type World } from '../core/world.ts';
import { fieldsOf } from '../schema/property-string.ts';
import { isTemplate } from '../state/guests.ts';
import type { Guest } from '../state/types.ts';
import { findVolume, parseVolid, storageOn } from '../storage/lookup.ts';
import { DURATION } from '../tasks/durations.ts';
import type { TaskContext, Worker } from '../tasks/engine.ts';
import { bootOrder, drivesOf, formatOf, isCdrom, isCloudinit, NET, parseDrive } from './drives.ts';
import { applyPending } from './pending.ts';
import { MACHINE } from './registry.ts';

/** What is written before a disk can hold a system; a blank image of any size takes less. */
export const SYSTEM_BYTES = 16 * 1024 ** 2;

/** Something is installed that reacts to the power button: an agent, a kernel of its own, or a disk with content. */
function hasSystem(world: World, guest: Guest): boolean {
  const { config } = guest;
  if (agentEnabled(guest) || config.args !== undefined) return true;
  const first = bootOrder(config).find((key) => config[key] !== undefined) ?? drivesOf(config)[0]?.[0];
  if (first === undefined || NET.test(first)) return false;
  const drive = parseDrive(first, config[first]);
  const volume = findVolume(world, guest.node, drive.file ?? '');
  // In a twin whose contents were not read a disk counts as installed.
  return volume === undefined ? !isCdrom(drive) : volume.used >= SYSTEM_BYTES;
}

export const agentEnabled = (guest: Guest): boolean => {
  const { agent } = guest.config;
  return agent !== undefined && fieldsOf(formatOf('agent'), String(agent)).enabled === '1';
};

/** A bridge that is not there shows only here (an unknown one is accepted in the configuration). */
function checkBridges(world: World, guest: Guest): void {
  for (const [key, value] of Object.entries(guest.config)) {
    const { bridge } = NET.test(key) ? fieldsOf(formatOf(key), String(value)) : {};
    if (bridge === undefined) continue;
    world.needs(`/nodes/${guest.node}/network`);
    // A real node's list leaves the networks of SDN out; of another name than the usual a twin cannot tell.
    if (world.state.partial && !/^vmbr\d+$/.test(bridge)) continue;
    const network = world.nodeState(guest.node).network;
    if (network !== undefined && network[bridge]?.active !== 1) throw fail(`bridge '${bridge}' does not exist`);
  }
}

/** Devices that a mapping gives the guest must be in this node's slots, as the mapping says. */
function checkMappings(world: World, guest: Guest, task: TaskContext): void {
  if (world.state.partial) return;
  const keys = Object.keys(guest.config).filter((key) => /^hostpci\d+$/.test(key));
  const used = keys.toSorted().flatMap((key) => /(?:^|,)mapping=([^,]+)/.exec(String(guest.config[key]))?.[1] ?? []);
  const missing = (id: string): string => `PCI device mapping not found for '${id}'`;
  // The mappings are looked at twice: at first what is not there is only told.
  const found = used.map((id) => ({ id, entries: mappedOn(world, 'pci', id, guest.node) ?? [] }));
  for (const { id, entries } of found) if (entries.length === 0 && found.length > 1) task.log(missing(id));
  for (const { id, entries } of found) {
    if (entries.length === 0) throw fail(missing(id));
    const problems = entries.map((entry) => pciProblem(world, guest.node, id, entry));
    if (problems.every((words) => words !== undefined))
      throw fail(`PCI device mapping invalid (hardware probably changed): ${problems[0]}\n`);
  }
}

function checkDisks(world: World, guest: Guest): void {
  for (const [, drive] of drivesOf(guest.config)) {
    const parsed = parseVolid(drive.file ?? '');
    if (parsed === undefined) continue;
    storageOn(world, guest.node, parsed.storage);
    if (world.state.partial || findVolume(world, guest.node, drive.file ?? '') !== undefined) continue;
    throw fail(`volume '${drive.file}' does not exist`);
  }
}

export interface StartOptions {
  readonly skiplock?: boolean;
  readonly timeout?: number;
}

export function* startWorker(
  world: World,
  node: string,
  vmid: number,
  { skiplock }: StartOptions,
  task: TaskContext,
): Worker {
  yield lockStep(vmid);
  const guest = world.guestOn(node, vmid);
  if (isTemplate(guest)) throw fail(`you can't start a vm if it's a template`);
  // A guest that was suspended to disk is woken by its start.
  const suspended = guest.config.lock === 'suspended';
  if (!skiplock && !suspended) world.checkLock(guest);
  if (guest.running !== undefined) throw fail(`VM ${vmid} already running`);
  applyPending(world, guest);
  checkDisks(world, guest);
  checkMappings(world, guest, task);
  checkBridges(world, guest);
  if (drivesOf(guest.config).some(([, drive]) => isCloudinit(drive))) task.log('generating cloud-init ISO');
  yield { wait: DURATION.start };
  if (suspended) {
    task.log('Resumed VM, removing state');
    delete guest.config.lock;
    delete guest.config.vmstate;
  }
  markRunning(world, guest);
}

export function markRunning(world: World, guest: Guest): void {
  const q35 = String(guest.config.machine ?? '').includes('q35');
  guest.running = {
    since: world.now(),
    pid: world.newPid(guest.node),
    qmpstatus: Number(guest.config.freeze ?? 0) === 1 ? 'prelaunch' : 'running',
    responds: hasSystem(world, guest),
    machine: q35 ? MACHINE.q35 : MACHINE.i440fx,
    ...(agentEnabled(guest) ? { agentAt: world.now() + DURATION.agent } : {}),
  };
  world.changed(guest);
}

/** The process is gone; what waited for that is applied. */
export function markStopped(world: World, guest: Guest): void {
  delete guest.running;
  applyPending(world, guest);
  world.changed(guest);
}
