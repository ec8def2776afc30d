import { join } from 'node:path';
import { rmSync } from 'node:fs';
import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock, systemClock } from '../kernel/clock.ts';
import { silentLogger } from '../kernel/log.ts';
import { Secret } from '../kernel/secret.ts';
import { GroupCommit } from './commit.ts';
import { CommitQueue, type StoreTx } from './group.ts';
import { openWriter } from './connection.ts';
import { getSetting, putSetting } from './queries/settings.ts';
import { insertLater } from './texts.ts';
import { temporaryDirectory, type TemporaryStore } from './testing.ts';
import { onEveryEngine } from './testing_engines.ts';

onEveryEngine((engine) => {
  let it: TemporaryStore;
  beforeEach(async () => {
    it = await engine.open();
  });
  afterEach(() => it.end());

  const add = async (trx: StoreTx, key: string): Promise<string> => {
    await putSetting(trx, key, 1, 0);
    return key;
  };
  const keys = async (): Promise<string[]> =>
    (await it.store.db.selectFrom('settings').select('key').orderBy('key').execute()).map(({ key }) => key);

  test('closures of one turn share a transaction, and none resolves before it is visible to everybody', async () => {
    const seen: string[][] = [];
    const inside: number[] = [];
    const one = async (key: string): Promise<void> => {
      await it.store.commit(async (trx) => {
        await add(trx, key);
        inside.push((await keys()).length);
      });
      seen.push(await keys());
    };
    await Promise.all([one('a'), one('b'), one('c')]);
    // Nothing was committed in between: while the closures ran, readers saw nothing.
    expect(inside).toEqual([0, 0, 0]);
    expect(seen).toEqual([
      ['a', 'b', 'c'],
      ['a', 'b', 'c'],
      ['a', 'b', 'c'],
    ]);
  });

  test('a closure sees what the ones before it wrote', async () => {
    const counts = await Promise.all(
      ['a', 'b', 'c'].map((key) =>
        it.store.commit(async (trx) => {
          await add(trx, key);
          return (await trx.db.selectFrom('settings').select('key').execute()).length;
        }),
      ),
    );
    expect(counts).toEqual([1, 2, 3]);
  });

  test('any mix of failing and succeeding closures: the failing alone are undone, order is kept', async () => {
    let round = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('good', 'throws', 'constraint', 'late', 'unseen'), { maxLength: 20 }),
        async (kinds) => {
          round += 1;
          const order: number[] = [];
          const hooks: number[] = [];
          const results = await Promise.allSettled(
            kinds.map((kind, index) =>
              it.store.commit(async (trx) => {
                order.push(index);
                trx.onCommit(() => hooks.push(index));
                await add(trx, `${round}/${index}`);
                if (kind === 'throws') throw new Error('no');
                if (kind === 'constraint')
                  await trx.db
                    .insertInto('settings')
                    .values({ key: `${round}/${index}`, value: '', updated_at: 0 })
                    .execute();
                // Fails only once nobody waits for it any more.
                if (kind === 'unseen')
                  insertLater(trx, 'settings', { key: `${round}/${index}`, value: '', updated_at: 0 });
                if (kind === 'late') await Promise.resolve().then(() => Promise.resolve());
                return index;
              }),
            ),
          );
          const good = kinds.flatMap((kind, index) => (kind === 'good' || kind === 'late' ? [index] : []));
          expect(results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))).toEqual(good);
          // Where one failed, PostgreSQL runs all of them again, in the same order.
          expect([...new Set(order)]).toEqual(kinds.map((_, index) => index));
          expect(hooks).toEqual(good);
          const stored = (await keys()).filter((key) => key.startsWith(`${round}/`));
          expect(stored.sort()).toEqual(good.map((index) => `${round}/${index}`).sort());
        },
      ),
      { numRuns: 50 },
    );
  });

  test('a commit inside a commit is refused instead of waiting for itself', async () => {
    await expect(it.store.commit(() => it.store.commit((trx) => add(trx, 'a')))).rejects.toMatchObject({
      code: 'INTERNAL',
    });
    await it.store.commit((trx) => add(trx, 'b'));
    expect(await keys()).toEqual(['b']);
  });

  test('a commit started by the hook of another, or by what goes on after it, is not', async () => {
    const later: Promise<unknown>[] = [];
    await it.store.commit(async (trx) => {
      await add(trx, 'a');
      trx.onCommit(() => later.push(it.store.commit((next) => add(next, 'b'))));
    });
    await Promise.all(later);
    expect(await keys()).toEqual(['a', 'b']);
  });

  test('a transaction that has ended cannot be used', async () => {
    let kept: StoreTx | undefined;
    await it.store.commit(async (trx) => {
      kept = trx;
    });
    expect(() => kept?.db).toThrow('after its commit');
  });

  test('store.db cannot write', async () => {
    const write = it.store.db.insertInto('settings').values({ key: 'a', value: '1', updated_at: 0 }).execute();
    await expect(write).rejects.toMatchObject({ code: 'STORE_FAILED' });
  });

  test('a hook that throws does not turn a durable commit into a failure', async () => {
    const result = it.store.commit(async (trx) => {
      trx.onCommit(() => {
        throw new Error('no');
      });
      return add(trx, 'a');
    });
    await expect(result).resolves.toBe('a');
  });

  test('close finishes what was accepted and refuses what comes after', async () => {
    const accepted = it.store.commit((trx) => add(trx, 'a'));
    const closing = it.store.close();
    await expect(accepted).resolves.toBe('a');
    await closing;
    await expect(it.store.commit((trx) => add(trx, 'b'))).rejects.toMatchObject({ code: 'STORE_FAILED' });
  });

  test('a secret that was forgotten in a value does not reach the database', async () => {
    await it.store.commit((trx) => putSetting(trx, 'a', { password: new Secret('hunter2') }, 0));
    expect(await getSetting(it.store, 'a')).toEqual({ password: '[redacted]' });
  });
});

