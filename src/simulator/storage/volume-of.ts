import { demand, may } from '../access/check.ts';
import type { Call } from '../core/call.ts';
import { fail, parameterError } from '../core/errors.ts';
import type { StorageDefinition, Volume } from '../state/types.ts';
import { kindOf } from './kinds.ts';
import { findVolume, storageById } from './lookup.ts';
import { parseVolname, type ParsedName } from './names.ts';

/** Throws PVE's refusal when the caller may not read the volume. */
export function demandVolume(
  call: Call,
  storage: StorageDefinition,
  volid: string,
  content: string,
  vmid?: number,
): void {
  const path = `/storage/${storage.storage}`;
  if (may(call, path, ['Datastore.Allocate'])) return;
  if (['iso', 'vztmpl', 'import'].includes(content))
    return demand(call, path, ['Datastore.AllocateSpace', 'Datastore.Audit'], true);
  if (vmid === undefined) throw fail(`missing privileges to access ${volid}`);
  demand(call, path, [content === 'backup' ? 'Datastore.AllocateSpace' : 'Datastore.Audit']);
  demand(call, `/vms/${vmid}`, [content === 'backup' ? 'VM.Backup' : 'VM.Config.Disk']);
}

export interface Named {
  readonly volume: Volume | undefined;
  readonly volid: string;
  readonly storage: StorageDefinition;
  readonly parsed: ParsedName;
}

/** The volume of the path, which may leave its storage out. */
export function volumeOf(call: Call): Named {
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
