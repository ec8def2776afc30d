import { freePort } from '../../src/kernel/testing.ts';
import { readFileSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { startPostgres, type TestServer } from '../../src/store/postgres/testing.ts';
import { Running } from '../support/processes.ts';
import { absent } from '../support/programs.ts';
import { Replica, ReplicaWorld, type StreamEvent } from '../support/replicas.ts';

const DEPLOY = join(import.meta.dirname, '../../deploy');
const START = { environment: 'home', action: 'vm.start', target: 'vm/301' };

interface Compose {
  readonly services: Readonly<Record<string, { readonly environment?: Readonly<Record<string, string>> }>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

/** What `deploy/compose.yaml` describes, as processes: its variables and secrets, its proxy with its configuration. */
class Composed extends ReplicaWorld {
  readonly #compose = parse(readFileSync(join(DEPLOY, 'compose.yaml'), 'utf8'), { merge: true }) as Compose;
  #nginx: ChildProcess | undefined;
  proxy!: Replica;

  async up(): Promise<void> {
    await this.startSimulator('--speed', 'manual');
    const names = Object.keys(this.#compose.services).filter((name) => name.startsWith('agent-'));
    // All at once, as compose does: who is first makes the tables and the keys.
    const ports = new Map(await Promise.all(names.map(async (name) => [name, await this.#agent(name)] as const)));
    await this.#startProxy(ports);
  }

  async #agent(name: string): Promise<number> {
    const env = { ...this.#compose.services[name]?.environment };
    for (const secret of Object.keys(this.#compose.secrets))
      for (const [key, value] of Object.entries(env))
        if (value === `/run/secrets/${secret}`) env[key] = join(this.directory.path, secret);
    env['PROXMOX_AGENT_CONFIG'] = join(this.directory.path, 'proxmox-agent.yaml');
    const running = new Running('serve', [], {
      ...this.env,
      ...env,
      PROXMOX_AGENT_DATA: join(this.directory.path, 'data'),
      PROXMOX_AGENT_PORT: '0',
    });
    const replica = new Replica(running, this.env['PROXMOX_AGENT_BOOTSTRAP_TOKEN'] ?? '');
    this.replicas.push(replica);
    [, replica.url = ''] = await running.printed(/listens on (http:\S+)/);
    return Number(new URL(replica.url).port);
  }

  async #startProxy(ports: ReadonlyMap<string, number>): Promise<void> {
    const port = await freePort();
    const home = this.directory.path;
    const ours = readFileSync(join(DEPLOY, 'nginx/proxmox-agent.conf'), 'utf8')
      .replace(/(agent-\d+):8470/g, (_text, name: string) => `127.0.0.1:${ports.get(name)}`)
      .replace('listen 8470', `listen 127.0.0.1:${port}`);
    const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (name) => `${name}_temp_path ${home}/${name};`,
    );
    const user = process.getuid?.() === 0 ? 'user root;' : '';
    writeFileSync(
      join(home, 'nginx.conf'),
      `${user} pid ${home}/nginx.pid; error_log stderr info; events {} http { access_log off; ${folders.join(' ')}\n${ours}\n}`,
    );
    this.#nginx = spawn('nginx', ['-c', join(home, 'nginx.conf'), '-g', 'daemon off;'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    // It says so when its workers have begun.
    let said = '';
    while (!/start worker process \d/.test(said))
      said += String((await once(this.#nginx.stderr as NodeJS.ReadableStream, 'data'))[0]);
    const [first] = this.replicas as [Replica];
    this.proxy = new Replica(first.process, this.env['PROXMOX_AGENT_BOOTSTRAP_TOKEN'] ?? '');
    this.proxy.url = `http://127.0.0.1:${port}`;
  }

  override async close(): Promise<void> {
    if (this.#nginx?.exitCode === null) {
      this.#nginx.kill('SIGQUIT');
      await once(this.#nginx, 'exit');
    }
    await super.close();
  }
}

describe.skipIf(absent('nginx', '-v') || absent('psql'))(
  'two replicas behind a proxy, as compose.yaml has them',
  () => {
    let postgres: TestServer;
    let world: Composed;
    beforeAll(async () => {
      postgres = await startPostgres();
      const url = await postgres.createEmpty();
      world = new Composed(url);
      writeFileSync(join(world.directory.path, 'database-url'), url);
      await world.up();
    }, 60_000);
    afterAll(async () => {
      await world.close();
      await postgres.end();
    });

    it('are two of the same', () => {
      const { services } = parse(readFileSync(join(DEPLOY, 'compose.yaml'), 'utf8'), { merge: true }) as Compose;
      expect(Object.keys(services)).toEqual(['agent-1', 'agent-2', 'database', 'proxy']);
      expect(services['agent-1']).toEqual(services['agent-2']);
    });

    it(
      'end what one of them had begun when it is killed, and nobody at the proxy notices',
      { timeout: 120_000 },
      async () => {
        const { proxy, replicas } = world;
        const ended = ({ type }: StreamEvent): boolean => type === 'operation.applied';
        const plan = await proxy.json('POST /v1/actions/plan', START);
        const [first] = replicas as [Replica];
        const { operation_id } = await first.json('POST /v1/actions/apply', { plan_id: plan['plan_id'] });
        await world.called(/status\/start/);
        await first.process.stop('SIGKILL');
        // Every read is answered, whichever replica its turn falls on.
        for (let look = 0; look < 10; look++)
          expect((await proxy.ask('GET /v1/inventory?environment=home')).status).toBe(200);
        expect(await world.ended(proxy, String(operation_id))).toMatchObject({ state: 'applied' });
        expect(await world.calls()).toEqual(['POST /nodes/pve4/qemu/301/status/start']);
        const events = await proxy.listen(0, (heard) => heard.some(ended));
        expect(events.map(({ id }) => id)).toEqual(events.map((_, index) => index + 1));
      },
    );
  },
);

it('the image has every folder of the package that runs', () => {
  const { files } = JSON.parse(readFileSync(join(DEPLOY, '../package.json'), 'utf8')) as { files: string[] };
  const image =
    readFileSync(join(DEPLOY, 'Dockerfile'), 'utf8')
      .split(/^FROM /m)
      .at(-1) ?? '';
  const needed = files.filter((file) => !/^!|^docs$|\.md$/.test(file));
  expect(needed).toContain('runbooks');
  for (const file of needed) expect(image).toMatch(new RegExp(`^COPY --from=build .*/build/${file}\\b`, 'm'));
});
