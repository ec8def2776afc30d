import { may } from '../access/check.ts';
import type { Call, Routes } from '../core/call.ts';
import { fail } from '../core/errors.ts';
import type { StorageDefinition, Volume } from '../state/types.ts';
import { kindOf } from './kinds.ts';
import { volumesOf } from './lookup.ts';
import { demandVolume, volumeOf } from './volume-of.ts';

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

export const attributeRoutes: Routes = { 'PUT /nodes/{node}/storage/{storage}/content/{volume}': annotate };
