import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import pg from 'pg';
import { startPostgres } from '../../src/store/postgres/testing.ts';
import type { Json } from './processes.ts';

/** The database of one run. */
export interface ChaosDatabase {
  readonly url: string | undefined;
  /** Its server crashes and comes back; absent where it has none. */
  readonly crash?: () => Promise<void>;
  /** What an operation that has ended still holds. Asked when no server runs any more. */
  leaks(directory: string, operation: Json): Promise<string[]>;
  end(): Promise<void>;
}

/** Rows that nobody needs when everything has ended. */
const HELD = ['locks', 'slots', 'secrets', 'vmid_reservations'];
const leaked = (counts: readonly (readonly [string, number])[], { state }: Json): string[] =>
  // What waits for a person keeps its guests for itself on purpose.
  state === 'needs_attention'
    ? []
    : counts.filter(([, count]) => count > 0).map(([table, count]) => `${count} row(s) of ${table} were left behind`);

const sqlite: ChaosDatabase = {
  url: undefined,
  async leaks(directory, operation) {
    const file = new SQLite(join(directory, 'data/proxmox-agent.db'), { readonly: true });
    const count = (table: string): number => file.prepare(`SELECT count(*) FROM ${table}`).pluck().get() as number;
    const counts = HELD.map((table) => [table, count(table)] as const);
    file.close();
    return leaked(counts, operation);
  },
  end: async () => {},
};

/** Servers of our own, one for each run at a time: a crash of one is no business of another run. */
export async function openDatabase(kind: string): Promise<ChaosDatabase> {
  if (kind === 'sqlite') return sqlite;
  const server = await startPostgres({ fsync: true });
  const url = await server.createEmpty();
  return {
    url,
    crash: () => server.restart('immediate'),
    async leaks(_directory, operation) {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      const counts: (readonly [string, number])[] = [];
      for (const table of HELD) {
        const { rows } = await client.query<{ count: string }>(`SELECT count(*) FROM ${table}`);
        counts.push([table, Number(rows[0]?.count)]);
      }
      await client.end();
      return leaked(counts, operation);
    },
    end: () => server.end(),
  };
}
