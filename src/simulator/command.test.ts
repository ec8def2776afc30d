import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';

const COMMAND = new URL('./command.ts', import.meta.url).href;
const script = `import { runSimulator } from ${JSON.stringify(COMMAND)}; process.exitCode = await runSimulator(process.argv.slice(1));`;
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

const start = (...args: string[]): ChildProcess => {
  const child = spawn(
    process.execPath,
    ['--input-type=module', '--disable-warning=ExperimentalWarning', '-e', script, '--', ...args],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  children.push(child);
  return child;
};

const ended = (child: ChildProcess): Promise<{ code: number | null; stderr: string }> =>
  new Promise((resolve) => {
    let stderr = '';
    child.stderr?.on('data', (chunk: Buffer) => (stderr += String(chunk)));
    child.on('close', (code) => resolve({ code, stderr }));
  });

/** Resolves when this many lines have come. */
const lines = (child: ChildProcess, count: number): Promise<string[]> =>
  new Promise((resolve) => {
    let text = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      text += String(chunk);
      const found = text.trimEnd().split('\n');
      if (found.length >= count) resolve(found);
    });
  });

describe('the command', () => {
  it.each([
    [['--nonsense'], /--nonsense/],
    [['--listen', 'nowhere'], /--listen/],
    [['--speed', 'fast'], /--speed/],
    [['--world', 'mars'], /--world/],
    [['--token', 'x'], /--token/],
    [['--capture', '/does/not/exist'], /capture/],
  ])('refuses %j in one line, with exit code 2', async (args, words) => {
    const { code, stderr } = await ended(start(...args));
    expect(code).toBe(2);
    expect(stderr).toMatch(words);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it('prints its address and fingerprint', async () => {
    const [url = '', fingerprint = ''] = await lines(start('--listen', '127.0.0.1:0'), 2);
    expect(url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    expect(fingerprint).toMatch(/^fingerprint (?:[0-9A-F]{2}:){31}[0-9A-F]{2}$/);
  });

  it('keeps the cluster in a file across a kill', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'simulator-'));
    try {
      const args = [
        '--listen',
        '127.0.0.1:0',
        '--http',
        '--state',
        join(folder, 'state.json'),
        '--token',
        'root@pam!test=secret',
        '--world',
        'empty',
      ];
      const headers = { Authorization: 'PVEAPIToken=root@pam!test=secret' };
      const first = start(...args);
      const [url] = await lines(first, 1);
      await fetch(`${url}/api2/json/pools`, { method: 'POST', body: new URLSearchParams({ poolid: 'kept' }), headers });
      first.kill('SIGTERM');
      expect((await ended(first)).code).toBe(0);
      const [again] = await lines(start(...args), 1);
      const { data } = (await (await fetch(`${again}/api2/json/pools`, { headers })).json()) as { data: unknown };
      expect(data).toEqual([{ poolid: 'kept' }]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('makes the user of a token that the cluster does not have, and says so', async () => {
    const token = 'new@pve!t=secret';
    const child = start('--listen', '127.0.0.1:0', '--world', 'empty', '--http', '--token', token);
    const end = ended(child);
    const [url] = await lines(child, 1);
    const answer = await fetch(`${url}/api2/json/access/permissions?path=/vms`, {
      headers: { Authorization: `PVEAPIToken=${token}` },
    });
    const { data } = (await answer.json()) as { data: Record<string, Record<string, number>> };
    expect(data['/vms']).toMatchObject({ 'VM.Allocate': 1, 'Permissions.Modify': 1 });
    child.kill('SIGTERM');
    expect((await end).stderr).toMatch(/new user new@pve with the role Administrator on \//);
  });

  it('says what it takes, every option of it', async () => {
    const child = start('--help');
    const end = ended(child);
    const text = (await lines(child, 18)).join('\n');
    expect(await end).toEqual({ code: 0, stderr: '' });
    for (const option of ['world', 'capture', 'listen', 'http', 'password', 'token', 'speed', 'faults', 'state'])
      expect(text).toMatch(new RegExp(`^  --${option}( <.*>)? {2,}\\S`, 'm'));
  });

  it('tells how far it goes', async () => {
    const child = start('--coverage');
    const end = ended(child);
    const text = (await lines(child, 662)).join('\n');
    expect((await end).code).toBe(0);
    expect(text).toMatch(/^modelled +POST \/nodes\/\{node\}\/qemu$/m);
    expect(text).toMatch(/^661 methods: \d+ modelled, \d+ shape only, \d+ not modelled$/m);
  });
});
