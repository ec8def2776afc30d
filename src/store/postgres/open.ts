import { mkdirSync } from 'node:fs';
import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/log.ts';
import { copyToFile } from '../copy.ts';
import { withStoreErrors } from '../errors.ts';
import { MIGRATIONS } from '../migrations/index.ts';
import type { Store } from '../open.ts';
import { PostgresCommit } from './commit.ts';
import { isLost, postgresError } from './errors.ts';
import { migratePostgres, MIGRATION_SETUP } from './migrate.ts';
import { Notices } from './notices.ts';
import { patiently } from './patience.ts';
import { PostgresReader } from './reader.ts';
import { clientConfig, Session } from './session.ts';

export interface PostgresOptions {
  /** `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, with `?sslmode=…` and the like. */
  readonly url: string;
  /** Where `keys.json` stands; made when absent. The same keys on every replica. */
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Connections for reading; default 8. One more writes and one listens. */
  readonly readers?: number;
}

/** See `openPostgres` of `../postgres.ts`, which loads this file only when it is needed. */
export async function openPostgresStore(options: PostgresOptions): Promise<Store> {
  const { url, directory, clock, log, readers } = options;
  withStoreErrors(() => mkdirSync(directory, { recursive: true, mode: 0o700 }));
  const config = clientConfig(url);
  const group = new PostgresCommit({ config, clock, log });
  const notices = new Notices({ config, clock, log, ownPid: () => group.pid });
  notices.watch(() => group.heardOfOthers());
  try {
    const session = await patiently(clock, isLost, () => Session.open(config, MIGRATION_SETUP));
    await migratePostgres(session, MIGRATIONS, clock).finally(() => session.end());
    await notices.start();
  } catch (error) {
    throw postgresError(error);
  }
  const reader = new PostgresReader(config, clock, readers);
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await group.close();
    await notices.close();
    await reader.close();
  };
  const store: Store = {
    exclusive: false,
    engine: 'postgres',
    directory,
    db: reader.db,
    commit: group.commit,
    snapshot: (work) => reader.snapshot((db) => work({ db })),
    watch: (listener) => notices.watch(listener),
    backup: (file) => copyToFile(store, file, { clock, log }),
    close: () => (closing ??= close()),
  };
  return store;
}
