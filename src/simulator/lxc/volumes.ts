import type { Call, Routes } from '../core/call.ts';
import { fail, parameterError } from '../core/errors.ts';
import { assertDigest } from '../qemu/update.ts';
import { parseSize } from '../qemu/size.ts';
import { isTemplate } from '../state/guests.ts';
import { findVolume } from '../storage/lookup.ts';
import { usageChanged } from '../storage/usage.ts';
import { destroyVolume, renameVolume } from '../storage/volumes.ts';
import { copyDuration, DURATION } from '../tasks/durations.ts';
import { containerOf, freeUnused, lockStep, mountsOf, mountText, newMount, parseMount } from './parts.ts';

function resize(call: Call): string {
  const { world, node, params, principal } = call;
  const vmid = params.number('vmid');
  const key = params.text('disk');
  const found = /^(\+?)(\d+(?:\.\d+)?[KMGT]?)$/.exec(params.text('size'));
  if (found === null) throw fail('invalid size string');
  containerOf(call);
  return world.startTask({ node, type: 'resize', id: vmid, user: principal.name }, function* (task) {
    yield lockStep(vmid);
    const guest = world.guestOn(node, vmid, 'lxc');
    world.checkLock(guest);
    assertDigest(call, guest, params.maybe('digest'));
    const { volid, options } = parseMount(key, guest.config[key]);
    const volume = findVolume(world, node, volid);
    if (volume === undefined) throw fail(`Could not determine current size of volume '${volid}'`);
    const size = (found[1] === '+' ? volume.size : 0) + (parseSize(found[2]) ?? 0);
    if (size < volume.size) throw fail('unable to shrink disk size');
    if (size === volume.size) throw fail('disk is already at specified size');
    yield { wait: DURATION.resize };
    task.log(`resize ${key} to ${size} bytes`);
    volume.size = size;
    usageChanged(world.state);
    guest.config[key] = mountText(volid, options, size);
    world.changed(guest);
  });
}

/** To another storage, or, with `target-vmid`, to another container. */
function move(call: Call): string {
  const { params } = call;
  const other = params.maybeNumber('target-vmid');
  if (params.has('storage') && other !== undefined) throw fail('either set storage or target-vmid, but not both');
  const guest = containerOf(call);
  call.world.checkLock(guest);
  if (other !== undefined) return reassign(call, other);
  if (!params.has('storage')) {
    const words = "both 'storage' and 'target-vmid' missing, either needs to be set";
    throw parameterError({ 'target-vmid': words, storage: words });
  }
  if (guest.running !== undefined) throw fail('cannot move volumes of a running container');
  return moveToStorage(call);
}

function moveToStorage(call: Call): string {
  const { world, node, params, principal } = call;
  const vmid = params.number('vmid');
  const key = params.text('volume');
  const remove = params.flag('delete');
  if (remove && Object.keys(containerOf(call).snapshots).length > 0)
    throw fail("you can't move a volume with snapshots and delete the source");
  return world.startTask({ node, type: 'move_volume', id: vmid, user: principal.name }, function* (task) {
    yield lockStep(vmid);
    const guest = world.guestOn(node, vmid, 'lxc');
    const { volid, options } = parseMount(key, guest.config[key]);
    const volume = findVolume(world, node, volid);
    if (volume === undefined) throw fail(`volume '${key}' for container '${vmid}' does not exist`);
    guest.config.lock = 'disk';
    try {
      const log = (line: string): void => task.log(line);
      const copy = newMount(world, guest, params.text('storage'), volume.size, log, volume.used);
      yield { wait: copyDuration(volume.used, params.maybeNumber('bwlimit') ?? 0) };
      guest.config[key] = mountText(copy, options, volume.size);
      if (remove) destroyVolume(world, node, volid);
      else guest.config[freeUnused(guest.config)] = volid;
    } finally {
      delete guest.config.lock;
    }
  });
}

function reassign(call: Call, other: number): string {
  const { world, node, params, principal } = call;
  const vmid = params.number('vmid');
  const key = params.text('volume');
  const wanted = params.maybe('target-volume') ?? key;
  if (key === 'rootfs' || wanted === 'rootfs') throw fail("Cannot move to/from 'rootfs'");
  const target = world.state.guests.get(other);
  if (target === undefined) throw fail(`could not find CT ${other}`);
  if (target.node !== node) throw fail(`Both containers need to be on the same node (${node} != ${target.node})`);
  return world.startTask({ node, type: 'move_volume', id: vmid, user: principal.name }, function* () {
    yield lockStep(vmid);
    yield lockStep(other);
    const guest = world.guestOn(node, vmid, 'lxc');
    const { volid, options } = parseMount(key, guest.config[key]);
    const volume = findVolume(world, node, volid);
    if (volume === undefined) throw fail(`volume '${key}' for container '${vmid}' does not exist`);
    if (target.config[wanted] !== undefined)
      throw fail(`The key '${wanted}' is already in use for container '${other}'`);
    yield { wait: DURATION.reassign };
    const taken = newMount(world, target, volume.storage, volume.size, () => {}, volume.used);
    destroyVolume(world, node, volid);
    delete guest.config[key];
    target.config[wanted] = mountText(taken, options, volume.size);
  });
}

function template(call: Call): string {
  const { world, node, params, principal } = call;
  const vmid = params.number('vmid');
  const guest = containerOf(call);
  world.checkLock(guest);
  if (Object.keys(guest.snapshots).length > 0) throw fail('unable to create template, because CT contains snapshots');
  if (isTemplate(guest)) throw fail("you can't convert a template to a template");
  if (guest.running !== undefined) throw fail("you can't convert a CT to template if the CT is running");
  return world.startTask({ node, type: 'vztemplate', id: vmid, user: principal.name }, function* () {
    yield lockStep(vmid);
    yield { wait: DURATION.template };
    for (const { key, volid, options } of mountsOf(guest.config)) {
      const volume = findVolume(world, node, volid);
      if (volume === undefined) continue;
      const name = volume.name.replace(
        /(^|\/)(?:vm|subvol)-(?=\d+-disk-)/,
        (_, before: string) => `${before}${volume.format === 'subvol' ? 'basevol' : 'base'}-`,
      );
      guest.config[key] = mountText(renameVolume(world, volume, name, vmid), options, volume.size);
    }
    guest.config.template = 1;
    world.changed(guest);
  });
}

export const volumeRoutes: Routes = {
  'PUT /nodes/{node}/lxc/{vmid}/resize': resize,
  'POST /nodes/{node}/lxc/{vmid}/move_volume': move,
  'POST /nodes/{node}/lxc/{vmid}/template': template,
};
