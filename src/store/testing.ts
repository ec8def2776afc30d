import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '../kernel/clock.ts';
import { silentLogger } from '../kernel/log.ts';
import { openStore, type Store } from './open.ts';
import type { PlanRecord } from './queries/plans.ts';

/** For tests: a real store in a directory of its own, and a clock that stands still. */
export interface TemporaryStore {
  readonly store: Store;
  readonly clock: ManualClock;
  readonly directory: string;
  /** Closes it and removes the directory. */
  end(): Promise<void>;
}

export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'proxmox-agent-'));
}

export function temporaryStore(): TemporaryStore {
  const directory = temporaryDirectory();
  const clock = new ManualClock();
  const store = openStore({ directory, clock, log: silentLogger });
  const end = async (): Promise<void> => {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  };
  return { store, clock, directory, end };
}

/** For tests: a plan of nothing in particular. */
export const samplePlan = (change: Partial<PlanRecord> = {}): PlanRecord => ({
  plan_id: '01900000-0000-7000-8000-000000000001',
  environment: 'home',
  state: 'draft',
  request_hash: 'aa',
  plan_hash: 'bb',
  created_at: 1_000,
  expires_at: 2_000,
  created_by: { id: 'ada', class: 'human', via: 'cli' },
  body: { note: 'sample' },
  change_id: null,
  consumed_by: null,
  ...change,
});
