import { statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { AgentError } from '../kernel/errors.ts';
import { CHECK_BYTES } from './connection.ts';
import { damaged } from './errors.ts';

/** What `damage_worker.ts` says at its end: SQLite's first finding, null when all is well. */
export interface Finding {
  readonly found: string | null;
}

/**
 * Checks every page of a file that is too large to be checked before the start, in a thread of its own (a gigabyte takes
 * some seconds). Tells of damage; says nothing when all is well, or when it was stopped.
 */
export function checkBeside(file: string, tell: (error: AgentError) => void): { stop(): Promise<void> } {
  if (statSync(file).size <= CHECK_BYTES) return { stop: async () => {} };
  // Named like this file: `.ts` in a checkout, `.js` in the published package.
  const program = join(import.meta.dirname, `damage_worker${extname(import.meta.filename)}`);
  const worker = new Worker(program, { workerData: file });
  // It must not keep a process alive that has ended its work otherwise.
  worker.unref();
  worker.on('message', ({ found }: Finding) => {
    if (found !== null) tell(damaged(found));
  });
  // A file that cannot be read is met by the store itself.
  worker.on('error', () => {});
  return { stop: async () => void (await worker.terminate()) };
}
