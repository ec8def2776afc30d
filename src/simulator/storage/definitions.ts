import { may } from '../access/check.ts';
import type { Call, Routes } from '../core/call.ts';
import { fail } from '../core/errors.ts';
import { change } from '../access/users.ts';
import { checkOptions, checkRemoval } from '../core/section.ts';
import { splitList } from '../schema/formats.ts';
import { isEnabled, servesNode } from './lookup.ts';
import { ALWAYS_SHARED, CONTENTS, MOUNTED, SECRETS, STORAGE_OPTIONS } from './options.ts';
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

/** What cannot lie on a storage of this type is left out; nothing at all must be possible. */
function contentFor(type: string, value: string): string {
  const allowed = CONTENTS[type]?.allowed;
  const kept = splitList(value).filter((one) => allowed === undefined || allowed.includes(one));
  if (kept.length > 1 && kept.includes('none')) throw fail("unable to combine 'none' with other content types");
  if (kept.length === 0 && allowed?.includes('none') === false)
    throw fail("storage does not support content type 'none'");
  return kept.toSorted().join(',');
}

/** A switch that is off does not stand in the file. */
function setOption(storage: StorageDefinition, key: string, value: ConfigValue): void {
  const isSwitch = ['disable', 'shared'].includes(key);
  if (isSwitch && Number(value) === 0) delete storage.options[key];
  else if (key === 'nodes') storage.options[key] = splitList(String(value)).toSorted().join(',');
  else if (key === 'content') storage.options[key] = contentFor(storage.type, String(value));
  else storage.options[key] = value;
}

const given = (call: Call): [string, ConfigValue][] =>
  call.params
    .without('storage', 'type', 'delete', 'digest')
    .filter(([key, value]) => !SECRETS.has(key) && !(key === 'nodes' && value === ''))
    .map(([key, value]) => [key, value as ConfigValue]);

/** Folders are made with the storage; afterwards nothing says so. */
const AT_ONCE = new Set(['create-base-path', 'create-subdirs', 'mkdir']);

/** Addresses of documentation, and names that cannot exist: nobody answers there. */
const UNREACHABLE = /^(?:192\.0\.2\.|198\.51\.100\.|203\.0\.113\.)|\.(?:invalid|example)$/;

/** A volume group or pool of disks is on the nodes when another storage is in it; nobody else tells. */
function isThere(call: Call, { storage, options }: StorageDefinition, key: 'vgname' | 'pool'): boolean {
  return [...call.world.state.storages.values()].some(
    (other) => other.storage !== storage && other.options[key] === options[key],
  );
}

/** What the storage's first use on this node meets. */
function activate(call: Call, storage: StorageDefinition): void {
  const { storage: id, type, options } = storage;
  if (!isEnabled(storage) || !servesNode(storage, call.node)) return;
  const server = String(options.server ?? options.portal ?? '');
  if (UNREACHABLE.test(server.replace(/:\d+$/, ''))) throw fail(`storage '${id}' is not online`);
  if ((type === 'lvm' || type === 'lvmthin') && !isThere(call, storage, 'vgname'))
    throw fail(`no such volume group '${options.vgname}'`);
  if (type === 'zfspool' && !isThere(call, storage, 'pool'))
    throw fail(
      `could not activate storage '${id}', zfs error: cannot import '${String(options.pool).split('/')[0]}': no such pool available`,
    );
}

function create(call: Call): unknown {
  const { world, params } = call;
  const id = params.text('storage');
  const type = params.text('type');
  const storage: StorageDefinition = { storage: id, type, options: {} };
  const values = Object.fromEntries(given(call));
  if (MOUNTED.has(type)) values.path ??= `/mnt/pve/${id}`;
  checkOptions(STORAGE_OPTIONS[type], values, true);
  if (type === 'dir' && !/^\/[-/a-zA-Z0-9_.@]+$/.test(String(values.path)))
    throw fail(`illegal path for directory storage: ${values.path}`);
  for (const [key, value] of Object.entries(values)) if (!AT_ONCE.has(key)) setOption(storage, key, value);
  storage.options.content ??= CONTENTS[type]?.standard ?? 'images';
  if (ALWAYS_SHARED.has(type)) storage.options.shared = 1;
  if (type === 'dir') storage.options.path = String(storage.options.path).replace(/(?<=.)\/+$/, '');
  return change('create storage', () => {
    if (world.state.storages.has(id)) throw fail(`storage ID '${id}' already defined`);
    activate(call, storage);
    world.state.storages.set(id, storage);
    world.storageChanged(storage);
    return { storage: id, type };
  });
}

function update(call: Call): unknown {
  const { params, world } = call;
  return change('update storage', () => {
    const digest = params.maybe('digest');
    if (digest !== undefined && digest !== world.fileDigest('storage.cfg', storageText(world.state)))
      throw fail('detected modified configuration - file changed by other user? Try again.');
    const storage = storageOf(call);
    const { type } = storage;
    const values = Object.fromEntries(given(call));
    const remove = splitList(params.maybe('delete') ?? '');
    checkOptions(STORAGE_OPTIONS[type], values, false);
    checkRemoval(STORAGE_OPTIONS[type], remove, values);
    for (const [key, value] of Object.entries(values)) if (!AT_ONCE.has(key)) setOption(storage, key, value);
    for (const key of remove) delete storage.options[key];
    storage.options.content ??= CONTENTS[type]?.standard ?? 'images';
    if (remove.includes('disable') || 'nodes' in values || 'disable' in values) world.storageChanged(storage);
    return { storage: storage.storage, type };
  });
}

/** Rights on the storage and its places in pools go along (FACTS 28 for guests). */
function remove(call: Call): null {
  const { state } = call.world;
  return change('delete storage', () => {
    const { storage } = storageOf(call);
    const isBase = [...state.storages.values()].some(({ options }) =>
      String(options.base ?? '').startsWith(`${storage}:`),
    );
    if (isBase) throw fail("can't remove storage - storage is used as base of another storage");
    state.storages.delete(storage);
    state.acl = state.acl.filter(({ path }) => path !== `/storage/${storage}`);
    for (const pool of state.pools.values()) pool.storages = pool.storages.filter((one) => one !== storage);
    return null;
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
  'DELETE /storage/{storage}': remove,
};
