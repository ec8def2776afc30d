import { demand, may } from '../access/check.ts';
import type { Call, Routes } from '../core/call.ts';
import { fail, forbidden, parameterError } from '../core/errors.ts';
import { parseSize } from '../qemu/size.ts';
import type { StorageDefinition, Volume } from '../state/types.ts';
import { contentOf, isShared, kindOf } from './kinds.ts';
import {
  findVolume,
  isEnabled,
  removeVolume,
  servesNode,
  spaceOf,
  storageById,
  storageOn,
  volidOf,
  volumePath,
  volumesOf,
} from './lookup.ts';
import { allocate, destroyVolume } from './volumes.ts';

function row(volume: Volume): Record<string, unknown> {
  const { vmid, content, format, size, used, ctime, base, extra } = volume;
  const out: Record<string, unknown> = { volid: volidOf(volume), content, format, size, ctime, ...extra };
  if (vmid !== undefined) out.vmid = vmid;
  if (content === 'images' || content === 'rootdir')
    Object.assign(out, { used, parent: base === undefined ? null : `../${base}` });
  return out;
}

/** Who sees a volume: with Datastore.Allocate all, else images with VM.Config.Disk and backups with VM.Backup. */
function visible(call: Call, storage: StorageDefinition, volume: Volume): boolean {
  const path = `/storage/${storage.storage}`;
  if (may(call, path, ['Datastore.Allocate'])) return true;
  if (['iso', 'vztmpl', 'import', 'snippets'].includes(volume.content))
    return may(call, path, ['Datastore.Audit', 'Datastore.AllocateSpace'], true);
  if (volume.vmid === undefined) return false;
  return (
    may(call, path, ['Datastore.AllocateSpace']) &&
    may(call, `/vms/${volume.vmid}`, [volume.content === 'backup' ? 'VM.Backup' : 'VM.Config.Disk'])
  );
}

function list(call: Call): unknown[] {
  const { world, node, params } = call;
  world.needs(`/nodes/${node}/storage/${params.text('storage')}/content`);
  const storage = storageOn(world, node, params.text('storage'));
  const content = params.maybe('content');
  const vmid = params.maybeNumber('vmid');
  return volumesOf(world, node, storage)
    .filter(
      (volume) => (content === undefined || volume.content === content) && (vmid === undefined || volume.vmid === vmid),
    )
    .filter((volume) => visible(call, storage, volume))
    .map(row);
}

/** Allocates an image under a name of the caller's; the answer is its id. */
function create(call: Call): string {
  const { world, node, params } = call;
  const storage = storageOn(world, node, params.text('storage'));
  const filename = params.text('filename');
  const [, stem = filename, extension] = /^(.*?)(?:\.(raw|qcow2|vmdk|subvol))?$/.exec(filename) ?? [];
  const format = params.maybe('format') ?? extension ?? kindOf(storage).format;
  if (extension !== undefined && extension !== format)
    throw parameterError({ format: 'different storage formats (filename vs format)' });
  const text = params.text('size');
  // Without a unit the size is in KiB.
  const size = /^\d+$/.test(text) ? Number(text) * 1024 : (parseSize(text) ?? 0);
  return allocate(world, { node, storage, vmid: params.number('vmid'), format, size, stem, log: () => {} });
}

function volumeOf(call: Call): { volume: Volume | undefined; volid: string; storage: StorageDefinition } {
  const { world, node, params } = call;
  const named = params.text('volume');
  const volid = named.includes(':') ? named : `${params.text('storage')}:${named}`;
  const storage = storageOn(world, node, params.text('storage'));
  return { volume: findVolume(world, node, volid), volid, storage };
}

function info(call: Call): unknown {
  const { volume, volid, storage } = volumeOf(call);
  if (volume === undefined) throw fail(`volume_size_info on '${volid}' failed - no format`);
  if (!visible(call, storage, volume)) throw forbidden(`/storage/${storage.storage}, Datastore.AllocateSpace`);
  return {
    path: volumePath(storage, volume.name),
    size: volume.size,
    used: volume.used,
    format: volume.format,
    ...volume.extra,
  };
}

