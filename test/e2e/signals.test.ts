import { once } from 'node:events';
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Running, World } from '../support/processes.ts';

let world: World;
afterEach(() => world.close());

const authorization = (): string => `Bearer ${world.env['PROXMOX_AGENT_BOOTSTRAP_TOKEN'] ?? ''}`;
const at = (path: string): string => `${world.env['PROXMOX_AGENT_URL'] ?? ''}${path}`;
const post = (path: string, body: object): Promise<Response> =>
  fetch(at(path), {
    method: 'POST',
    headers: { authorization: authorization(), 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

describe('a server that is told to end', () => {
  it('answers who waits for an operation as it stands, ends streams, and takes nothing new up', async () => {
    world = new World();
    await world.startSimulator('--speed', 'manual');
    await world.startServer();
    const planned = await post('/v1/actions/plan', { environment: 'home', action: 'vm.start', target: 'vm/301' });
    const { plan_id } = (await planned.json()) as { plan_id: string };
    const stream = await fetch(at('/v1/events'), { headers: { authorization: authorization() } });
    const events = stream.text();
    const waiting = post('/v1/actions/apply?wait=120', { plan_id });
    while (((await world.control('calls')) as { calls: unknown[] }).calls.length === 0)
      await new Promise((resolve) => setImmediate(resolve));
    expect(await world.server?.stop('SIGTERM')).toBe(0);
    const answer = await waiting;
    expect(answer.status).toBe(202);
    expect(await answer.json()).toMatchObject({ plan_id, state: 'running' });
    expect(await events).toContain('operation.effect.sent');
  });

  it('ends by itself also while it starts', async () => {
    world = new World();
    // A database that takes connections and says nothing.
    const mute = net.createServer(() => {}).listen(0, '127.0.0.1');
    await once(mute, 'listening');
    const { port } = mute.address() as net.AddressInfo;
    const server = new Running('serve', ['--data', world.directory.path, '--port', '0'], {
      DATABASE_URL: `postgres://nobody@127.0.0.1:${port}/none`,
    });
    const [socket] = (await once(mute, 'connection')) as [net.Socket];
    server.child.kill('SIGTERM');
    socket.destroy();
    mute.close();
    const [code, signal] = (await once(server.child, 'exit')) as [number | null, string | null];
    // By its own doing: the signal alone would have ended it without a word.
    expect([code, signal], server.output).toEqual([1, null]);
    expect(server.output).toContain('PostgreSQL does not answer');
  });
});
