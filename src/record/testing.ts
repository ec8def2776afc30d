import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '../kernel/clock.ts';
import { seededIds } from '../kernel/ids.ts';
import { silentLogger } from '../kernel/log.ts';
import { loadKeys, openStore, type Keys, type Store } from '../store/index.ts';

/** For tests: a real store with keys in a directory of its own, and a clock that stands still. */
export interface RecordWorld {
  readonly store: Store;
  readonly keys: Keys;
  readonly clock: ManualClock;
  readonly directory: string;
  end(): Promise<void>;
}

export function recordWorld(seed = 'record'): RecordWorld {
  const directory = mkdtempSync(join(tmpdir(), 'proxmox-agent-'));
  const clock = new ManualClock();
  const store = openStore({ directory, clock, log: silentLogger });
  const end = async (): Promise<void> => {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  };
  return { store, keys: loadKeys(directory, seededIds(seed, clock)), clock, directory, end };
}
