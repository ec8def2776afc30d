import type { Space, State, StorageDefinition, Volume } from '../state/types.ts';
import { isShared } from './kinds.ts';

/** Bytes by storage, and by node where it is not shared. */
type Usage = ReadonlyMap<string, number>;

/** Added up once for as long as the volumes stay: the resource list asks for every storage on every node. */
const known = new WeakMap<State['volumes'], Usage>();

const keyOf = (storage: string, node: string | undefined): string => `${node ?? ''}|${storage}`;

/** What a linked clone takes lies in its base; what is not thin takes its size at once. */
function ownBytes({ storages }: State, { storage, base, used, size }: Volume): number {
  if (storages.get(storage)?.type === 'lvm') return size;
  return base === undefined ? used : 0;
}

function usageOf(state: State): Usage {
  const { volumes } = state;
  const before = known.get(volumes);
  if (before !== undefined) return before;
  const usage = new Map<string, number>();
  for (const volume of volumes.values()) {
    const key = keyOf(volume.storage, volume.node);
    usage.set(key, (usage.get(key) ?? 0) + ownBytes(state, volume));
  }
  known.set(volumes, usage);
  return usage;
}

/** To be called whenever a volume has come, gone or grown. */
export const usageChanged = ({ volumes }: State): void => void known.delete(volumes);

/** Bytes that the volumes of a storage take, as one node sees them. */
export const usedBytes = (state: State, node: string, storage: StorageDefinition): number =>
  usageOf(state).get(keyOf(storage.storage, isShared(storage) ? undefined : node)) ?? 0;

/** Notes what the volumes took when the space of each storage was read or given, where that is not noted yet. */
export function noteVolumes(state: State): void {
  for (const node of Object.values(state.nodes)) {
    for (const [id, space] of Object.entries(node.space)) {
      const storage = state.storages.get(id);
      if (storage !== undefined) space.volumes ??= usedBytes(state, node.name, storage);
    }
  }
}

/** The space as it is with this much in volumes. */
export function withVolumes(space: Space, bytes: number): Space {
  const { total, active, volumes = 0 } = space;
  const used = Math.min(total, Math.max(0, space.used + bytes - volumes));
  return { total, used, avail: Math.max(0, space.avail - (used - space.used)), active };
}
