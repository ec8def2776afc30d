import type { Call, Routes } from '../core/call.ts';
import { fail, parameterError, PveError } from '../core/errors.ts';
import { splitList } from '../schema/formats.ts';
import { desiredConfig, text } from '../state/guests.ts';
import type { Config, Guest } from '../state/types.ts';
import { DURATION } from '../tasks/durations.ts';
import { checkDriveAccess, createDisks } from './disks.ts';
import { bootOrder, configMethod, DRIVE, isCdrom, isCloudinit, parseDrive, printBootOrder } from './drives.ts';
import { applyPending, hotplug, requestDelete, revertPending } from './pending.ts';
import { demandBridges, demandConfigRights, demandMapping, demandTags } from './privileges.ts';
import { normalizeValues } from './values.ts';

const META = ['node', 'vmid', 'digest', 'skiplock', 'delete', 'revert', 'force', 'background_delay'];

interface Update {
  readonly vmid: number;
  readonly values: Config;
  readonly remove: readonly string[];
  readonly revert: readonly string[];
  readonly force: boolean;
  readonly skiplock: boolean;
  readonly digest: string | undefined;
}

/** `skiplock` and its like are for root@pam with a ticket (FACTS 24). */
export function demandRootFor(call: Call, ...names: readonly string[]): void {
  for (const name of names) {
    if (call.params.has(name) && !call.principal.root)
      throw parameterError({ [name]: 'Only root may use this option.' });
  }
}

export function assertDigest(call: Call, guest: Guest, digest: string | undefined): void {
  if (digest !== undefined && digest !== call.world.digestOf(guest))
    throw fail('checksum mismatch (file change by other user?)');
}

function readUpdate(call: Call): Update {
  const { params } = call;
  demandRootFor(call, 'skiplock');
  const known = configMethod().params;
  const values = normalizeValues(call.world, params.without(...META));
  if (values.cdrom !== undefined) {
    values.ide2 = values.cdrom;
    delete values.cdrom;
  }
  const list = (name: 'delete' | 'revert'): string[] => {
    const keys = splitList(params.maybe(name) ?? '').map((key) => (key === 'cdrom' ? 'ide2' : key));
    for (const key of keys) {
      if (values[key] !== undefined)
        throw parameterError({ [name]: `you can't use '-${key}' and -${name} ${key}' at the same time` });
      // A twin keeps keys of PVE versions it does not know, so it also lets them go.
      if (!(key in known) && !call.world.state.partial) throw parameterError({ [name]: `unknown option '${key}'` });
    }
    return keys;
  };
  return {
    vmid: params.number('vmid'),
    values,
    remove: list('delete'),
    revert: list('revert'),
    force: params.flag('force'),
    skiplock: params.flag('skiplock'),
    digest: params.maybe('digest'),
  };
}

/** Everything that is checked before the guest is touched: rights, storages, digest, lock. */
function check(call: Call, update: Update): Guest {
  const { world, node } = call;
  const { vmid, values, remove } = update;
  const guest = world.guestOn(node, vmid);
  const desired = desiredConfig(guest);
  const old = Object.fromEntries(remove.map((key) => [key, desired[key]]));
  if (!call.principal.root) for (const key of Object.keys(values)) demandMapping(call, key, String(desired[key] ?? ''));
  const { tags, ...others } = values;
  demandConfigRights(call, vmid, { ...old, ...others, ...(tags === undefined ? {} : { tags }) });
  if (tags !== undefined || remove.includes('tags')) demandTags(call, text(guest.config.tags) ?? '', text(tags) ?? '');
  demandBridges(call, values);
  for (const [key, value] of Object.entries(values)) if (DRIVE.test(key)) checkDriveAccess(call, key, value);
  assertDigest(call, guest, update.digest);
  if (!update.skiplock) world.checkLock(guest);
  return guest;
}

/** Writes the change; what a running guest cannot take waits for its stop. Answers hotplug errors by key. */
function apply(call: Call, guest: Guest, update: Update, log: (line: string) => void): Record<string, string> {
  const { world } = call;
  const { vmid, values, remove, revert, force } = update;
  try {
    revertPending(guest, revert);
    for (const key of remove) requestDelete(world, guest, key, force);
    for (const [key, value] of Object.entries(values)) {
      const disks = DRIVE.test(key)
        ? createDisks({ world, node: guest.node, vmid, log }, { [key]: value })
        : { [key]: value };
      delete guest.deleting[key];
      Object.assign(guest.pending, disks);
      if (DRIVE.test(key)) makeBootable(guest, key);
    }
    dropUnchanged(guest);
    if (guest.running !== undefined) return hotplug(world, guest);
    applyPending(world, guest);
    return {};
  } finally {
    world.changed(guest);
  }
}

/** A CD-ROM that comes in is added to a boot order that is set. */
function makeBootable(guest: Guest, key: string): void {
  const desired = desiredConfig(guest);
  const drive = parseDrive(key, desired[key]);
  const order = desired.boot === undefined ? [] : bootOrder(desired);
  if (!isCdrom(drive) || isCloudinit(drive) || order.length === 0 || order.includes(key)) return;
  guest.pending.boot = printBootOrder([...order, key]);
}

/** A pending value that is the active one is no change. */
function dropUnchanged(guest: Guest): void {
  for (const [key, value] of Object.entries(guest.pending)) if (guest.config[key] === value) delete guest.pending[key];
}

function updateNow(call: Call): null {
  const update = readUpdate(call);
  return call.world.withLock(update.vmid, () => {
    const guest = check(call, update);
    const errors = apply(call, guest, update, () => {});
    if (Object.keys(errors).length > 0) throw new PveError(400, 'Parameter verification failed.', errors);
    return null;
  });
}

/** The same as a task; what the checks say comes at once all the same (FACTS 20). */
function updateAsTask(call: Call): string {
  const { world, node, params, principal } = call;
  const update = readUpdate(call);
  const guest = world.withLock(update.vmid, () => check(call, update));
  const options = params
    .without(...META.filter((name) => name !== 'delete' && name !== 'digest'))
    .map(([key, value]) => `-${key} ${String(value)}`);
  return world.startTask({ node, type: 'qmconfig', id: update.vmid, user: principal.name }, function* (task) {
    task.log(`update VM ${update.vmid}: ${options.toSorted().join(' ')}`);
    yield { lock: `lock-${update.vmid}`, path: `/var/lock/qemu-server/lock-${update.vmid}.conf`, timeout: 10_000 };
    world.guestOn(node, update.vmid);
    const errors = apply(call, guest, update, (line) => task.log(line));
    yield { wait: DURATION.config };
    if (Object.keys(errors).length > 0)
      throw fail(
        Object.entries(errors)
          .map(([key, words]) => `${key}: ${words}`)
          .join(''),
      );
  });
}

export const updateRoutes: Routes = {
  'PUT /nodes/{node}/qemu/{vmid}/config': updateNow,
  'POST /nodes/{node}/qemu/{vmid}/config': updateAsTask,
  'PUT /nodes/{node}/qemu/{vmid}/unlink': (call) => {
    const { world, params } = call;
    const vmid = params.number('vmid');
    return world.withLock(vmid, () => {
      const guest = world.guestOn(call.node, vmid);
      // An id that is not there is no error (FACTS 23).
      const remove = splitList(params.text('idlist'));
      const update: Update = {
        vmid,
        values: {},
        remove,
        revert: [],
        force: params.flag('force'),
        skiplock: false,
        digest: undefined,
      };
      world.checkLock(guest);
      apply(call, guest, update, () => {});
      return null;
    });
  },
};
