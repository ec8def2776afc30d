import type { Call, Routes } from '../core/call.ts';
import { fail } from '../core/errors.ts';
import { copyDuration, networkDuration } from '../tasks/durations.ts';
import { isShared, kindOf } from './kinds.ts';
import { addVolume, findVolume, storageById, storageOn, volidOf } from './lookup.ts';
import { parseVolname } from './names.ts';
import { volumeOf } from './volume-of.ts';

/** To another name, storage or node; `target` may leave the storage out. */
function copy(call: Call): string {
  const { world, node, params, principal } = call;
  const { volume, volid } = volumeOf(call);
  const named = params.text('target');
  const target = named.includes(':') ? named : `${params.text('storage')}:${named}`;
  const elsewhere = params.maybe('target_node') ?? node;
  if (elsewhere === node && target === volid) throw fail(`volume '${volid}' would be its own copy`);
  const [sid = '', name = ''] = target.split(/:(.*)/s);
  const storage = storageById(world, sid);
  const parsed = parseVolname(kindOf(storage).files, name);
  if (parsed === undefined) throw fail(`'${name}' is no name of a volume`);
  return world.startTask({ node, type: 'imgcopy', id: '', user: principal.name }, function* (task) {
    if (volume === undefined) throw fail(`volume '${volid}' does not exist`);
    storageOn(world, elsewhere, sid);
    if (findVolume(world, elsewhere, target) !== undefined) throw fail(`volume '${target}' already exists`);
    yield { wait: elsewhere === node ? copyDuration(volume.used) : networkDuration(volume.used) };
    const { node: _node, base: _base, ...rest } = volume;
    const made = {
      ...rest,
      storage: sid,
      name,
      content: parsed.content,
      ctime: world.seconds(),
      ...(isShared(storage) ? {} : { node: elsewhere }),
      ...(parsed.vmid === undefined ? {} : { vmid: parsed.vmid }),
    };
    addVolume(world, made);
    task.log(`copied '${volid}' to '${volidOf(made)}'`);
  });
}

export const copyRoutes: Routes = { 'POST /nodes/{node}/storage/{storage}/content/{volume}': copy };
