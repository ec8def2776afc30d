import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type SQLite from 'better-sqlite3';
import type { Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/log.ts';
import { backupTo } from './backup.ts';
import { GroupCommit } from './commit.ts';
import { openReader, openWriter } from './connection.ts';
import { directConnection } from './dialect.ts';
import { checkBeside } from './damage.ts';
import { withStoreErrors } from './errors.ts';
import type { Commit, StoreReader } from './group.ts';
import { lockDirectory } from './lock.ts';
import { migrate } from './migrate.ts';
import { MIGRATIONS } from './migrations/index.ts';

export interface Store extends StoreReader {
  /** No other process can have this database open: its owner needs no lease to know that it is alone. */
  readonly exclusive: boolean;
  readonly engine: 'sqlite' | 'postgres';
  /** The data directory; on PostgreSQL only `keys.json` stands there. */
  readonly directory: string;
  /** Every write goes through here; see `GroupCommit`. `db` of the store itself reads only, and only what is committed. */
  readonly commit: Commit;
  /** Reads on one view of the database that does not change while `work` runs. */
  snapshot<T>(work: (reader: StoreReader) => Promise<T>): Promise<T>;
  /**
   * Calls `listener` when another replica has committed events, and when that could have gone unheard, until the answer
   * is called. Never where no other process can have the database open.
   */
  watch(listener: () => void): () => void;
  /** Consistent, checked copy into `file` (SQLite, on every engine) while work goes on; answers its size in bytes. */
  backup(file: string): Promise<{ bytes: number }>;
  /** Finishes accepted commits, folds the log into the database and lets the directory go. Safe to call twice. */
  close(): Promise<void>;
}

export interface StoreOptions {
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Name of the database within the data directory. */
export const DATABASE = 'proxmox-agent.db';
/** Stands in the data directory while a restore is under way, so that nothing starts on a half of one. */
export const RESTORING = 'restore.partial';

/**
 * Opens the data directory, made when absent (mode 0700; one that is there keeps its mode, every file in it is for its
 * owner only). Errors: DATA_DIRECTORY_BUSY when another process has it,
 * STORE_INCOMPATIBLE for a database of a newer version, STORE_DAMAGED, STORE_FAILED when it cannot be written.
 * A large file is checked while work goes on already; when it proves damaged, every later commit is STORE_DAMAGED.
 */
export function openStore(options: StoreOptions): Store {
  return withStoreErrors(() => {
    mkdirSync(options.directory, { recursive: true, mode: 0o700 });
    const lock = lockDirectory(options.directory);
    try {
      return openLocked(options, () => lock.release());
    } catch (error) {
      lock.release();
      throw error;
    }
  });
}

function openLocked({ directory, clock, log }: StoreOptions, release: () => void): Store {
  const file = join(directory, DATABASE);
  if (existsSync(join(directory, RESTORING))) {
    const text = `A restore of this data directory was interrupted; run it again, or remove ${RESTORING} to go on with what is there.`;
    throw new AgentError('STORE_INCOMPATIBLE', text);
  }
  const writer = openWriter(file);
  let reader: SQLite.Database;
  try {
    migrate(writer, MIGRATIONS, clock);
    reader = openReader(file);
  } catch (error) {
    writer.close();
    throw error;
  }
  const group = new GroupCommit({ sqlite: writer, clock, log });
  const check = checkBeside(file, (error) => {
    log.error({ err: error }, 'the database is damaged; nothing is written to it any more');
    group.refuse(error);
  });
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await check.stop();
    await group.close();
    reader.close();
    // The last connection to close folds the log into the database.
    writer.close();
    release();
  };
  return {
    exclusive: true,
    engine: 'sqlite',
    directory,
    db: directConnection(reader).db,
    commit: group.commit,
    snapshot: (work) => snapshotOf(file, work),
    watch: () => () => {},
    backup: (target) => backupTo(writer, target),
    close: () => (closing ??= close()),
  };
}

/** On a connection of its own: on the shared one everybody would see the old view. */
async function snapshotOf<T>(file: string, work: (reader: StoreReader) => Promise<T>): Promise<T> {
  const sqlite = openReader(file);
  try {
    sqlite.exec('BEGIN');
    return await work({ db: directConnection(sqlite).db });
  } finally {
    sqlite.close();
  }
}
