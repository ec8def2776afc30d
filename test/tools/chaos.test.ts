import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { postgresPrograms } from '../../src/store/postgres/testing.ts';
import { DRAWN } from '../../tools/chaos/plans.ts';
import { CHANGING } from '../contract/cases.ts';

const SCRIPT = join(import.meta.dirname, '../../tools/chaos.ts');
const chaos = (...args: readonly string[]): string =>
  spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', SCRIPT, ...args], { encoding: 'utf8' }).stdout;

describe('chaos', () => {
  it('draws from every action that changes something', () => {
    expect(DRAWN).toEqual(CHANGING.map(({ name }) => name).sort());
  });

  it('breaks no promise on one machine', { timeout: 240_000 }, () => {
    expect(chaos('--seed', 'ci', '--runs', '4')).toMatch(/^4 runs: .*; 0 broke a promise$/m);
  });

  it.skipIf(postgresPrograms() === undefined && process.env['REQUIRE_ALL'] !== '1')(
    'breaks no promise with replicas on PostgreSQL',
    { timeout: 240_000 },
    () => {
      const said = chaos('--seed', 'ci', '--runs', '3', '--database', 'postgres', '--replicas', '2');
      expect(said).toMatch(/^3 runs: .*; 0 broke a promise$/m);
    },
  );
});
