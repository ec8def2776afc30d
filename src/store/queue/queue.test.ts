import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { postgresPrograms, startPostgres, type TestServer } from '../postgres/testing.ts';
import { ATTEMPTS, type Job, type NewJob, type Queue, type Worker } from './queue.ts';
import { bossWorld, embeddedWorld, type QueueWorld } from './testing.ts';

/** Notes what it got; `fail` says which attempts fail. */
function recorder(fail: (job: Job) => boolean = () => false): { readonly seen: Job[]; readonly worker: Worker } {
  const seen: Job[] = [];
  return {
    seen,
    worker: async (job) => {
      seen.push(job);
      if (fail(job)) throw new Error('not today');
    },
  };
}
const keys = (jobs: readonly Job[]): string[] => jobs.map(({ key }) => key);

/** What every queue has to do. */
function contract(make: () => Promise<QueueWorld>): void {
  let world: QueueWorld;
  let queue: Queue;
  beforeEach(async () => {
    world = await make();
    queue = await world.open();
  });
  afterEach(async () => {
    await queue.drain();
    await world.end();
  });
  const add = (job: NewJob): Promise<boolean> => world.store.commit((trx) => queue.enqueue(trx, job));

  it('does a job once, with its data', async () => {
    const { seen, worker } = recorder();
    await queue.work('mail', worker);
    await add({ name: 'mail', key: 'a', data: { to: 'ada', lines: [1, null] } });
    await world.pass(10);
    await world.pass(60);
    expect(seen).toMatchObject([{ name: 'mail', key: 'a', data: { to: 'ada', lines: [1, null] }, attempt: 1 }]);
  });

  it('does none before its time', async () => {
    const { seen, worker } = recorder();
    await queue.work('mail', worker);
    await add({ name: 'mail', key: 'later', at: world.now() + 60_000 });
    await add({ name: 'mail', key: 'now' });
    await world.pass(50);
    expect(keys(seen)).toEqual(['now']);
    await world.pass(20);
    expect(keys(seen)).toEqual(['now', 'later']);
  });

  it('lets one of a name and key wait, and another when that one is done', async () => {
    const { seen, worker } = recorder();
    await queue.work('mail', worker);
    expect(await add({ name: 'mail', key: 'a', data: 1, at: world.now() + 60_000 })).toBe(true);
    expect(await add({ name: 'mail', key: 'a', data: 2 })).toBe(false);
    expect(await add({ name: 'mail', key: 'b', data: 3, at: world.now() + 60_000 })).toBe(true);
    await world.pass(70);
    expect(await add({ name: 'mail', key: 'a', data: 4 })).toBe(true);
    await world.pass(10);
    expect(new Set(seen.map(({ data }) => data))).toEqual(new Set([1, 3, 4]));
  });

  it('has no job of a transaction that was rolled back', async () => {
    const { seen, worker } = recorder();
    await queue.work('mail', worker);
    const rolledBack = world.store.commit(async (trx) => {
      await queue.enqueue(trx, { name: 'mail', key: 'a' });
      throw new Error('never mind');
    });
    await expect(rolledBack).rejects.toThrow('never mind');
    await world.pass(60);
    expect(seen).toEqual([]);
  });

  it('does none that was canceled', async () => {
    const { seen, worker } = recorder();
    await queue.work('mail', worker);
    await add({ name: 'mail', key: 'a', at: world.now() + 60_000 });
    const cancel = (key: string): Promise<boolean> => world.store.commit((trx) => queue.cancel(trx, 'mail', key));
    expect(await cancel('a')).toBe(true);
    expect(await cancel('a')).toBe(false);
    expect(await cancel('never')).toBe(false);
    await world.pass(120);
    expect(seen).toEqual([]);
  });

  it('tries a failed job again, waiting longer each time, and leaves it alone in the end', async () => {
    const { seen, worker } = recorder(() => true);
    await queue.work('mail', worker);
    await add({ name: 'mail', key: 'a' });
    for (let minute = 0; minute < 40; minute++) await world.pass(60);
    expect(seen.map(({ attempt }) => attempt)).toEqual(Array.from({ length: ATTEMPTS }, (_, index) => index + 1));
  });

  it('goes on with the next when one fails', async () => {
    const { seen, worker } = recorder(({ key, attempt }) => key === 'a' && attempt === 1);
    await queue.work('mail', worker);
    await add({ name: 'mail', key: 'a' });
    await add({ name: 'mail', key: 'b' });
    for (let second = 0; second < 20; second++) await world.pass(2);
    expect(keys(seen).sort()).toEqual(['a', 'a', 'b']);
  });

  it('does jobs of a name one at a time', async () => {
    const began: string[] = [];
    const ends: (() => void)[] = [];
    await queue.work('slow', ({ key }) => {
      began.push(key);
      return new Promise((resolve) => ends.push(resolve));
    });
    await add({ name: 'slow', key: 'a' });
    await add({ name: 'slow', key: 'b' });
    await world.pass(5);
    expect(began).toEqual(['a']);
    ends.shift()?.();
    await world.pass(5);
    expect(began).toEqual(['a', 'b']);
    ends.shift()?.();
  });

  it('keeps jobs of a name that nobody works on yet', async () => {
    // The name has to be known to the database; a schedule makes it so.
    await queue.schedule('mail', '0 0 1 1 *');
    await add({ name: 'mail', key: 'a' });
    await world.pass(60);
    const { seen, worker } = recorder();
    await queue.work('mail', worker);
    await world.pass(10);
    expect(keys(seen)).toEqual(['a']);
  });

  it('enqueues by a schedule, and makes up once for the times that nobody ran', async () => {
    const first = recorder();
    await queue.schedule('sweep', '*/10 * * * *');
    await queue.work('sweep', first.worker);
    await world.pass(60);
    expect(first.seen).toEqual([]);
    // From six past the hour to 26 past.
    for (let minute = 0; minute < 20; minute++) await world.pass(60);
    expect(keys(first.seen)).toEqual(['schedule', 'schedule']);
    await queue.drain();
    await world.pass(1200);
    const second = recorder();
    queue = await world.open();
    await queue.schedule('sweep', '*/10 * * * *');
    await queue.work('sweep', second.worker);
    for (let look = 0; look < 8; look++) await world.pass(15);
    expect(second.seen).toHaveLength(1);
  });

  it('refuses a schedule that is none', async () => {
    await expect(queue.schedule('sweep', 'every now and then')).rejects.toThrow();
  });

  it('drains: tells what runs to stop, and leaves the rest for the next', async () => {
    const stopped: string[] = [];
    await queue.work('slow', ({ key, signal }) => {
      return new Promise((resolve) =>
        signal.addEventListener('abort', () => {
          stopped.push(key);
          resolve();
        }),
      );
    });
    await add({ name: 'slow', key: 'a' });
    await add({ name: 'slow', key: 'b' });
    await world.pass(5);
    await queue.drain();
    expect(stopped).toEqual(['a']);
    await queue.drain();
    const { seen, worker } = recorder();
    queue = await world.open();
    await queue.work('slow', worker);
    await world.pass(10);
    expect(keys(seen)).toEqual(['b']);
  });
}

describe('embedded', () => contract(embeddedWorld));

describe.skipIf(postgresPrograms() === undefined && process.env['REQUIRE_ALL'] !== '1')(
  'pg-boss',
  { timeout: 120_000 },
  () => {
    let server: TestServer;
    beforeAll(async () => {
      server = await startPostgres();
    });
    afterAll(() => server.end());
    contract(() => bossWorld(server));
  },
);
