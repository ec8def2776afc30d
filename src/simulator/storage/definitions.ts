import { may } from '../access/check.ts';
import type { Call, Routes } from '../core/call.ts';
import { fail } from '../core/errors.ts';
import { change } from '../access/users.ts';
import { splitList } from '../schema/formats.ts';
import type { ConfigValue, State, StorageDefinition } from '../state/types.ts';

/** storage.cfg as text: what its digest is of. */
export const storageText = (state: State): string =>
  [...state.storages.values()]
    .map(
      ({ storage, type, options }) =>
        `${type}: ${storage}\n${Object.keys(options)
          .toSorted()
          .map((key) => `\t${key} ${options[key]}\n`)
          .join('')}`,
    )
    .join('\n');

function shown(call: Call, { storage, type, options }: StorageDefinition): Record<string, unknown> {
  const { state } = call.world;
  return { storage, type, ...options, digest: call.world.fileDigest('storage.cfg', storageText(state)) };
}

function storageOf(call: Call): StorageDefinition {
  const id = call.params.text('storage');
  const storage = call.world.state.storages.get(id);
  if (storage === undefined) throw fail(`storage '${id}' does not exist`);
  return storage;
}

/** A switch that is off does not stand in the file. */
function setOption(storage: StorageDefinition, key: string, value: ConfigValue): void {
  const isSwitch = ['disable', 'shared'].includes(key);
  if (isSwitch && Number(value) === 0) delete storage.options[key];
  else if (key === 'nodes' || key === 'content') storage.options[key] = splitList(String(value)).toSorted().join(',');
  else storage.options[key] = value;
}

function create(call: Call): unknown {
  const { world, params } = call;
  const id = params.text('storage');
  return change('create storage', () => {
    if (world.state.storages.has(id)) throw fail(`storage ID '${id}' already defined`);
    const storage: StorageDefinition = { storage: id, type: params.text('type'), options: {} };
    for (const [key, value] of params.without(
      'storage',
      'type',
      'password',
      'create-base-path',
      'create-subdirs',
      'mkdir',
    ))
      setOption(storage, key, value as ConfigValue);
    world.state.storages.set(id, storage);
    return { storage: id, type: storage.type };
  });
}

function update(call: Call): unknown {
  const { params } = call;
  return change('update storage', () => {
    const storage = storageOf(call);
    const digest = params.maybe('digest');
    if (digest !== undefined && digest !== call.world.fileDigest('storage.cfg', storageText(call.world.state))) {
      throw fail('detected modified configuration - file changed by other user? Try again.');
    }
    for (const key of splitList(params.maybe('delete') ?? '')) delete storage.options[key];
    for (const [key, value] of params.without('storage', 'delete', 'digest'))
      setOption(storage, key, value as ConfigValue);
    return { storage: storage.storage, type: storage.type };
  });
}

export const definitionRoutes: Routes = {
  'GET /storage': (call) =>
    [...call.world.state.storages.values()]
      .filter(
        ({ storage, type }) =>
          may(call, `/storage/${storage}`, ['Datastore.Audit', 'Datastore.AllocateSpace'], true) &&
          (!call.params.has('type') || call.params.text('type') === type),
      )
      .map((storage) => shown(call, storage)),
  'GET /storage/{storage}': (call) => shown(call, storageOf(call)),
  'POST /storage': create,
  'PUT /storage/{storage}': update,
  'DELETE /storage/{storage}': (call) =>
    change('delete storage', () => {
      call.world.state.storages.delete(storageOf(call).storage);
      return null;
    }),
};
