import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe } from 'vitest';
import { ManualClock } from '../kernel/clock.ts';
import { silentLogger } from '../kernel/log.ts';
import type { Store } from './open.ts';
import { openPostgres } from './postgres.ts';
import { postgresPrograms, startPostgres, type TestServer } from './postgres/testing.ts';
import { temporaryDirectory, temporaryStore, type TemporaryStore } from './testing.ts';

/** For tests: one of the databases that everything has to hold on. */
export interface TestEngine {
  readonly name: 'sqlite' | 'postgres';
  /** Two of them on one database: replicas. Undefined where that cannot be. */
  readonly replicas: boolean;
  /** Whether it cannot be tested here; a missing program is not accepted with REQUIRE_ALL=1. */
  readonly absent: boolean;
  /** Before the first store, and after the last one. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** An empty store; `second` opens another one on the same database. */
  open(): Promise<TemporaryStore & { second(): Promise<Store> }>;
}

const sqlite: TestEngine = {
  name: 'sqlite',
  replicas: false,
  absent: false,
  start: async () => {},
  stop: async () => {},
  open: async () => ({
    ...temporaryStore(),
    second: () => Promise.reject(new Error('one process has an SQLite database')),
  }),
};

function postgres(): TestEngine {
  let server: TestServer | undefined;
  return {
    name: 'postgres',
    replicas: true,
    absent: postgresPrograms() === undefined && process.env['REQUIRE_ALL'] !== '1',
    start: async () => {
      server = await startPostgres();
    },
    stop: async () => server?.end(),
    open: async () => {
      const url = await (server as TestServer).create();
      const directory = temporaryDirectory();
      const clock = new ManualClock();
      const options = { url, directory, clock, log: silentLogger };
      const stores = [await openPostgres(options)];
      const end = async (): Promise<void> => {
        await Promise.all(stores.map((store) => store.close()));
        rmSync(directory, { recursive: true, force: true });
      };
      const second = async (): Promise<Store> => {
        const store = await openPostgres(options);
        stores.push(store);
        return store;
      };
      return { store: stores[0] as Store, clock, directory, end, second };
    },
  };
}

/**
 * For tests: `body` once per engine, each with a server of its own where it needs one. What cannot run here is skipped
 * by its name.
 */
export function onEveryEngine(body: (engine: TestEngine) => void): void {
  for (const engine of [sqlite, postgres()]) {
    describe.skipIf(engine.absent)(engine.name, () => {
      beforeAll(() => engine.start());
      afterAll(() => engine.stop());
      body(engine);
    });
  }
}
