import type { Store } from './open.ts';
import type { PostgresOptions } from './postgres/open.ts';

export type { PostgresOptions } from './postgres/open.ts';

/**
 * Opens the database of several replicas (PostgreSQL 15 or newer) and migrates it; of replicas that start at once one
 * migrates. The driver is loaded here, so that an installation on SQLite does not pay for it.
 * Errors: CONFIGURATION_INVALID for a URL, a user or a server that will not do; STORE_FAILED when it does not answer
 * within 5 seconds; STORE_INCOMPATIBLE for a database that this version cannot work on.
 */
export async function openPostgres(options: PostgresOptions): Promise<Store> {
  const { openPostgresStore } = await import('./postgres/open.ts');
  return openPostgresStore(options);
}
