import { may } from '../access/check.ts';
import type { Call, Routes } from '../core/call.ts';
import { parameterError } from '../core/errors.ts';
import type { StorageDefinition } from '../state/types.ts';
import { contentOf, isShared, kindOf } from './kinds.ts';
import { isEnabled, servesNode, spaceOf } from './lookup.ts';

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

export const nodeStorageRoutes: Routes = {
  [`GET ${base}`]: nodeStorages,
  [`GET ${base}/{storage}/status`]: (call) => {
    call.world.needs('/storage');
    const storage = call.world.state.storages.get(call.params.text('storage'));
    if (storage === undefined) throw parameterError({ storage: 'No such storage.' });
    return statusRow(call, storage);
  },
};
