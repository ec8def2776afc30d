import { inspect } from 'node:util';
import { rmSync } from 'node:fs';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../kernel/clock.ts';
import { silentLogger } from '../../kernel/log.ts';
import { migrationHash, type Migration } from '../migrate.ts';
import { MIGRATIONS } from '../migrations/index.ts';
import type { Store } from '../open.ts';
import { openPostgres } from '../postgres.ts';
import { getSetting, putSetting } from '../queries/settings.ts';
import { temporaryDirectory } from '../testing.ts';
import { MIGRATION_SETUP, migratePostgres, postgresHash } from './migrate.ts';
import { clientConfig, refuseServer, Session } from './session.ts';
import { postgresPrograms, startPostgres, type TestServer } from './testing.ts';

const clock = new ManualClock();
let directory: string;
let stores: Store[] = [];
beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
  rmSync(directory, { recursive: true });
});

async function open(url: string): Promise<Store> {
  const store = await openPostgres({ url, directory, clock, log: silentLogger });
  stores.push(store);
  return store;
}

test('what is not a URL, and a server that does not answer, are clear errors without the password', async () => {
  const cases = [
    ['hunter2', 'CONFIGURATION_INVALID', 'postgres://USER'],
    ['mysql://me:hunter2@localhost/x', 'CONFIGURATION_INVALID', 'postgres://USER'],
    ['postgres://me:hunter2@127.0.0.1:1/x', 'STORE_FAILED', 'ECONNREFUSED'],
    ['postgres://me:hunter2@localhost/x?host=/nowhere', 'STORE_FAILED', 'ENOENT'],
    ['postgres://me:hunter2@nowhere.invalid/x', 'STORE_FAILED', 'PostgreSQL does not answer'],
  ] as const;
  for (const [url, code, message] of cases) {
    const error: unknown = await open(url).catch((reason: unknown) => reason);
    expect(error, url).toMatchObject({ code, message: expect.stringContaining(message) });
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('hunter2');
  }
});

test('a server that is too old or keeps text in another encoding is refused', () => {
  expect(() => refuseServer({ version: 140_011, name: '14.11', encoding: 'UTF8' })).toThrow('version 14.11');
  expect(() => refuseServer({ version: 150_000, name: '15.0', encoding: 'LATIN1' })).toThrow('LATIN1');
  refuseServer({ version: 150_000, name: '15.0', encoding: 'UTF8' });
});

