import type { Call, Routes } from '../core/call.ts';
import type { World } from '../core/world.ts';
import type { Config, Guest } from '../state/types.ts';
import { isShared, kindOf } from '../storage/kinds.ts';
import { parseVolid, servesNode, storageById } from '../storage/lookup.ts';
import { drivesOf, isCdrom, isCloudinit, type Drive } from './drives.ts';
import { snapshotOf } from './snapshot.ts';

export type Feature = 'snapshot' | 'clone' | 'copy';

/** The format of a volume: its extension on file storages, raw elsewhere. */
export const volumeFormat = (volid: string): string => /\.(raw|qcow2|vmdk|subvol)$/.exec(volid)?.[1] ?? 'raw';

/** Whether the storage can do it with this volume. Linked clones need a template's volume. */
export function driveSupports(world: World, drive: Drive, feature: Feature): boolean {
  const parsed = parseVolid(drive.file ?? '');
  if (parsed === undefined) return feature === 'copy';
  const storage = storageById(world, parsed.storage);
  const format = volumeFormat(parsed.name);
  const kind = kindOf(storage);
  if (feature === 'snapshot') return kind.snapshots.includes(format);
  if (feature === 'clone')
    return /(?:^|\/)base/.test(parsed.name.split('/').slice(0, 2).join('/')) && kind.linked.includes(format);
  return true;
}

export function hasFeature(world: World, guest: Guest, feature: Feature, config: Config = guest.config): boolean {
  return drivesOf(config)
    .filter(([, drive]) => !isCdrom(drive) || (feature === 'snapshot' && isCloudinit(drive)))
    .every(([, drive]) => driveSupports(world, drive, feature));
}

/** Nodes on which all of the guest's storages are. */
function nodesFor(world: World, guest: Guest, config: Config): string[] {
  const storages = drivesOf(config)
    .map(([, { file }]) => parseVolid(file ?? ''))
    .filter((parsed) => parsed !== undefined)
    .map((parsed) => storageById(world, parsed.storage));
  return Object.keys(world.state.nodes).filter((node) =>
    storages.every((storage) => node === guest.node || (isShared(storage) && servesNode(storage, node))),
  );
}

function feature(call: Call): unknown {
  const { world, node, params } = call;
  const guest = world.guestOn(node, params.number('vmid'));
  const snapname = params.maybe('snapname');
  const config = snapname === undefined ? guest.config : snapshotOf(guest, snapname).config;
  return {
    hasFeature: hasFeature(world, guest, params.text('feature') as Feature, config) ? 1 : 0,
    nodes: nodesFor(world, guest, config),
  };
}

export const featureRoutes: Routes = { 'GET /nodes/{node}/qemu/{vmid}/feature': feature };