/** Whether something uses the image is not looked at (FACTS 38). */
function remove(call: Call): string {
  const { world, node, principal } = call;
  const { volume, volid, storage } = volumeOf(call);
  if (volume?.content === 'backup' || volume?.vmid !== undefined)
    demand(call, `/storage/${storage.storage}`, ['Datastore.AllocateSpace']);
  else demand(call, `/storage/${storage.storage}`, ['Datastore.AllocateTemplate']);
  const id = `${volume?.vmid ?? ''}@${storage.storage}`;
  return world.startTask({ node, type: 'imgdel', id, user: principal.name }, function* (task) {
    yield { wait: 200 };
    if (Number(volume?.extra?.protected ?? 0) === 1)
      throw fail(`cannot remove protected volume '${volume?.name}' on '${storage.storage}'`);
    if (volume !== undefined && volume.content !== 'images') removeVolume(world, volume);
    else destroyVolume(world, node, volid);
    task.log(`Removed volume '${volid}'`);
  });
}

function annotate(call: Call): null {
  const { volume, volid } = volumeOf(call);
  if (volume === undefined) throw fail(`volume '${volid}' does not exist`);
  if (call.params.has('notes') && volume.content !== 'backup') throw fail('only backups can have notes');
  const extra: Record<string, unknown> = { ...volume.extra };
  if (call.params.has('notes')) extra.notes = call.params.text('notes');
  if (call.params.flag('protected')) extra.protected = 1;
  else if (call.params.has('protected')) delete extra.protected;
  volume.extra = extra;
  return null;
}

function statusRow(call: Call, storage: StorageDefinition): Record<string, unknown> {
  const { world, node } = call;
  const enabled = isEnabled(storage) && servesNode(storage, node);
  const { total, used, avail, active } = spaceOf(world, node, storage);
  const out = {
    type: storage.type,
    content: contentOf(storage).join(','),
    shared: isShared(storage) ? 1 : 0,
    enabled: enabled ? 1 : 0,
    active: enabled ? active : 0,
  };
  return { ...out, total, used, avail };
}

/** Storages of the node that the caller may see; those for other nodes show as not enabled (FACTS 38). */
function nodeStorages(call: Call): unknown[] {
  const { world, params } = call;
  world.needs('/storage', `/nodes/${call.node}/storage`);
  const content = params.maybe('content')?.split(',');
  return (
    [...world.state.storages.values()]
      .filter((storage) =>
        may(call, `/storage/${storage.storage}`, ['Datastore.Audit', 'Datastore.AllocateSpace'], true),
      )
      .filter((storage) => content === undefined || content.some((one) => contentOf(storage).includes(one)))
      .filter((storage) => !params.has('storage') || params.text('storage') === storage.storage)
      // PVE leaves out what is restricted to other nodes only when asked for enabled ones.
      .map((storage): Record<string, unknown> => ({ storage: storage.storage, ...statusRow(call, storage) }))
      .filter((one) => !params.flag('enabled') || one.enabled === 1)
      .map((one) => (Number(one.total) > 0 ? { ...one, used_fraction: Number(one.used) / Number(one.total) } : one))
  );
}

const base = '/nodes/{node}/storage';

export const contentRoutes: Routes = {
  [`GET ${base}`]: nodeStorages,
  [`GET ${base}/{storage}/status`]: (call) => statusRow(call, storageById(call.world, call.params.text('storage'))),
  [`GET ${base}/{storage}/content`]: list,
  [`POST ${base}/{storage}/content`]: create,
  [`GET ${base}/{storage}/content/{volume}`]: info,
  [`PUT ${base}/{storage}/content/{volume}`]: annotate,
  [`DELETE ${base}/{storage}/content/{volume}`]: remove,
};
