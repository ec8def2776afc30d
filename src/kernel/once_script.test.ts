import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CUT_OFF, LOOK, RUN_ONCE } from './once_script.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'proxmox-agent-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const sh = (text: string, ...args: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync('sh', ['-c', text, 'sh', join(home, 'runs'), ...args], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
};
const count = (): string => join(home, 'count');
/** A command that leaves a line each time it runs. */
const counting = (then: string): string[] => ['sh', '-c', `echo ran >>'${count()}'; ${then}`];
const times = (): number => (existsSync(count()) ? readFileSync(count(), 'utf8').trim().split('\n').length : 0);

describe('a command that runs once under an id', () => {
  it('gives the outcome, and the same outcome without running again', () => {
    const first = sh(RUN_ONCE, 'a', ...counting('echo out; echo err >&2; exit 3'));
    expect(first).toEqual({ status: 3, stdout: 'out\nerr\n', stderr: '' });
    expect(sh(RUN_ONCE, 'a', ...counting('exit 0'))).toEqual(first);
    expect(times()).toBe(1);
    expect(sh(LOOK, 'a').stdout).toBe('ended 3\nout\nerr\n');
  });

  it('is told apart by its id, whatever is in the arguments', () => {
    expect(sh(RUN_ONCE, 'a', 'printf', '%s\n', `it's "$HOME" \`id\` ; rm`).stdout).toBe(`it's "$HOME" \`id\` ; rm\n`);
    expect(sh(RUN_ONCE, 'b', ...counting('true')).status).toBe(0);
    expect(times()).toBe(1);
  });

  it('lets the second of two at once wait for the first', async () => {
    const gate = join(home, 'gate');
    const waiting = counting(`until [ -e '${gate}' ]; do sleep 0.05; done; echo done`);
    const both = [1, 2].map(() => spawn('sh', ['-c', RUN_ONCE, 'sh', join(home, 'runs'), 'a', ...waiting]));
    const said = both.map(async (child) => {
      let out = '';
      child.stdout.on('data', (data: Buffer) => (out += String(data)));
      const [code] = (await once(child, 'close')) as [number];
      return { code, out };
    });
    while (sh(LOOK, 'a').stdout !== 'running\n');
    writeFileSync(gate, '');
    expect(await Promise.all(said)).toEqual([
      { code: 0, out: 'done\n' },
      { code: 0, out: 'done\n' },
    ]);
    expect(times()).toBe(1);
  });

  it('goes on when who began it is killed, and is found running, then ended', async () => {
    const gate = join(home, 'gate');
    const child = spawn('sh', [
      '-c',
      RUN_ONCE,
      'sh',
      join(home, 'runs'),
      'a',
      ...counting(`until [ -e '${gate}' ]; do sleep 0.05; done; echo done`),
    ]);
    while (sh(LOOK, 'a').stdout !== 'running\n');
    child.kill('SIGKILL');
    await once(child, 'close');
    expect(sh(LOOK, 'a').stdout).toBe('running\n');
    writeFileSync(gate, '');
    expect(sh(RUN_ONCE, 'a', 'false')).toMatchObject({ status: 0, stdout: 'done\n' });
    expect(times()).toBe(1);
  });

  it('says so when it was cut off, and does not run it again', () => {
    // As after a power cut: begun, and the process is gone.
    mkdirSync(join(home, 'runs/a'), { recursive: true });
    writeFileSync(join(home, 'runs/a/pid'), '1 another-boot\n');
    expect(sh(LOOK, 'a').stdout).toBe('cut off\n');
    expect(sh(RUN_ONCE, 'a', ...counting('true'))).toEqual({ status: 75, stdout: '', stderr: `${CUT_OFF}\n` });
    expect(times()).toBe(0);
    expect(sh(LOOK, 'never').stdout).toBe('absent\n');
  });

  it('says that it cannot when its folder cannot be made', () => {
    writeFileSync(join(home, 'runs'), 'a file');
    expect(sh(RUN_ONCE, 'a', ...counting('true')).status).toBe(74);
    expect(times()).toBe(0);
  });
});
