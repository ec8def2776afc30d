import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLogger } from '../kernel/log.ts';
import { openStore } from './open.ts';
import { putSetting } from './queries/settings.ts';
import { temporaryDirectory, temporaryStore, type TemporaryStore } from './testing.ts';

let it: TemporaryStore;
let target: string;
beforeEach(() => {
  it = temporaryStore();
  target = temporaryDirectory();
});
afterEach(async () => {
  await it.end();
  rmSync(target, { recursive: true, force: true });
});

test('a backup made while commits go on holds whole commits only, and opens as a store', async () => {
  const pair = (index: number) =>
    it.store.commit(async (trx) => {
      await putSetting(trx, `left ${index}`, 'x'.repeat(3_000), 0);
      await putSetting(trx, `right ${index}`, 'x'.repeat(3_000), 0);
    });
  for (let index = 0; index < 300; index += 1) await pair(index);
  const stop = new AbortController();
  let written = 300;
  const writing = (async () => {
    while (!stop.signal.aborted) await pair(written++);
  })();
  const file = join(target, 'proxmox-agent.db');
  const { bytes } = await it.store.backup(file);
  stop.abort();
  await writing;
  expect(written).toBeGreaterThan(301);
  expect(statSync(file).size).toBe(bytes);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(target)).toEqual(['proxmox-agent.db']);
  const copy = openStore({ directory: target, clock: it.clock, log: silentLogger });
  const keys = (await copy.db.selectFrom('settings').select('key').execute()).map(({ key }) => key);
  const left = keys.filter((key) => key.startsWith('left')).length;
  expect(left).toBeGreaterThanOrEqual(300);
  expect(keys.length).toBe(left * 2);
  await copy.close();
});

test('a backup replaces the one before it, and a failed one leaves it alone', async () => {
  const file = join(target, 'copy.db');
  writeFileSync(file, 'old');
  await it.store.backup(file);
  const copy = new SQLite(file, { readonly: true });
  expect(copy.pragma('quick_check', { simple: true })).toBe('ok');
  copy.close();
  const before = readFileSync(file);
  await expect(it.store.backup(join(target, 'absent', 'copy.db'))).rejects.toThrow('no such file or directory');
  expect(readFileSync(file).equals(before)).toBe(true);
  expect(existsSync(join(target, 'absent'))).toBe(false);
});
