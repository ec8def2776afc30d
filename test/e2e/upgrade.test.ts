import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MIGRATIONS } from '../../src/store/migrations/index.ts';
import { postgresPrograms, startPostgres, type TestServer } from '../../src/store/postgres/testing.ts';
import { ReplicaWorld, type Json, type Replica } from '../support/replicas.ts';

const ROOT = join(import.meta.dirname, '../..');
const NEXT = MIGRATIONS.length + 1;
const CREATE = {
  environment: 'home',
  action: 'vm.create_from_template',
  target: 'vm/9000',
  params: { name: 'web1', disk: { size: '20G' } },
};
const START = { environment: 'home', action: 'vm.start', target: 'vm/301' };

/** The next version of the product in a folder of its own: it says another number, and adds to the tables. */
function nextVersion(folder: string): string {
  mkdirSync(folder);
  for (const part of ['bin', 'src', 'package.json']) cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  for (const part of ['node_modules', 'web']) symlinkSync(join(ROOT, part), join(folder, part));
  const edit = (file: string, change: (text: string) => string): void =>
    writeFileSync(join(folder, file), change(readFileSync(join(folder, file), 'utf8')));
  edit('package.json', (text) => text.replace(/"version": "[^"]+"/, '"version": "99.0.0"'));
  edit('src/store/migrations/index.ts', (text) =>
    text.replace(
      /= \[(.*?),?\s*\];/s,
      `= [$1, { id: ${NEXT}, name: 'next', triggers: { sqlite: [], postgres: [] }, tables: (t) => [
        \`ALTER TABLE operations ADD COLUMN colour \${t.text}\`,
        \`CREATE TABLE colours (name \${t.text} PRIMARY KEY)\${t.options}\`,
        \`CREATE INDEX operations_colour ON operations (colour)\`] }];`,
    ),
  );
  return join(folder, 'bin/proxmox-agent');
}

describe.skipIf(postgresPrograms() === undefined && process.env['REQUIRE_ALL'] !== '1')(
  'an upgrade on postgres',
  () => {
    let postgres: TestServer;
    let world: ReplicaWorld;
    beforeAll(async () => {
      postgres = await startPostgres();
      world = new ReplicaWorld(await postgres.create());
    });
    afterAll(async () => {
      await world.close();
      await postgres.end();
    });
    const apply = async (replica: Replica, request: object): Promise<string> => {
      const plan = await replica.json('POST /v1/actions/plan', request);
      return String((await replica.json('POST /v1/actions/apply', { plan_id: plan['plan_id'] }))['operation_id']);
    };
    const versionOf = async (replica: Replica): Promise<unknown> =>
      ((await replica.json('GET /openapi.json'))['info'] as Json)['version'];
    const attempts = async (operation_id: string): Promise<unknown> =>
      (await world.rows('SELECT attempt FROM operations WHERE operation_id = $1', [operation_id]))[0];

    it('goes one replica after the other while work goes on, and back again', { timeout: 180_000 }, async () => {
      const [a, b] = await world.start();
      const first = await apply(a, CREATE);
      await world.called(/9000\/clone/);
      const program = nextVersion(join(world.directory.path, 'next'));

      // The new one changes the tables under the old ones, in the middle of an operation.
      const c = await world.startReplica(program);
      expect([await versionOf(a), await versionOf(c)]).toEqual([await versionOf(b), '99.0.0']);
      expect(await world.rows('SELECT max(id) AS newest FROM migrations', [])).toEqual([{ newest: String(NEXT) }]);
      const second = await apply(c, START);
      expect(await b.operation(second)).toMatchObject({ plan_id: expect.any(String) as string });

      // What an old one ran goes on with whoever is left, of either version.
      expect(await a.process.stop('SIGTERM')).toBe(0);
      await world.until(async () => ((await c.operation(first))['attempt'] === 2 ? true : undefined));
      expect(await world.ended(b, first)).toMatchObject({ state: 'applied' });
      expect(await world.ended(c, second)).toMatchObject({ state: 'applied' });

      // Back: an old one starts beside the new tables, and takes over what the new one had begun.
      expect(await b.process.stop('SIGTERM')).toBe(0);
      const third = await apply(c, { ...START, action: 'vm.shutdown' });
      await world.called(/status\/shutdown/);
      const old = await world.startReplica();
      expect(await versionOf(old)).not.toBe('99.0.0');
      expect(await c.process.stop('SIGTERM')).toBe(0);
      expect(await world.ended(old, third)).toMatchObject({ state: 'applied' });
      expect(await attempts(third)).toEqual({ attempt: '2' });

      const calls = await world.calls();
      expect(calls.filter((call, index) => calls.indexOf(call) !== index)).toEqual([]);
      world.env['PROXMOX_AGENT_URL'] = old.url;
      expect(await world.cli('audit', 'verify')).toMatchObject({ code: 0 });
    });
  },
);
