import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { systemClock } from '../../kernel/clock.ts';
import { systemIds } from '../../kernel/ids.ts';
import { silentLogger } from '../../kernel/log.ts';
import { openStore } from '../open.ts';
import { openPostgres } from '../postgres.ts';
import { postgresPrograms, startPostgres } from '../postgres/testing.ts';
import { temporaryDirectory } from '../testing.ts';
import { openQueue, type Job } from './index.ts';

const deps = { clock: systemClock, log: silentLogger };

/** A process takes a job and is killed in the middle of it; answers the job as the next process gets it. */
async function afterKill(directory: string, url?: string): Promise<Job> {
  const script = join(import.meta.dirname, 'testing_worker.ts');
  const first = spawn(process.execPath, [script, directory, ...(url === undefined ? [] : [url])], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = (await once(first.stdout, 'data')) as [Buffer];
  expect(String(said)).toBe('began 1\n');
  first.kill('SIGKILL');
  await once(first, 'exit');
  const store = url === undefined ? openStore({ directory, ...deps }) : await openPostgres({ url, directory, ...deps });
  const queue = await openQueue({ store, ids: systemIds(systemClock), ...deps, ...(url === undefined ? {} : { url }) });
  try {
    return await new Promise((resolve, reject) => {
      queue.work('long', async (job) => resolve(job)).catch(reject);
    });
  } finally {
    await queue.drain();
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  }
}
const again = { name: 'long', key: 'only', data: 'kept', attempt: 2 };

it('does a job again whose process was killed: embedded', async () => {
  expect(await afterKill(temporaryDirectory())).toMatchObject(again);
});

it.skipIf(postgresPrograms() === undefined && process.env['REQUIRE_ALL'] !== '1')(
  'does a job again whose process was killed: pg-boss',
  { timeout: 120_000 },
  async () => {
    const server = await startPostgres();
    try {
      expect(await afterKill(temporaryDirectory(), await server.create())).toMatchObject(again);
    } finally {
      await server.end();
    }
  },
);
