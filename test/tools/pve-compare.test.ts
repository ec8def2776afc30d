import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Running } from '../support/processes.ts';

const ROOT = join(import.meta.dirname, '../..');
const SHARED = process.env['PVE_SHARED'] ?? join(ROOT, '../shared');
const SCENARIO = join(SHARED, 'pve/golden/provision/create_vm.json');
let live: Running;
let url = '';
let fingerprint = '';

beforeAll(async () => {
  live = new Running(
    'simulator',
    ['--listen', '127.0.0.1:0', '--token', 'agent@pve!control=secret', '--speed', 'instant', '--control'],
    {},
  );
  [, url = ''] = await live.printed(/(https:\S+)/);
  [, fingerprint = ''] = await live.printed(/fingerprint (\S+)/);
});
afterAll(() => live.stop());

async function compare(...more: string[]): Promise<{ code: number; output: string }> {
  const args = [
    'tools/pve-compare.ts',
    '--live',
    url,
    '--fingerprint',
    fingerprint,
    '--token',
    'agent@pve!control=secret',
    ...more,
  ];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (output += data.toString()));
  const [code] = (await once(child, 'close')) as [number];
  return { code, output };
}

describe('pve-compare', () => {
  it('refuses to touch a cluster that nobody called theirs', async () => {
    expect(await compare(SCENARIO)).toMatchObject({
      code: 2,
      output: expect.stringMatching(/--i-own-this-cluster/) as string,
    });
  });

  // Skipped where the recordings do not stand beside the checkout.
  it.skipIf(!existsSync(SCENARIO) && process.env['REQUIRE_ALL'] !== '1')(
    'finds no difference between a cluster and its twin, and leaves nothing behind',
    { timeout: 60_000 },
    async () => {
      const { code, output } = await compare(
        '--i-own-this-cluster',
        '--node',
        'pve4',
        '--storage',
        'local=nas',
        '--storage',
        'shared=nas',
        SCENARIO,
      );
      expect(output).toMatch(/\d+ steps compared, 0 differ/);
      expect(code).toBe(0);
      expect((await compare('--i-own-this-cluster', SCENARIO)).output).not.toMatch(/There are guests in the range/);
    },
  );
});
