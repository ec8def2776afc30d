import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock, systemClock } from '../kernel/clock.ts';
import { silentLogger } from '../kernel/log.ts';
import { GroupCommit } from './commit.ts';
import { TABLE_KEYS } from './copy.ts';
import { openWriter } from './connection.ts';
import { openStore, type Store } from './open.ts';
import { getSetting, putSetting } from './queries/settings.ts';
import { temporaryDirectory } from './testing.ts';

const clock = new ManualClock();
let directory: string;
const open = (log = silentLogger): Store => openStore({ directory, clock, log });
const database = (): string => join(directory, 'proxmox-agent.db');

beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function fill(count: number, size: number): Promise<void> {
  const store = open();
  for (let page = 0; page < count; page += 500) {
    await store.commit(async (trx) => {
      for (let index = page; index < Math.min(count, page + 500); index += 1)
        await putSetting(trx, `key ${index}`, 'x'.repeat(size), 0);
    });
  }
  await store.close();
}

test('a power cut at any point of the log leaves every commit that was acknowledged, and whole ones only', async () => {
  const store = open();
  const ends: number[] = [];
  const log = `${database()}-wal`;
  for (let index = 0; index < 30; index += 1) {
    await store.commit(async (trx) => {
      await putSetting(trx, `left ${index}`, 'x'.repeat(500), 0);
      await putSetting(trx, `right ${index}`, 'x'.repeat(500), 0);
    });
    // What is on disk when the commit is acknowledged, as a power cut in the next moment would leave it.
    ends.push(readFileSync(log).length);
  }
  const [db, wal] = [readFileSync(database()), readFileSync(log)];
  await store.close();
  await fc.assert(
    fc.asyncProperty(fc.nat(wal.length), fc.boolean(), async (cut, garbled) => {
      const other = temporaryDirectory();
      writeFileSync(join(other, 'proxmox-agent.db'), db);
      // Blocks that were on their way may be cut off, or hold anything.
      const tail = garbled ? Buffer.alloc(wal.length - cut, 0xa5) : Buffer.alloc(0);
      writeFileSync(join(other, 'proxmox-agent.db-wal'), Buffer.concat([wal.subarray(0, cut), tail]));
      const after = openStore({ directory: other, clock, log: silentLogger });
      const keys = (await after.db.selectFrom('settings').select('key').execute()).map(({ key }) => key);
      const safe = ends.filter((end) => end <= cut).length;
      const left = keys.filter((key) => key.startsWith('left')).length;
      expect(left).toBeGreaterThanOrEqual(safe);
      expect(keys.length).toBe(left * 2);
      for (let index = 0; index < left; index += 1) expect(keys).toContain(`left ${index}`);
      await after.close();
      rmSync(other, { recursive: true });
    }),
    { numRuns: 40 },
  );
});

test('a database that turns read-only fails commits in clear words, keeps being read, and recovers', async () => {
  const sqlite = openWriter(database());
  sqlite.exec('CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT, updated_at INTEGER) STRICT');
  const group = new GroupCommit({ sqlite, clock: systemClock, log: silentLogger });
  const write = (key: string) => group.commit((trx) => putSetting(trx, key, 1, 0));
  await write('a');
  sqlite.pragma('query_only = ON');
  for (const key of ['b', 'c']) {
    await expect(write(key)).rejects.toMatchObject({
      code: 'STORE_FAILED',
      message: expect.stringContaining('only be read'),
    });
  }
  expect(sqlite.prepare('SELECT key FROM settings').pluck().all()).toEqual(['a']);
  sqlite.pragma('query_only = OFF');
  await write('d');
  expect(sqlite.prepare('SELECT key FROM settings').pluck().all()).toEqual(['a', 'd']);
  sqlite.close();
});

/** A mount of our own needs rights that not every machine gives. */
const cannotMount =
  spawnSync('unshare', ['-m', 'sh', '-c', 'mount -t tmpfs none /mnt'], { stdio: 'ignore' }).status !== 0;

test.skipIf(cannotMount && process.env['REQUIRE_ALL'] !== '1')(
  'unshare: a data directory on a file system that is mounted read-only is refused at start',
  async () => {
    await fill(5, 10);
    const url = (file: string): string => JSON.stringify(new URL(file, import.meta.url).href);
    const code = `
      import { openStore } from ${url('./open.ts')};
      import { systemClock } from ${url('../kernel/clock.ts')};
      import { silentLogger } from ${url('../kernel/log.ts')};
      try {
        openStore({ directory: ${JSON.stringify(directory)}, clock: systemClock, log: silentLogger });
        console.log('opened');
      } catch (error) { console.log(error.code, error.message); }`;
    const script = `mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && exec "$2" --input-type=module -e "$3"`;
    const { stdout } = spawnSync('unshare', ['-m', 'sh', '-c', script, 'sh', directory, process.execPath, code], {
      encoding: 'utf8',
    });
    expect(stdout).toMatch(
      /^STORE_FAILED (The database can only be read|The database file cannot|The data directory cannot)/,
    );
    await open().close();
  },
);

test('a damaged page of a large file is found beside the work, and nothing is written any more', async () => {
  await fill(6_000, 700);
  const bytes = readFileSync(database());
  expect(bytes.length).toBeGreaterThan(4 * 1024 * 1024);
  // In the middle of the settings: far from what a start reads.
  bytes.fill(0x5a, Math.floor(bytes.length / 2), Math.floor(bytes.length / 2) + 8_192);
  writeFileSync(database(), bytes);
  const found = Promise.withResolvers<string>();
  const store = open({ ...silentLogger, error: (_, message) => found.resolve(message) });
  expect(await found.promise).toContain('damaged');
  await expect(store.commit((trx) => putSetting(trx, 'a', 1, 0))).rejects.toMatchObject({
    code: 'STORE_DAMAGED',
    message: expect.stringContaining('store restore FILE'),
  });
  await store.close();
});

test('a sound large file goes on being written to, also when it is closed while it is checked', async () => {
  await fill(6_000, 700);
  for (let run = 0; run < 3; run += 1) {
    const store = open();
    await store.commit((trx) => putSetting(trx, 'a', run, 0));
    expect(await getSetting(store, 'a')).toBe(run);
    await store.close();
  }
});

test('a file that was cut short is refused with the way to restore it', async () => {
  await fill(1_000, 700);
  truncateSync(database(), 300 * 1024);
  expect(open).toThrow(
    expect.objectContaining({ code: 'STORE_DAMAGED', message: expect.stringContaining('store restore FILE') }),
  );
  expect(statSync(database()).size).toBe(300 * 1024);
});

test('a copy knows every table', async () => {
  const store = open();
  const sqlite = openWriter(database());
  const names = sqlite
    .prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name`)
    .pluck()
    .all();
  expect(Object.keys(TABLE_KEYS).concat('migrations', 'jobs', 'schedules').sort()).toEqual(names);
  for (const [table, keys] of Object.entries(TABLE_KEYS)) {
    const columns = sqlite
      .prepare(`SELECT name FROM pragma_table_info('${table}') WHERE pk > 0 ORDER BY pk`)
      .pluck()
      .all();
    expect(keys, table).toEqual(columns);
  }
  sqlite.close();
  await store.close();
});
