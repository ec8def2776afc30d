import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from './harness.ts';

const ROOT = join(import.meta.dirname, '../..');
const PROGRAM = join(ROOT, 'bin/proxmox-agent');

export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running process of the product, with the text that it has printed so far. */
export class Running {
  output = '';
  readonly child: ChildProcess;
  readonly #name: string;

  /** `program`: another version of ours. */
  constructor(name: string, args: readonly string[], env: Readonly<Record<string, string>>, program = PROGRAM) {
    this.#name = name;
    this.child = spawn(program, [name, ...args], {
      env: { ...process.env, NO_COLOR: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.on('data', (data: Buffer) => (this.output += data.toString()));
  }

  /** Resolves with the match when the process has printed it; rejects when it ended before. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.output);
      if (match !== null) return match;
      if (this.child.exitCode !== null)
        throw new Error(`${this.#name} ended with ${this.child.exitCode}: ${this.output}`);
      await Promise.race([
        once(this.child.stdout ?? this.child, 'data'),
        once(this.child.stderr ?? this.child, 'data'),
        once(this.child, 'exit'),
      ]);
    }
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.child.exitCode;
    this.child.kill(signal);
    await once(this.child, 'exit');
    return this.child.exitCode;
  }
}

const TOKEN = 'bootstrap-token-for-tests-0123456789';
const SECRET = '11111111-2222-3333-4444-555555555555';

/** A simulator and a server as real processes, and the command line as their user. */
export class World {
  readonly directory = temporaryDirectory();
  readonly env: Record<string, string> = { LAB_SECRET: SECRET, PROXMOX_AGENT_BOOTSTRAP_TOKEN: TOKEN };
  simulator: Running | undefined;
  server: Running | undefined;
  pve = '';

  async startSimulator(...options: string[]): Promise<void> {
    const args = ['--listen', '127.0.0.1:0', '--control', '--token', `agent@pve!control=${SECRET}`, ...options];
    this.simulator = new Running('simulator', args, {});
    const [, url = ''] = await this.simulator.printed(/(https?:\/\/\S+)/);
    const [, fingerprint = ''] = await this.simulator.printed(/fingerprint (\S+)/);
    this.pve = url;
    writeFileSync(
      join(this.directory.path, 'proxmox-agent.yaml'),
      `environments:\n  - name: home\n    endpoint: ${url}\n    token: { id: "agent@pve!control", secret: "env:LAB_SECRET" }\n    tls: { fingerprint: "${fingerprint}" }\n`,
    );
  }

  async startServer(): Promise<void> {
    const data = join(this.directory.path, 'data');
    this.server = new Running(
      'serve',
      ['--config', join(this.directory.path, 'proxmox-agent.yaml'), '--data', data, '--port', '0'],
      this.env,
    );
    const [, url = ''] = await this.server.printed(/listens on (http:\S+)/);
    this.env['PROXMOX_AGENT_URL'] = url;
  }

  /** Runs one command of the command line to its end. */
  async cli(...args: string[]): Promise<Result> {
    const child = spawn(PROGRAM, args, {
      cwd: this.directory.path,
      env: { ...process.env, NO_COLOR: '1', ...this.env, HOME: this.directory.path },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
    child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
    const [code] = (await once(child, 'close')) as [number];
    return { code, stdout, stderr };
  }

  /** One document of the API, as programs get it. */
  async json(...args: string[]): Promise<Record<string, unknown>> {
    const { code, stdout, stderr } = await this.cli('--json', ...args);
    if (code !== 0) throw new Error(`proxmox-agent ${args.join(' ')} ended with ${code}: ${stdout}${stderr}`);
    return JSON.parse(stdout) as Record<string, unknown>;
  }

  /** What the simulator's control answers, such as the list of calls it got. */
  async control(what: string, body?: object): Promise<unknown> {
    const { Agent, fetch } = await import('undici');
    const dispatcher = new Agent({ connect: { rejectUnauthorized: false } });
    const answer = await fetch(`${this.pve}/_simulator/${what}`, {
      dispatcher,
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    });
    return answer.json();
  }

  async close(): Promise<void> {
    await this.server?.stop('SIGKILL');
    await this.simulator?.stop('SIGKILL');
    this.directory.remove();
  }
}
