import type { Call, Routes } from '../core/call.ts';
import { fail, parameterError } from '../core/errors.ts';
import type { World } from '../core/world.ts';
import { pendingRows } from '../qemu/config-read.ts';
import { normalizeTags } from '../qemu/privileges.ts';
import { snapshotConfig } from '../qemu/snapshot.ts';
import { assertDigest, demandRootFor } from '../qemu/update.ts';
import { splitList } from '../schema/formats.ts';
import { desiredConfig } from '../state/guests.ts';
import type { Config, ConfigValue, Guest } from '../state/types.ts';
import { parseVolid } from '../storage/lookup.ts';
import { destroyVolume, ownerOf } from '../storage/volumes.ts';
import {
  completeNet,
  containerOf,
  freeUnused,
  makeMount,
  MOUNT,
  NET,
  parseMount,
  UNUSED,
  volumesOfConfig,
} from './parts.ts';

const META = ['node', 'vmid', 'digest', 'delete', 'revert'];
/** Take effect only when the container starts again. */
const COLD = /^(?:arch|cmode|console|features|ostype|rootfs|tty|unprivileged|startup|env|entrypoint|dev\d+)$/;
const REQUIRED = new Set(['rootfs', 'memory', 'arch', 'ostype', 'hostname']);

function setKey(world: World, guest: Guest, key: string, value: ConfigValue): void {
  const { config } = guest;
  const before = MOUNT.test(key) ? parseMount(key, config[key]).volid : '';
  if (MOUNT.test(key)) {
    config[key] = makeMount(world, guest, parseMount(key, value), () => {});
    const now = parseMount(key, config[key]).volid;
    for (const [unused, volid] of Object.entries(config))
      if (UNUSED.test(unused) && volid === now) delete config[unused];
    if (before !== '' && before !== now && ownerOf(before) === guest.vmid) config[freeUnused(config)] = before;
  } else config[key] = NET.test(key) ? completeNet(world, String(value)) : value;
}

/** A mount point that goes leaves its volume as unused; an unused volume that goes is destroyed. */
function removeKey(world: World, guest: Guest, key: string): void {
  const { config } = guest;
  const volid = parseMount(key, config[key]).volid;
  delete config[key];
  if (parseVolid(volid) === undefined || ownerOf(volid) !== guest.vmid) return;
  if (UNUSED.test(key)) destroyVolume(world, guest.node, volid);
  else if (MOUNT.test(key) && !volumesOfConfig(config).includes(volid)) config[freeUnused(config)] = volid;
}

export function applyPending(world: World, guest: Guest): void {
  for (const key of Object.keys(guest.deleting)) removeKey(world, guest, key);
  for (const [key, value] of Object.entries(guest.pending)) setKey(world, guest, key, value);
  guest.deleting = {};
  guest.pending = {};
}

function keysOf(call: Call, name: 'delete' | 'revert'): string[] {
  const keys = splitList(call.params.maybe(name) ?? '');
  for (const key of keys) {
    if (call.method.params[key] === undefined) throw parameterError({ [name]: `unknown option '${key}'` });
    if (call.params.has(key))
      throw parameterError({ [name]: `you can't use '-${key}' and '-${name} ${key}' at the same time` });
  }
  return keys;
}

/** A running container takes most changes at once; the others wait for its next start. */
function update(call: Call): null {
  const { world, params } = call;
  const vmid = params.number('vmid');
  if (params.without('node', 'vmid', 'digest').length === 0) throw fail('no options specified');
  demandRootFor(call, 'lock');
  const [gone, reverted] = [keysOf(call, 'delete'), keysOf(call, 'revert')];
  for (const key of gone)
    if (REQUIRED.has(key)) throw parameterError({ delete: `unable to delete required option '${key}'` });
  return world.withLock(vmid, () => {
    const guest = containerOf(call);
    world.checkLock(guest);
    assertDigest(call, guest, params.maybe('digest'));
    for (const key of reverted) {
      delete guest.pending[key];
      delete guest.deleting[key];
    }
    for (const key of gone) {
      delete guest.pending[key];
      if (guest.config[key] !== undefined) guest.deleting[key] = { force: false };
    }
    for (const [key, value] of params.without(...META)) {
      delete guest.deleting[key];
      guest.pending[key] = key === 'tags' ? normalizeTags(String(value), false) : (value as ConfigValue);
    }
    if (guest.running === undefined) applyPending(world, guest);
    else applyLive(world, guest);
    world.changed(guest);
    return null;
  });
}

function applyLive(world: World, guest: Guest): void {
  for (const key of Object.keys(guest.deleting)) {
    if (COLD.test(key) || MOUNT.test(key)) continue;
    delete guest.deleting[key];
    removeKey(world, guest, key);
  }
  for (const [key, value] of Object.entries(guest.pending)) {
    // A mount point can be added to a running container, but not exchanged.
    if (COLD.test(key) || (MOUNT.test(key) && guest.config[key] !== undefined)) continue;
    delete guest.pending[key];
    setKey(world, guest, key, value);
  }
}

function read(call: Call): unknown {
  const { world, params } = call;
  const guest = containerOf(call);
  const name = params.maybe('snapshot');
  const config: Config =
    name !== undefined ? snapshotConfig(guest, name) : params.flag('current') ? guest.config : desiredConfig(guest);
  return { ...config, digest: world.digestOf(guest) };
}

const base = '/nodes/{node}/lxc/{vmid}';

export const configRoutes: Routes = {
  [`GET ${base}/config`]: read,
  [`PUT ${base}/config`]: update,
  [`GET ${base}/pending`]: (call) => {
    const guest = containerOf(call);
    return pendingRows(guest, call.world.digestOf(guest));
  },
};
