import { freePort } from '../../kernel/testing.ts';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret } from '../../kernel/secret.ts';
import type { Exec, Outcome, SshAccess } from './hosts.ts';

/** For tests: a node whose commands run on this machine without SSH, as programs that only note that they ran. */
export interface LocalHost {
  readonly access: SshAccess;
  readonly exec: Exec;
  /** The runs so far, as the words each was called with. */
  ran(): string[];
}

export function localHost(node: string, home: string): LocalHost {
  const [bin, notes] = [join(home, 'bin'), join(home, 'ran')];
  const host = { address: 'this machine', port: 22, hostKey: 'SHA256:none' };
  const access = { user: 'root', key: new Secret(''), directory: join(home, 'runs'), hosts: { [node]: host } };
  return { access, exec: (_node, argv) => runHere(bin, notes, argv), ran: () => linesOf(notes) };
}

const linesOf = (file: string): string[] =>
  existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];

function addProgram(bin: string, notes: string, name: string, then: string): void {
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, name), `#!/bin/sh\necho "${name} $*" >>'${notes}'\n${then}\n`, { mode: 0o755 });
}

async function runHere(bin: string, notes: string, [program = '', ...args]: readonly string[]): Promise<Outcome> {
  if (!existsSync(bin))
    for (const name of ['zpool', 'systemctl', 'smartctl', 'journalctl', 'fstrim']) addProgram(bin, notes, name, '');
  const env = { PATH: `${bin}:/usr/bin:/bin` };
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (data: Buffer) => (stdout += String(data)));
  child.stderr.on('data', (data: Buffer) => (stderr += String(data)));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code: code ?? 255, stdout, stderr };
}

/** For tests: Debian's sshd on a loopback port, with keys of its own. Commands find programs of `program` first. */
export interface TestSshd {
  readonly access: SshAccess;
  readonly home: string;
  /** Puts a program there that notes each run in `ran` and then does `then`, in sh. */
  program(name: string, then?: string): void;
  /** The runs so far, as the words each was called with. */
  ran(): string[];
  /** Cuts every connection; what runs goes on. */
  cut(): void;
  stop(): Promise<void>;
}

export async function startSshd(node: string): Promise<TestSshd> {
  const home = mkdtempSync(join(tmpdir(), 'proxmox-agent-ssh-'));
  const bin = join(home, 'bin');
  for (const name of ['host', 'user'])
    run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', join(home, name)]);
  writeFileSync(join(home, 'authorized'), readFileSync(join(home, 'user.pub')), { mode: 0o600 });
  const port = await freePort();
  const settings = {
    ListenAddress: '127.0.0.1',
    Port: String(port),
    HostKey: join(home, 'host'),
    AuthorizedKeysFile: join(home, 'authorized'),
    PidFile: 'none',
    StrictModes: 'no',
    UsePAM: 'no',
    PermitRootLogin: 'yes',
    PasswordAuthentication: 'no',
    SetEnv: `PATH=${bin}:/usr/sbin:/usr/bin:/sbin:/bin`,
  };
  writeFileSync(
    join(home, 'config'),
    Object.entries(settings)
      .map(([name, value]) => `${name} ${value}\n`)
      .join(''),
  );
  mkdirSync('/run/sshd', { recursive: true });
  const child = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', join(home, 'config')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await listening(child);
  const print = run('ssh-keygen', ['-lf', join(home, 'host.pub')]).split(' ')[1] ?? '';
  const notes = join(home, 'ran');
  return {
    home,
    access: {
      user: run('id', ['-un']).trim(),
      key: new Secret(readFileSync(join(home, 'user'), 'utf8')),
      directory: join(home, 'runs'),
      hosts: { [node]: { address: '127.0.0.1', port, hostKey: print } },
    },
    program: (name, then = 'echo done') => addProgram(bin, notes, name, then),
    ran: () => linesOf(notes),
    cut: () => void spawnSync('pkill', ['-KILL', '-P', String(child.pid)]),
    async stop() {
      child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      rmSync(home, { recursive: true, force: true });
    },
  };
}

function run(program: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program, [...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program}: ${stderr}`);
  return stdout;
}

async function listening(child: ChildProcess): Promise<void> {
  let said = '';
  while (!said.includes('Server listening')) {
    const [data] = (await Promise.race([
      once(child.stderr as NodeJS.ReadableStream, 'data'),
      once(child, 'exit').then(() => {
        throw new Error(`sshd ended: ${said}`);
      }),
    ])) as [Buffer];
    said += String(data);
  }
}
