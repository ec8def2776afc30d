import { demand, may } from '../access/check.ts';
import type { Call, Routes } from '../core/call.ts';
import { fail, parameterError } from '../core/errors.ts';
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
import { parseVolname, type ParsedName } from './names.ts';
import { allocate, destroyVolume } from './volumes.ts';

function row(volume: Volume): Record<string, unknown> {
  const { vmid, content, format, size, used, ctime, base, extra } = volume;
  const out: Record<string, unknown> = { volid: volidOf(volume), content, format, size, ctime, ...extra };
  if (vmid !== undefined) out.vmid = vmid;
  if (content === 'images' || content === 'rootdir')
    Object.assign(out, { used, parent: base === undefined ? null : `../${base}` });
  return out;
}

/** Throws PVE's refusal when the caller may not read the volume. */
function demandVolume(call: Call, storage: StorageDefinition, volid: string, content: string, vmid?: number): void {
  const path = `/storage/${storage.storage}`;
  if (may(call, path, ['Datastore.Allocate'])) return;
  if (['iso', 'vztmpl', 'import'].includes(content))
    return demand(call, path, ['Datastore.AllocateSpace', 'Datastore.Audit'], true);
  if (vmid === undefined) throw fail(`missing privileges to access ${volid}`);
  demand(call, path, [content === 'backup' ? 'Datastore.AllocateSpace' : 'Datastore.Audit']);
  demand(call, `/vms/${vmid}`, [content === 'backup' ? 'VM.Backup' : 'VM.Config.Disk']);
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

interface Named {
  readonly volume: Volume | undefined;
  readonly volid: string;
  readonly storage: StorageDefinition;
  readonly parsed: ParsedName;
}

/** The volume of the path, which may leave its storage out. */
function volumeOf(call: Call): Named {
  const { world, node, params } = call;
  const named = params.text('volume');
  const wanted = params.text('storage');
  const [sid = '', rest] = named.includes(':') ? named.split(/:(.*)/s) : [wanted, named];
  if (sid !== wanted) throw parameterError({ volume: `storage ID mismatch (${sid} != ${wanted})\n` });
  const name = rest ?? '';
  const volid = `${sid}:${name}`;
  const storage = storageById(world, sid);
  const parsed = parseVolname(kindOf(storage).files, name);
  if (parsed === undefined) {
    const files = kindOf(storage).files;
    const kind = files ? 'directory' : ({ lvmthin: 'lvm', zfspool: 'zfs', pbs: 'PBS' }[storage.type] ?? storage.type);
    throw fail(`unable to parse ${kind} volume name '${name}'`);
  }
  return { volume: findVolume(world, node, volid), volid, storage, parsed };
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

/** So many backups of a guest can be kept from being removed by those who cannot allocate on the storage. */
const MAX_PROTECTED = 5;

function assertProtectable(call: Call, storage: StorageDefinition, { vmid }: Volume): void {
  const set = storage.options['max-protected-backups'];
  const free = may(call, `/storage/${storage.storage}`, ['Datastore.Allocate']);
  const most = set === undefined ? (free ? -1 : MAX_PROTECTED) : Number(set);
  if (most < 0 || vmid === undefined) return;
  const guarded = volumesOf(call.world, call.node, storage).filter(
    (volume) => volume.vmid === vmid && volume.content === 'backup' && Number(volume.extra?.protected ?? 0) === 1,
  );
  if (guarded.length >= most)
    throw fail(`The number of protected backups per guest is limited to ${most} on storage '${storage.storage}'`);
}

function annotate(call: Call): null {
  const { params } = call;
  const { volume, volid, storage, parsed } = volumeOf(call);
  demandVolume(call, storage, volid, parsed.content, parsed.vmid);
  const known = kindOf(storage).files || storage.type === 'pbs';
  for (const name of ['notes', 'protected'] as const) {
    if (!params.has(name)) continue;
    if (!known) throw fail(`attribute '${name}' is not supported for storage type '${storage.type}'`);
    if (parsed.content !== 'backup')
      throw fail(name === 'notes' ? 'only backups can have notes' : `only backups support attribute '${name}'`);
  }
  if (volume === undefined) throw fail(`volume '${volid}' does not exist`);
  const extra: Record<string, unknown> = { ...volume.extra };
  if (params.has('notes')) extra.notes = params.text('notes');
  if (extra.notes === '') delete extra.notes;
  if (params.flag('protected') && extra.protected === undefined) {
    assertProtectable(call, storage, volume);
    extra.protected = 1;
  } else if (params.has('protected') && !params.flag('protected')) delete extra.protected;
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

const isUsable = (storage: StorageDefinition, node: string): boolean => isEnabled(storage) && servesNode(storage, node);

/** What images may be; the second form is the old one. */
function formatsOf(storage: StorageDefinition): Record<string, unknown> {
  const { formats, format } = kindOf(storage);
  const select = ['iscsi', 'iscsidirect'].includes(storage.type) ? { select_existing: 1 } : {};
  const supported = formats.toSorted();
  return {
    formats: { supported, default: format },
    format: [Object.fromEntries(supported.map((one) => [one, 1])), format],
    ...select,
  };
}

/** Storages of the node that the caller may see; those for other nodes show as not enabled (FACTS 38). */
function nodeStorages(call: Call): unknown[] {
  const { world, params } = call;
  world.needs('/storage', `/nodes/${call.node}/storage`);
  const content = params.maybe('content')?.split(',');
  const target = params.maybe('target');
  return (
    [...world.state.storages.values()]
      .filter((storage) =>
        may(call, `/storage/${storage.storage}`, ['Datastore.Audit', 'Datastore.AllocateSpace'], true),
      )
      .filter((storage) => content === undefined || content.some((one) => contentOf(storage).includes(one)))
      // Asking for content, or for what another node has as well, leaves out what cannot be used here.
      .filter((storage) => (content === undefined && target === undefined) || isUsable(storage, call.node))
      .filter((storage) => target === undefined || target === call.node || isUsable(storage, target))
      .filter((storage) => !params.has('storage') || params.text('storage') === storage.storage)
      // PVE leaves out what is restricted to other nodes only when asked for enabled ones.
      .map((storage): Record<string, unknown> => ({
        storage: storage.storage,
        ...statusRow(call, storage),
        ...(params.flag('format') ? formatsOf(storage) : {}),
      }))
      .filter((one) => !params.flag('enabled') || one.enabled === 1)
      .map((one) => (Number(one.total) > 0 ? { ...one, used_fraction: Number(one.used) / Number(one.total) } : one))
  );
}

const base = '/nodes/{node}/storage';

export const contentRoutes: Routes = {
  [`GET ${base}`]: nodeStorages,
  [`GET ${base}/{storage}/status`]: (call) => {
    call.world.needs('/storage');
    const storage = call.world.state.storages.get(call.params.text('storage'));
    if (storage === undefined) throw parameterError({ storage: 'No such storage.' });
    return statusRow(call, storage);
  },
  [`GET ${base}/{storage}/content`]: list,
  [`POST ${base}/{storage}/content`]: create,
  [`GET ${base}/{storage}/content/{volume}`]: info,
  [`PUT ${base}/{storage}/content/{volume}`]: annotate,
  [`DELETE ${base}/{storage}/content/{volume}`]: remove,
};
