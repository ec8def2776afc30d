import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../kernel/clock.ts';
import { silentLogger } from '../kernel/log.ts';
import { seededIds } from '../kernel/ids.ts';
import { openWriter } from './connection.ts';
import { loadKeys } from './keys.ts';
import { migrate, migrationHash, type Migration } from './migrate.ts';
import { MIGRATIONS } from './migrations/index.ts';
import { openStore, type Store } from './open.ts';
import { getSetting, putSetting } from './queries/settings.ts';
import { temporaryDirectory } from './testing.ts';

const clock = new ManualClock();
let directory: string;
let children: ChildProcess[] = [];
const open = (): Store => openStore({ directory, clock, log: silentLogger });
const database = (): string => join(directory, 'proxmox-agent.db');

beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children = [];
  rmSync(directory, { recursive: true, force: true });
});

/** A second process that opens the directory and writes what `body` says; every line it prints is one element. */
function other(body: string): { child: ChildProcess; line(): Promise<string>; lines: string[] } {
  const from = (file: string): string => JSON.stringify(new URL(file, import.meta.url).href);
  const code = `
    import { openStore } from ${from('./open.ts')};
    import { putSetting } from ${from('./queries/settings.ts')};
    import { systemClock } from ${from('../kernel/clock.ts')};
    import { silentLogger } from ${from('../kernel/log.ts')};
    const store = openStore({ directory: ${JSON.stringify(directory)}, clock: systemClock, log: silentLogger });
    ${body}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const lines: string[] = [];
  let rest = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
    child.emit('line');
  });
  return {
    child,
    lines,
    line: async () => {
      while (lines.length === 0) await once(child, 'line');
      return lines.shift() ?? '';
    },
  };
}

test('a new directory is for its owner only, and the database is durable and strict', async () => {
  rmSync(directory, { recursive: true });
  const store = open();
  await store.commit((trx) => putSetting(trx, 'a', { b: [1, null] }, 5));
  expect(await getSetting(store, 'a')).toEqual({ b: [1, null] });
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  for (const file of ['proxmox-agent.db', 'proxmox-agent.db-wal', 'proxmox-agent.db-shm', 'lock.db', 'pid']) {
    expect(statSync(join(directory, file)).mode & 0o077, file).toBe(0);
  }
  await store.close();
  const again = open();
  expect(await getSetting(again, 'a')).toEqual({ b: [1, null] });
  await again.close();
});

test('a commit is on disk when it returns, and references hold', async () => {
  // The second time as well: SQLite's own default for a file that is in WAL mode already is weaker.
  await open().close();
  const sqlite = openWriter(database());
  const pragma = (name: string): unknown => sqlite.pragma(name, { simple: true });
  expect([pragma('journal_mode'), pragma('synchronous'), pragma('foreign_keys')]).toEqual(['wal', 2, 1]);
  sqlite.close();
});

test('opening an existing database is quick', async () => {
  await open().close();
  const times: number[] = [];
  for (let run = 0; run < 5; run += 1) {
    const started = performance.now();
    const store = open();
    times.push(performance.now() - started);
    await store.close();
  }
  expect(Math.min(...times)).toBeLessThan(30);
});

test('the driver of PostgreSQL is loaded only where it is used', () => {
  const index = JSON.stringify(new URL('./index.ts', import.meta.url).href);
  const code = `
    await import(${index});
    const { createRequire } = await import('node:module');
    const loaded = Object.keys(createRequire(${index}).cache);
    console.log(loaded.filter((file) => file.includes('better-sqlite3/lib')).length > 0);
    console.log(loaded.filter((file) => file.includes('/node_modules/pg')).length);`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' });
  expect(stdout).toBe('true\n0\n');
});

test('a second process is refused with the pid of the first, and admitted once that was killed', async () => {
  const first = other(`console.log('open'); setInterval(() => {}, 1000);`);
  expect(await first.line()).toBe('open');
  expect(open).toThrow(
    expect.objectContaining({ code: 'DATA_DIRECTORY_BUSY', message: expect.stringContaining(`${first.child.pid}`) }),
  );
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  await open().close();
});

test('the lock holds within one process too, and is let go by close', async () => {
  const store = open();
  expect(open).toThrow(expect.objectContaining({ code: 'DATA_DIRECTORY_BUSY' }));
  await Promise.all([store.close(), store.close()]);
  await open().close();
});

test('what was acknowledged before a SIGKILL is there afterwards', async () => {
  const writer = other(`
    for (let i = 0; ; i++) {
      await Promise.all([0, 1, 2].map((j) => store.commit((trx) => putSetting(trx, 'k' + (i * 3 + j), i, 0))));
      console.log(i);
    }`);
  while (writer.lines.length < 200) await once(writer.child, 'line');
  writer.child.kill('SIGKILL');
  await once(writer.child, 'close');
  const acknowledged = Number(writer.lines.at(-1));
  const store = open();
  const keys = new Set((await store.db.selectFrom('settings').select('key').execute()).map(({ key }) => key));
  for (let index = 0; index < (acknowledged + 1) * 3; index += 1) expect(keys.has(`k${index}`)).toBe(true);
  await store.close();
});

test('a database of a newer version is refused and left alone', async () => {
  await open().close();
  const raw = new SQLite(database());
  raw.prepare('INSERT INTO migrations VALUES (?, ?, ?, ?)').run(MIGRATIONS.length + 1, 'later', 'ff', 0);
  raw.close();
  expect(open).toThrow(
    expect.objectContaining({
      code: 'STORE_INCOMPATIBLE',
      message: expect.stringContaining(`schema ${MIGRATIONS.length + 1}`),
    }),
  );
});

test('a released migration that was edited is noticed', async () => {
  await open().close();
  const raw = new SQLite(database());
  raw.prepare('UPDATE migrations SET hash = ? WHERE id = 1').run('00');
  raw.close();
  expect(open).toThrow(expect.objectContaining({ code: 'STORE_INCOMPATIBLE' }));
});

test('a migration that fails leaves nothing of itself or of those with it', () => {
  const raw = new SQLite(database());
  const good: Migration = {
    id: 1,
    name: 'good',
    tables: (t) => [`CREATE TABLE one (a ${t.int})`],
    triggers: { sqlite: [], postgres: [] },
  };
  const bad: Migration = { ...good, id: 2, name: 'bad', tables: () => ['CREATE TABLE two (a)', 'nonsense'] };
  expect(() => migrate(raw, [good, bad], clock)).toThrow('nonsense');
  expect(raw.prepare('SELECT name FROM sqlite_schema').all()).toEqual([]);
  migrate(raw, [good], clock);
  migrate(raw, [good], clock);
  expect(raw.prepare('SELECT id, hash FROM migrations').all()).toEqual([{ id: 1, hash: migrationHash(good) }]);
  raw.close();
});

test('a file that is not ours is refused', () => {
  const raw = new SQLite(database());
  raw.exec('CREATE TABLE theirs (a)');
  raw.close();
  expect(open).toThrow(expect.objectContaining({ code: 'STORE_INCOMPATIBLE' }));
  writeFileSync(database(), 'not a database, but long enough to be looked at '.repeat(100));
  expect(open).toThrow(expect.objectContaining({ code: 'STORE_DAMAGED' }));
});

test('a damaged page is noticed at start, and the lock is let go', async () => {
  const store = open();
  await store.commit(async (trx) => {
    for (let index = 0; index < 500; index += 1) await putSetting(trx, `key ${index}`, 'x'.repeat(100), 0);
  });
  await store.close();
  const bytes = readFileSync(database());
  bytes.fill(0x5a, bytes.length - 8192);
  writeFileSync(database(), bytes);
  for (let run = 0; run < 2; run += 1) expect(open).toThrow(expect.objectContaining({ code: 'STORE_DAMAGED' }));
});

test('a directory that cannot be made is a clear error', () => {
  const file = join(directory, 'file');
  writeFileSync(file, '');
  chmodSync(file, 0o600);
  expect(() => openStore({ directory: join(file, 'data'), clock, log: silentLogger })).toThrow(
    /a file is where a folder should be|cannot be written/,
  );
});

test('a folder where the keys should be is named', () => {
  const file = join(directory, 'keys.json');
  mkdirSync(file, { recursive: true });
  expect(() => loadKeys(directory, seededIds('keys', clock))).toThrow(
    `${file} cannot be used: a folder is where a file`,
  );
});
