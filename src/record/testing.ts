import type { ManualClock } from '../kernel/clock.ts';
import { seededIds } from '../kernel/ids.ts';
import { loadKeys, type Keys, type Store } from '../store/index.ts';
import { temporaryStore } from '../store/testing.ts';
import type { TestEngine } from '../store/testing_engines.ts';

/** For tests: a real store with keys in a directory of its own, and a clock that stands still. */
export interface RecordWorld {
  readonly store: Store;
  readonly keys: Keys;
  readonly clock: ManualClock;
  readonly directory: string;
  end(): Promise<void>;
}

export function recordWorld(seed = 'record'): RecordWorld {
  const world = temporaryStore();
  return { ...world, keys: loadKeys(world.directory, seededIds(seed, world.clock)) };
}

/** The same on an engine of the test's choice. */
export async function recordWorldOn(engine: TestEngine): Promise<RecordWorld & { second(): Promise<Store> }> {
  const world = await engine.open();
  return { ...world, keys: loadKeys(world.directory, seededIds('record', world.clock)) };
}
