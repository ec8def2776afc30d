import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const run = promisify(execFile);
const MAIN = join(ROOT, 'dist/main.js');
/** As it is installed: without sources. */
const home = mkdtempSync(join(tmpdir(), 'proxmox-agent-'));
const INSTALLED = join(home, 'bin/main.js');

describe('the published package', () => {
  beforeAll(async () => {
    await run(process.execPath, [join(ROOT, 'tools/build.ts')], { cwd: ROOT });
    cpSync(join(ROOT, 'bin'), join(home, 'bin'), { recursive: true });
    cpSync(join(ROOT, 'package.json'), join(home, 'package.json'));
    symlinkSync(join(ROOT, 'dist'), join(home, 'dist'));
  }, 120_000);
  afterAll(() => rmSync(home, { recursive: true }));

  it('is JavaScript that runs, with the data that it reads beside it', { timeout: 60_000 }, async () => {
    expect((await run(process.execPath, [INSTALLED, '--version'])).stdout).toMatch(/^\d+\.\d+\.\d+/);
    const simulator = spawn(process.execPath, [MAIN, 'simulator', '--listen', '127.0.0.1:0'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [said] = (await once(simulator.stdout, 'data')) as [Buffer];
    expect(said.toString()).toMatch(/^https:\/\/127\.0\.0\.1:\d+/);
    simulator.kill();
    await once(simulator, 'exit');
  });

  it('holds no tests and no test keys', () => {
    expect(existsSync(join(ROOT, 'dist/proxmox/fixtures'))).toBe(false);
    expect(existsSync(join(ROOT, 'dist/kernel/config.test.js'))).toBe(false);
  });
});