test('a closure that holds everybody up is named in the log', async () => {
  const directory = temporaryDirectory();
  const warnings: object[] = [];
  const clock = new ManualClock();
  const sqlite = openWriter(join(directory, 'other.db'));
  const log = { ...silentLogger, warn: (fields: object) => warnings.push(fields) };
  const group = new GroupCommit({ sqlite, clock, log });
  await group.commit(async () => clock.advance(3_000));
  expect(warnings).toEqual([{ milliseconds: 3_000 }]);
  sqlite.close();
  rmSync(directory, { recursive: true });
});

test('a full disk fails only what does not fit, in clear words, and work goes on when there is room again', async () => {
  const directory = temporaryDirectory();
  const sqlite = openWriter(join(directory, 'full.db'));
  sqlite.exec('CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT, updated_at INTEGER) STRICT');
  sqlite.pragma('max_page_count = 40');
  const group = new GroupCommit({ sqlite, clock: systemClock, log: silentLogger });
  const big = (key: string) => group.commit((trx) => putSetting(trx, key, 'x'.repeat(200_000), 0));
  const small = (key: string) => group.commit((trx) => putSetting(trx, key, 1, 0));
  const results = await Promise.allSettled([small('a'), big('b'), small('c'), big('d')]);
  const outcome = results.map((result) =>
    result.status === 'fulfilled' ? 'good' : (result.reason as { code: string }).code,
  );
  expect([outcome[1], outcome[2], outcome[3]]).toEqual(['STORE_FAILED', 'good', 'STORE_FAILED']);
  const stored = sqlite.prepare('SELECT key FROM settings ORDER BY key').pluck().all();
  // Whatever was told to be stored is, and nothing else.
  expect(stored).toEqual(['a', 'c'].filter((key) => key !== 'a' || outcome[0] === 'good'));
  await expect(big('e')).rejects.toThrow('disk of the data directory is full');
  sqlite.pragma('max_page_count = 4000');
  await big('e');
  sqlite.close();
  rmSync(directory, { recursive: true });
});

test('a fault of the engine is the answer of its batch, and the next one goes on', async () => {
  let broken = true;
  const queue = new CommitQueue({
    clock: systemClock,
    log: silentLogger,
    batch: async (jobs) => {
      if (broken) throw new Error('a fault');
      for (const job of jobs) job.resolve('done');
    },
  });
  await expect(queue.commit(async () => {})).rejects.toThrow('a fault');
  broken = false;
  expect(await queue.commit(async () => {})).toBe('done');
});
