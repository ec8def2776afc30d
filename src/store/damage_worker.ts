import { parentPort, workerData } from 'node:worker_threads';
import SQLite from 'better-sqlite3';
import type { Finding } from './damage.ts';

/** The thread of `checkBeside`: reads the whole file once. */
const sqlite = new SQLite(workerData as string, { readonly: true, fileMustExist: true, timeout: 5_000 });
const say = (found: string | null): void => parentPort?.postMessage({ found } satisfies Finding, []);
try {
  const result = String(sqlite.pragma('quick_check(1)', { simple: true }));
  say(result === 'ok' ? null : (result.split('\n')[0] ?? result));
} catch (error) {
  if (!(error instanceof SQLite.SqliteError) || !error.code.startsWith('SQLITE_CORRUPT')) throw error;
  say(error.message);
} finally {
  sqlite.close();
}
