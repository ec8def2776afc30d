import { demand, may } from '../access/check.ts';
import type { Call, Routes } from '../core/call.ts';
import { fail, parameterError } from '../core/errors.ts';
import { parseSize } from '../qemu/size.ts';
import type { StorageDefinition, Volume } from '../state/types.ts';
import { kindOf } from './kinds.ts';
import { removeVolume, storageOn, volidOf, volumePath, volumesOf } from './lookup.ts';
import { demandVolume, volumeOf } from './volume-of.ts';
import { allocate, destroyVolume } from './volumes.ts';

function row(volume: Volume): Record<string, unknown> {
  const { vmid, content, format, size, used, ctime, base, extra } = volume;
  const out: Record<string, unknown> = { volid: volidOf(volume), content, format, size, ctime, ...extra };
  if (vmid !== undefined) out.vmid = vmid;
  if (content === 'images' || content === 'rootdir')
    Object.assign(out, { used, parent: base === undefined ? null : `../${base}` });
  return out;
}

function visible(call: Call, storage: StorageDefinition, { content, vmid }: Volume): boolean {
  const path = `/storage/${storage.storage}`;
  if (may(call, path, ['Datastore.Allocate'])) return true;
  if (['iso', 'vztmpl', 'import'].includes(content))
    return may(call, path, ['Datastore.AllocateSpace', 'Datastore.Audit'], true);
  if (vmid === undefined) return false;
  const [own, guests] =
    content === 'backup' ? (['AllocateSpace', 'Backup'] as const) : (['Audit', 'Config.Disk'] as const);
  return may(call, path, [`Datastore.${own}`]) && may(call, `/vms/${vmid}`, [`VM.${guests}`]);
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
    .toSorted((a, b) => (volidOf(a).toLowerCase() < volidOf(b).toLowerCase() ? -1 : 1))
    .map(row);
}

/** Allocates an image under a name of the caller's; the answer is its id. */
function create(call: Call): string {
  const { world, node, params } = call;
  const filename = params.text('filename');
  const extension = /\.(raw|qcow2|vmdk)$/.exec(filename)?.[1];
  const asked = params.maybe('format');
  if (extension !== undefined && asked !== undefined && extension !== asked)
    throw parameterError({ format: `different storage formats (${asked} != ${extension})` });
  const storage = storageOn(world, node, params.text('storage'));
  const format = asked ?? extension ?? kindOf(storage).format;
  const vmid = params.number('vmid');
  assertName(storage, filename, vmid, format);
  const text = params.text('size');
  // Without a unit the size is in KiB.
  const size = /^\d+$/.test(text) ? Number(text) * 1024 : (parseSize(text) ?? 0);
  const stem = kindOf(storage).files ? filename.slice(0, filename.lastIndexOf('.')) : filename;
  return allocate(world, { node, storage, vmid, format, size, stem, log: () => {} });
}

/** Folders take any name with the right ending; everything else wants to see whose it is. */
function assertName(storage: StorageDefinition, filename: string, vmid: number, format: string): void {
  const { files, formats } = kindOf(storage);
  if (['pbs', 'iscsi', 'iscsidirect', 'esxi'].includes(storage.type))
    throw fail(`can't allocate space in ${storage.type.replace('direct', '')} storage`);
  if (files) {
    const extension = /\.(raw|qcow2|vmdk|subvol)$/.exec(filename)?.[1];
    if (extension === undefined) throw fail(`unable to parse volume filename '${filename}'`);
    if (extension !== format)
      throw fail(`illegal name '${filename}' - wrong extension for format ('${extension} != '${format}')`);
    return;
  }
  if (!formats.includes(format)) throw fail(`unsupported format '${format}'`);
  const prefix = format === 'subvol' ? 'subvol' : 'vm';
  if (!filename.startsWith(`${prefix}-${vmid}-`))
    throw fail(`illegal name '${filename}' - should be '${prefix}-${vmid}-*'`);
}

/** A file takes whole blocks of 4 KiB. */
const onDisk = (bytes: number): number => Math.ceil(bytes / 4096) * 4096;

function info(call: Call): unknown {
  const { volume, volid, storage, parsed } = volumeOf(call);
  demandVolume(call, storage, volid, parsed.content, parsed.vmid);
  storageOn(call.world, call.node, storage.storage);
  if (volume === undefined) throw fail(`volume_size_info on '${volid}' failed - no format`);
  const image = parsed.content === 'images';
  const { protected: guarded, notes } = volume.extra ?? {};
  return {
    path: volumePath(storage, volume.name),
    size: volume.size,
    used: image ? volume.used : onDisk(volume.size),
    format: image ? volume.format : parsed.format,
    ...(notes === undefined ? {} : { notes }),
    ...(parsed.content === 'backup'
      ? { protected: guarded ?? 0 }
      : guarded === undefined
        ? {}
        : { protected: guarded }),
  };
}

/** Whether something uses the image is not looked at (FACTS 38). Backups may also be removed by who makes them. */
function remove(call: Call): string | null {
  const { world, node, principal, params } = call;
  const { volume, volid, storage, parsed } = volumeOf(call);
  const path = `/storage/${storage.storage}`;
  if (parsed.content === 'backup' && parsed.vmid !== undefined) {
    demand(call, path, ['Datastore.AllocateSpace']);
    demand(call, `/vms/${parsed.vmid}`, ['VM.Backup']);
  } else demand(call, path, ['Datastore.Allocate']);
  const id = `${parsed.vmid === undefined ? '' : `${parsed.vmid}@`}${storage.storage}`;
  const upid = world.startTask({ node, type: 'imgdel', id, user: principal.name }, function* (task) {
    yield { wait: 200 };
    storageOn(world, node, storage.storage);
    if (Number(volume?.extra?.protected ?? 0) === 1)
      throw fail(`cannot remove protected volume '${volume?.name}' on '${storage.storage}'`);
    if (volume === undefined && kindOf(storage).files)
      task.log(`disk image '${volumePath(storage, volid.slice(storage.storage.length + 1))}' does not exist`);
    if (volume !== undefined && volume.content !== 'images') removeVolume(world, volume);
    else destroyVolume(world, node, volid);
    task.log(`Removed volume '${volid}'`);
  });
  const delay = params.maybeNumber('delay');
  if (delay === undefined || !world.waitForTask(upid, delay * 1000)) return upid;
  const status = world.tasks.find(upid)?.exitstatus ?? 'OK';
  if (status !== 'OK' && !status.startsWith('WARNINGS')) throw fail(status);
  return null;
}

const base = '/nodes/{node}/storage';

export const contentRoutes: Routes = {
  [`GET ${base}/{storage}/content`]: list,
  [`POST ${base}/{storage}/content`]: create,
  [`GET ${base}/{storage}/content/{volume}`]: info,
  [`DELETE ${base}/{storage}/content/{volume}`]: remove,
};
