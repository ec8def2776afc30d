import { textOf } from '../core/text.ts';
import { demand } from '../access/check.ts';
import type { Call, Routes } from '../core/call.ts';
import { fail } from '../core/errors.ts';
import type { World } from '../core/world.ts';
import { fieldsOf } from '../schema/property-string.ts';
import type { StorageDefinition, Volume } from '../state/types.ts';
import { contentOf } from '../storage/kinds.ts';
import { removeVolume, storageOn, volidOf, volumesOf } from '../storage/lookup.ts';

export type Keep = Readonly<Record<string, string>>;
type Mark = 'keep' | 'remove' | 'protected' | 'renamed';

export interface Marked {
  readonly volume: Volume;
  readonly type: string;
  readonly mark: Mark;
}

/** Days since Monday, the 5th of January 1970, in weeks: the same for all days of one ISO week. */
const week = (date: Date): number => Math.floor((Math.floor(date.getTime() / 86_400_000) - 4) / 7);
const iso = (length: number) => (date: Date) => date.toISOString().slice(0, length);

/** Which backups count as of the same time; the newest of each such group is kept. */
const PERIODS: readonly (readonly [option: string, group: (date: Date) => string | number])[] = [
  ['keep-last', (date) => date.getTime()],
  ['keep-hourly', iso(13)],
  ['keep-daily', iso(10)],
  ['keep-weekly', week],
  ['keep-monthly', iso(7)],
  ['keep-yearly', iso(4)],
];

/** Newest first: what an earlier rule keeps does not count for a later one, but its period is taken. */
function keepNewest(volumes: readonly Volume[], keep: Keep): Set<Volume> {
  const kept = new Set<Volume>();
  for (const [option, group] of PERIODS) {
    const limit = Number(keep[option] ?? 0);
    if (limit === 0) continue;
    const taken = new Set([...kept].map(({ ctime }) => group(new Date(ctime * 1000))));
    let count = 0;
    for (const volume of volumes) {
      const period = group(new Date(volume.ctime * 1000));
      if (kept.has(volume) || taken.has(period)) continue;
      if (count++ >= limit) break;
      taken.add(period);
      kept.add(volume);
    }
  }
  return kept;
}

const STANDARD_NAME = /\/vzdump-(?:qemu|lxc|openvz)-\d+-\d{4}_\d\d_\d\d-\d\d_\d\d_\d\d\.|^backup\/(?:vm|ct)\//;

/** What pruning would do with each backup of a storage. */
export function markBackups(
  world: World,
  node: string,
  storage: StorageDefinition,
  keep: Keep,
  only: { vmid?: number | undefined; type?: string | undefined } = {},
): Marked[] {
  const groups = new Map<string, Volume[]>();
  for (const volume of volumesOf(world, node, storage)) {
    const type = textOf(volume.extra?.subtype ?? 'qemu');
    if (volume.content !== 'backup' || (only.vmid !== undefined && volume.vmid !== only.vmid)) continue;
    if (only.type !== undefined && type !== only.type) continue;
    const key = `${type}/${volume.vmid}`;
    groups.set(key, [...(groups.get(key) ?? []), volume]);
  }
  return [...groups].flatMap(([key, volumes]) => markGroup(volumes, keep, key.split('/')[0] ?? ''));
}

function markGroup(volumes: readonly Volume[], keep: Keep, type: string): Marked[] {
  const isProtected = (volume: Volume): boolean => Number(volume.extra?.protected ?? 0) === 1;
  const free = volumes.filter((volume) => !isProtected(volume) && STANDARD_NAME.test(volume.name));
  const rules = PERIODS.some(([option]) => Number(keep[option] ?? 0) > 0);
  const all = keep['keep-all'] === '1' || !rules;
  const kept = all
    ? new Set(free)
    : keepNewest(
        free.toSorted((a, b) => b.ctime - a.ctime),
        keep,
      );
  return volumes.map((volume) => {
    const mark = isProtected(volume)
      ? 'protected'
      : !free.includes(volume)
        ? 'renamed'
        : kept.has(volume)
          ? 'keep'
          : 'remove';
    return { volume, type, mark };
  });
}

/** Removes what is marked so; answers the ids. */
export function prune(world: World, marked: readonly Marked[]): string[] {
  const gone = marked.filter(({ mark }) => mark === 'remove');
  for (const { volume } of gone) removeVolume(world, volume);
  return gone.map(({ volume }) => volidOf(volume));
}

function keepFor(call: Call, storage: StorageDefinition): Keep {
  const text = call.params.maybe('prune-backups') ?? storage.options['prune-backups'];
  if (text === undefined) throw fail(`no prune-backups options configured for storage '${storage.storage}'`);
  return fieldsOf('prune-backups', String(text));
}

function backupStorage({ world, node, params }: Call): StorageDefinition {
  const storage = storageOn(world, node, params.text('storage'));
  if (!contentOf(storage).includes('backup')) throw fail(`storage '${storage.storage}' does not support backups`);
  return storage;
}

const filterOf = ({ params }: Call) => ({ vmid: params.maybeNumber('vmid'), type: params.maybe('type') });

function dryRun(call: Call): unknown[] {
  const storage = backupStorage(call);
  return markBackups(call.world, call.node, storage, keepFor(call, storage), filterOf(call)).map(
    ({ volume, type, mark }) => ({
      volid: volidOf(volume),
      ctime: volume.ctime,
      type,
      mark,
      ...(volume.vmid === undefined ? {} : { vmid: volume.vmid }),
    }),
  );
}

function remove(call: Call): string {
  const { world, node, params, principal } = call;
  const name = params.text('storage');
  const vmid = params.maybe('vmid');
  if (vmid === undefined) demand(call, `/storage/${name}`, ['Datastore.Allocate']);
  else {
    demand(call, `/storage/${name}`, ['Datastore.AllocateSpace']);
    demand(call, `/vms/${vmid}`, ['VM.Backup']);
  }
  const id = `${vmid === undefined ? '' : `${vmid}@`}${name}`;
  return world.startTask({ node, type: 'prunebackups', id, user: principal.name }, function* (task) {
    yield { wait: 200 };
    const storage = backupStorage(call);
    const marked = markBackups(world, node, storage, keepFor(call, storage), filterOf(call));
    for (const volid of prune(world, marked)) task.log(`removing backup '${volid}'`);
  });
}

export const pruneRoutes: Routes = {
  'GET /nodes/{node}/storage/{storage}/prunebackups': dryRun,
  'DELETE /nodes/{node}/storage/{storage}/prunebackups': remove,
};
