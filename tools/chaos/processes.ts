import { freePort } from '../../src/kernel/testing.ts';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, fetch } from 'undici';
import type { SshHost } from '../../src/proxmox/index.ts';
import { startSshd, type TestSshd } from '../../src/proxmox/ssh/testing.ts';
import { ROOT } from '../files.ts';

const PROGRAM = join(ROOT, 'bin/proxmox-agent');
export const BOOTSTRAP = 'chaos-bootstrap-token-0123456789abcdef';
/** A server that was told to stop hands over what it runs and is gone by then. */
const STOP_MS = 20_000;
const SECRET = '99999999-8888-7777-6666-555555555555';

/** One process of the product. */
export class Program {
  output = '';
  readonly child: ChildProcess;
  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.child = spawn(PROGRAM, [...args], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.on('data', (data: Buffer) => (this.output += data.toString()));
  }
  async says(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(this.output)?.[1];
      if (found !== undefined) return found;
      const end = this.child.exitCode ?? this.child.signalCode;
      if (end !== null) throw new Error(`ended with ${end}: ${this.output}`);
      await Promise.race([
        once(this.child.stdout as NodeJS.ReadableStream, 'data'),
        once(this.child.stderr as NodeJS.ReadableStream, 'data'),
        once(this.child, 'exit'),
      ]);
    }
  }
  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill(signal);
    // A stopped process hears only this one.
    if (signal !== 'SIGKILL') this.child.kill('SIGCONT');
    const exit = once(this.child, 'exit');
    const late = setTimeout(() => this.child.kill('SIGKILL'), STOP_MS);
    await exit;
    clearTimeout(late);
    if (signal !== 'SIGKILL' && this.child.signalCode === 'SIGKILL')
      throw new Error(`it did not stop within ${STOP_MS / 1000} s of being told to: ${this.output}`);
  }
}

export type Json = Record<string, unknown>;

/** A simulated cluster and the servers that manage it, each a process of its own. */
export class Stage {
  readonly directory = mkdtempSync(join(tmpdir(), 'proxmox-agent-chaos-'));
  readonly servers: Program[] = [];
  readonly #insecure = new Agent({ connect: { rejectUnauthorized: false } });
  readonly #databaseUrl: string | undefined;
  #host: TestSshd | undefined;
  #cluster: Program | undefined;
  #pve = '';
  #ports: number[] = [];

  constructor(databaseUrl: string | undefined) {
    this.#databaseUrl = databaseUrl;
  }

  async startCluster(speed: string): Promise<void> {
    this.#cluster = new Program([
      'simulator',
      '--listen',
      '127.0.0.1:0',
      '--control',
      '--speed',
      speed,
      '--token',
      `agent@pve!control=${SECRET}`,
    ]);
    this.#pve = await this.#cluster.says(/(https:\S+)/);
    const fingerprint = await this.#cluster.says(/fingerprint (\S+)/);
    this.#host = existsSync('/usr/sbin/sshd') ? await startSshd('pve1') : undefined;
    const config = `environments:\n  - name: home\n    endpoint: ${this.#pve}\n    token: { id: "agent@pve!control", secret: "env:CHAOS_SECRET" }\n    tls: { fingerprint: "${fingerprint}" }\n${this.#ssh()}`;
    writeFileSync(join(this.directory, 'proxmox-agent.yaml'), config);
  }

  /** The node whose host takes commands, as programs that note that they ran. */
  #ssh(): string {
    if (this.#host === undefined) return '';
    this.#host.program('zpool');
    const { access, home } = this.#host;
    const { address, port, hostKey } = access.hosts['pve1'] as SshHost;
    const host = `{ address: ${address}, port: ${port}, host_key: "${hostKey}" }`;
    return `    ssh: { user: ${access.user}, key: "file:${home}/user", directory: "${access.directory}", hosts: { pve1: ${host} } }\n`;
  }

  get hasHost(): boolean {
    return this.#host !== undefined;
  }

  /** Commands that ran on the host, in order. */
  ranOnHost(): string[] {
    return this.#host?.ran() ?? [];
  }

  cutHost(): void {
    this.#host?.cut();
  }

  /** Starts (or starts again) the server of this number on its own port. */
  async startServer(index: number): Promise<void> {
    this.#ports[index] ??= await freePort();
    // Replicas share their keys; with PostgreSQL nothing else stands in the directory.
    const data = join(this.directory, 'data');
    const args = [
      'serve',
      '--config',
      join(this.directory, 'proxmox-agent.yaml'),
      '--data',
      data,
      '--port',
      String(this.#ports[index]),
    ];
    const database = this.#databaseUrl === undefined ? {} : { DATABASE_URL: this.#databaseUrl };
    const server = new Program(args, {
      CHAOS_SECRET: SECRET,
      PROXMOX_AGENT_BOOTSTRAP_TOKEN: BOOTSTRAP,
      ...database,
    });
    this.servers[index] = server;
    await server.says(/listens on (\S+)/);
  }

  /** Asks a server; undefined when it does not answer (it may be dead or stopped). */
  async ask(index: number, path: string, body?: Json): Promise<Json | undefined> {
    try {
      const answer = await fetch(`http://127.0.0.1:${this.#ports[index]}${path}`, {
        headers: {
          authorization: `Bearer ${BOOTSTRAP}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
        // A plan on a busy machine takes its time.
        signal: AbortSignal.timeout(body === undefined ? 5_000 : 30_000),
      });
      return (await answer.json()) as Json;
    } catch {
      return undefined;
    }
  }

  /** The audit log as JSON Lines, and the public key. */
  async audit(index: number): Promise<{ lines: string[]; key: string }> {
    const get = (path: string) =>
      fetch(`http://127.0.0.1:${this.#ports[index]}${path}`, { headers: { authorization: `Bearer ${BOOTSTRAP}` } });
    const lines = (await (await get('/v1/audit/export')).text()).split('\n').filter(Boolean);
    const { public_key } = (await (await get('/v1/audit/key')).json()) as { public_key: string };
    return { lines, key: public_key };
  }

  async control(what: string, body?: Json): Promise<unknown> {
    const answer = await fetch(`${this.#pve}/_simulator/${what}`, {
      dispatcher: this.#insecure,
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    });
    return answer.json();
  }

  /** Reads the cluster as root; undefined for what it refuses. */
  async pve(path: string): Promise<unknown> {
    const answer = await fetch(`${this.#pve}/api2/json${path}`, {
      dispatcher: this.#insecure,
      headers: { 'x-simulator-as': 'root@pam' },
    });
    return answer.status === 200 ? ((await answer.json()) as Json)['data'] : undefined;
  }

  /** Servers that ended although nobody told them to, in their own last words. */
  died(): string[] {
    return this.servers.flatMap(({ child, output }, index) =>
      child.exitCode === null && child.signalCode === null
        ? []
        : [`server ${index} ended by itself (${child.exitCode ?? child.signalCode}): ${output.slice(-800)}`],
    );
  }

  /** In good order, so that what they leave behind is what they meant to. */
  async stopServers(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.kill('SIGTERM')));
  }

  async close(): Promise<void> {
    await Promise.all([...this.servers, this.#cluster].map(async (program) => program?.kill()));
    await this.#insecure.close();
    await this.#host?.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