describe.skipIf(postgresPrograms() === undefined && process.env['REQUIRE_ALL'] !== '1')('postgres', () => {
  let server: TestServer;
  let url: string;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.end());
  beforeEach(async () => {
    url = await server.createEmpty();
  });

  async function query(text: string, at = url): Promise<pg.QueryResult> {
    const client = new pg.Client({ connectionString: at });
    await client.connect();
    try {
      return await client.query(text);
    } finally {
      await client.end();
    }
  }

  async function migrateWith(migrations: readonly Migration[]): Promise<void> {
    const session = await Session.open(clientConfig(url), MIGRATION_SETUP);
    try {
      await migratePostgres(session, migrations, clock);
    } finally {
      await session.close();
    }
  }

  test('of replicas that start at once on an empty database one migrates, and all work', async () => {
    const all = await Promise.all([open(url), open(url), open(url)]);
    await Promise.all(all.map((store, index) => store.commit((trx) => putSetting(trx, `${index}`, index, 0))));
    for (const [index, store] of all.entries()) expect(await getSetting(store, `${2 - index}`)).toBe(2 - index);
    expect((await query('SELECT id, oldest FROM migrations ORDER BY id')).rows).toEqual(
      MIGRATIONS.map(({ id, oldest = 0 }) => ({ id: String(id), oldest: String(oldest) })),
    );
  });

  test('an older replica works on a schema that was only added to, not on one that took something away', async () => {
    const more: Migration = {
      id: MIGRATIONS.length + 1,
      name: 'more',
      tables: (t) => [`ALTER TABLE settings ADD COLUMN more ${t.text}`],
      triggers: { sqlite: [], postgres: [] },
    };
    const running = await open(url);
    await running.commit((trx) => putSetting(trx, 'a', 1, 0));
    const all = (store: Store) => store.db.selectFrom('settings').selectAll().execute();
    const inside = () => running.commit((trx) => trx.db.selectFrom('settings').selectAll().execute());
    await Promise.all([inside(), all(running)]);
    await migrateWith([...MIGRATIONS, more]);
    // Statements that it had made ready read one column more now.
    expect((await inside())[0]).toMatchObject({ key: 'a' });
    expect((await all(running))[0]).toMatchObject({ key: 'a' });
    expect(await getSetting(await open(url), 'a')).toBe(1);
    await migrateWith([...MIGRATIONS, more, { ...more, id: more.id + 1, tables: () => [], oldest: more.id }]);
    await expect(open(url)).rejects.toMatchObject({ code: 'STORE_INCOMPATIBLE' });
  });

  test('a migration that was edited is noticed, and one that fails leaves nothing', async () => {
    const bad: Migration = {
      id: 1,
      name: 'bad',
      tables: (t) => [`CREATE TABLE two (a ${t.int})`, 'nonsense'],
      triggers: { sqlite: [], postgres: [] },
    };
    await expect(migrateWith([bad])).rejects.toThrow('nonsense');
    expect((await query(`SELECT to_regclass('two') AS two`)).rows).toEqual([{ two: null }]);
    await open(url);
    await query(`UPDATE migrations SET hash = '00'`);
    await expect(open(url)).rejects.toMatchObject({ code: 'STORE_INCOMPATIBLE' });
    expect(MIGRATIONS.map(postgresHash)).not.toEqual(MIGRATIONS.map(migrationHash));
  });

  test('an absent database, a right that is missing and a server without free connections say so', async () => {
    await expect(open(server.url('absent'))).rejects.toMatchObject({ code: 'CONFIGURATION_INVALID' });
    await query('CREATE ROLE guest LOGIN CONNECTION LIMIT 3');
    const guest = url.replace('postgres@', 'guest@');
    await expect(open(guest)).rejects.toMatchObject({
      code: 'CONFIGURATION_INVALID',
      message: expect.stringContaining('permission denied'),
    });
    // A session that was ended is still counted until the server has noticed.
    while ((await query(`SELECT 1 FROM pg_stat_activity WHERE usename = 'guest'`)).rows.length > 0);
    await query('GRANT CREATE ON SCHEMA public TO guest; ALTER ROLE guest CONNECTION LIMIT 1');
    const store = await open(guest);
    await expect(store.commit((trx) => putSetting(trx, 'a', 1, 0))).rejects.toMatchObject({
      code: 'STORE_FAILED',
      message: expect.stringContaining('no free connection'),
    });
    await query('ALTER ROLE guest CONNECTION LIMIT 9');
    await store.commit((trx) => putSetting(trx, 'a', 1, 0));
    expect(await getSetting(store, 'a')).toBe(1);
  });

  test('ids sort by bytes, whatever the language of the database', async () => {
    await query(`CREATE DATABASE swedish TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'sv-SE'`);
    const store = await open(server.url('swedish'));
    await store.commit(async (trx) => {
      for (const key of ['b', 'Z', 'ä', 'a', 'z-1', 'z1']) await putSetting(trx, key, 1, 0);
    });
    const rows = await store.db.selectFrom('settings').select('key').orderBy('key').execute();
    expect(rows.map(({ key }) => key)).toEqual(['Z', 'a', 'b', 'z-1', 'z1', 'ä']);
  });

  test('a commit is on disk when it returns, whatever the server is set to', async () => {
    await query(`ALTER DATABASE ${new URL(url).pathname.slice(1)} SET synchronous_commit = off`);
    const store = await open(url);
    const [row] = await store.commit(async (trx) => {
      const { sql } = await import('kysely');
      return (await sql<{ value: string }>`select current_setting('synchronous_commit') as value`.execute(trx.db)).rows;
    });
    expect(row).toEqual({ value: 'on' });
  });
});
