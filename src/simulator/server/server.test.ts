import { X509Certificate } from 'node:crypto';
import { request as httpsRequest } from 'node:https';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../kernel/clock.ts';
import { simulate } from '../testing.ts';
import { makeCertificate } from './certificate.ts';
import { startServer, type RunningServer, type ServerOptions } from './server.ts';

const PASSWORD = 'a-password';
const SECRET = '11111111-2222-4333-8444-555555555555';
const running: RunningServer[] = [];

afterEach(async () => {
  for (const server of running.splice(0)) await server.close();
});

async function serve(
  options: Partial<ServerOptions> = {},
): Promise<{ url: string; simulator: ReturnType<typeof simulate> }> {
  const simulator = simulate();
  const root = simulator.world.state.users.get('root@pam');
  if (root !== undefined) root.password = PASSWORD;
  const token = simulator.world.state.tokens.get('agent@pve!control');
  if (token !== undefined) token.secret = SECRET;
  const server = await startServer({
    simulator,
    clock: systemClock,
    speed: 'instant',
    host: '127.0.0.1',
    port: 0,
    control: false,
    ...options,
  });
  running.push(server);
  return { url: server.url, simulator };
}

const form = (fields: Record<string, string>): RequestInit => ({ method: 'POST', body: new URLSearchParams(fields) });
const TOKEN = { Authorization: `PVEAPIToken=agent@pve!control=${SECRET}` };

describe('the certificate', () => {
  it('is one that TLS clients and the fingerprint of a pin agree on', async () => {
    const certificate = makeCertificate(Date.now(), new Uint8Array([0xff, 1, 2, 3, 4, 5, 6, 7]));
    const parsed = new X509Certificate(certificate.cert);
    expect(parsed.fingerprint256).toBe(certificate.fingerprint);
    expect(parsed.checkHost('localhost')).toBe('localhost');
    expect(parsed.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(parsed.verify(parsed.publicKey)).toBe(true);
    const { url } = await serve({ certificate });
    // The certificate itself is the only authority trusted, so this is a full verification.
    const status = await new Promise((resolve, reject) => {
      httpsRequest(`${url}/api2/json/version`, { ca: certificate.cert, headers: TOKEN, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
    expect(status).toBe(200);
  });
});

describe('a TLS port', () => {
  it.each([
    ['nonsense', '\0\0\0\r\n\r\n'],
    ['plain HTTP', 'GET /api2/json/version HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['half a handshake', '\u0016\u0003\u0001\u0002\u0000\u0001'],
    ['nothing', ''],
  ])('survives %s', async (_, bytes) => {
    const certificate = makeCertificate(Date.now(), new Uint8Array(8));
    const { url } = await serve({ certificate });
    await new Promise((resolve) =>
      connect(Number(new URL(url).port), '127.0.0.1', function (this: Socket) {
        this.end(bytes);
      })
        .on('error', () => {})
        .on('close', resolve)
        .resume(),
    );
    const status = await new Promise((resolve, reject) => {
      httpsRequest(`${url}/api2/json/version`, { ca: certificate.cert, headers: TOKEN, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
    expect(status).toBe(200);
  });
});

describe('logging in', () => {
  it('gives a ticket that needs its CSRF token for changes', async () => {
    const { url } = await serve();
    const login = await fetch(`${url}/api2/json/access/ticket`, form({ username: 'root@pam', password: PASSWORD }));
    const { data } = (await login.json()) as {
      data: { ticket: string; CSRFPreventionToken: string; cap: { vms: object } };
    };
    expect(data.cap.vms).toHaveProperty('VM.Allocate');
    const Cookie = `PVEAuthCookie=${encodeURIComponent(data.ticket)}`;
    const make = (headers: Record<string, string>): Promise<Response> =>
      fetch(`${url}/api2/json/pools`, { ...form({ poolid: 'p' }), headers: { Cookie, ...headers } });
    expect(await make({})).toMatchObject({ status: 401, statusText: 'Permission denied - invalid csrf token' });
    expect((await make({ CSRFPreventionToken: data.CSRFPreventionToken })).status).toBe(200);
    const renewed = await fetch(
      `${url}/api2/json/access/ticket`,
      form({ username: 'root@pam', password: data.ticket }),
    );
    expect(renewed.status).toBe(200);
  });

  it('refuses a wrong password with a body and everything else without', async () => {
    const { url } = await serve();
    const wrong = await fetch(`${url}/api2/json/access/ticket`, form({ username: 'root@pam', password: 'nope' }));
    expect([wrong.status, wrong.statusText, await wrong.text()]).toEqual([
      401,
      'authentication failure',
      '{"data":null,"message":"authentication failure\\n"}',
    ]);
    const none = await fetch(`${url}/api2/json/version`);
    expect([none.status, none.statusText, await none.text(), none.headers.get('content-type')]).toEqual([
      401,
      'No ticket',
      '',
      null,
    ]);
    const forged = await fetch(`${url}/api2/json/version`, {
      headers: { Authorization: `PVEAPIToken=agent@pve!control=${SECRET.replace('1', '2')}` },
    });
    expect(forged.statusText).toBe('Authentication failed!');
  });

  it('lets a token in without more, but not where a ticket is needed', async () => {
    const { url } = await serve();
    const call = (path: string, init: RequestInit = {}): Promise<Response> =>
      fetch(`${url}/api2/json${path}`, { ...init, headers: TOKEN });
    expect((await call('/pools', form({ poolid: 'p' }))).status).toBe(200);
    const refused = await call('/access/password', {
      method: 'PUT',
      body: new URLSearchParams({ userid: 'ops@pve', password: 'secret-enough' }),
    });
    expect([refused.status, refused.statusText]).toEqual([
      403,
      "Permission check failed (URI '/access/password' not available with API token, need proper ticket.",
    ]);
  });

  it('answers a 401 three seconds after its request where time is real', async () => {
    const { url } = await serve({ speed: 1 });
    const started = Date.now();
    await fetch(`${url}/api2/json/version`);
    expect(Date.now() - started).toBeGreaterThanOrEqual(2_990);
  });
});

describe('HTTP habits', () => {
  it('closes the connection after an error and keeps it after a success', async () => {
    const { url } = await serve();
    const good = await fetch(`${url}/api2/json/version`, { headers: TOKEN });
    const bad = await fetch(`${url}/api2/json/nope`, { headers: TOKEN });
    expect([good.headers.get('connection'), bad.headers.get('connection')]).toEqual(['keep-alive', 'close']);
    expect(await bad.json()).toEqual({ data: null, message: "Method 'GET /nope' not implemented" });
  });

  it.each([
    ['text/plain', 'a=1', 506],
    ['multipart/form-data; boundary=x', '--x', 506],
    ['application/json', '{"poolid":', 500],
    ['application/json', '{"poolid":"fine","comment":"x"}', 200],
    ['application/x-www-form-urlencoded', `poolid=${'x'.repeat(600_000)}`, 501],
  ])('takes %s as PVE does', async (type, body, status) => {
    const { url } = await serve();
    const response = await fetch(`${url}/api2/json/pools`, {
      method: 'POST',
      headers: { ...TOKEN, 'Content-Type': type },
      body,
    });
    expect(response.status).toBe(status);
  });

  it('refuses a body on DELETE', async () => {
    const { url } = await serve();
    const response = await fetch(`${url}/api2/json/pools/staging`, { method: 'DELETE', headers: TOKEN, body: 'a=1' });
    expect([response.status, response.statusText]).toEqual([501, "Unexpected content for method 'DELETE'"]);
  });

  it('answers ExtJS with 200 and closes on an unknown formatter', async () => {
    const { url } = await serve();
    const body = await (await fetch(`${url}/api2/extjs/nodes/pve1/qemu/9999/config`, { headers: TOKEN })).json();
    expect(body).toMatchObject({
      success: 0,
      status: 500,
      message: "Configuration file 'nodes/pve1/qemu-server/9999.conf' does not exist\n",
    });
    await expect(fetch(`${url}/api2/xml/version`, { headers: TOKEN })).rejects.toThrow();
  });

  it('cuts the connection where a fault says so, with the call executed', async () => {
    const { url, simulator } = await serve();
    simulator.inject({ match: { method: 'POST', path: '/pools' }, kind: 'cut-after' });
    await expect(fetch(`${url}/api2/json/pools`, { ...form({ poolid: 'cut' }), headers: TOKEN })).rejects.toThrow();
    expect(simulator.objects().has('pool/cut')).toBe(true);
  });

  it('survives a connection that says nothing sensible', async () => {
    const { url } = await serve();
    const { port } = new URL(url);
    await new Promise((resolve) =>
      connect(Number(port), '127.0.0.1', function (this: Socket) {
        this.end('\0\0\0\r\n\r\n');
      })
        .on('close', resolve)
        .resume(),
    );
    expect((await fetch(`${url}/api2/json/version`, { headers: TOKEN })).status).toBe(200);
  });
});

describe('control', () => {
  const post = (url: string, what: string, body: unknown): Promise<Response> =>
    fetch(`${url}/_simulator/${what}`, { method: 'POST', body: JSON.stringify(body) });

  it('is closed unless asked for, the header that names the caller too', async () => {
    const { url } = await serve();
    expect((await post(url, 'settle', {})).status).toBe(404);
    expect((await fetch(`${url}/api2/json/version`, { headers: { 'X-Simulator-As': 'root@pam' } })).status).toBe(401);
  });

  it('moves time, kills nodes, injects faults and lists calls', async () => {
    const { url } = await serve({ control: true, speed: 'manual' });
    const as = { headers: { 'X-Simulator-As': 'token:agent@pve!control' } };
    const { data: upid } = (await (
      await fetch(`${url}/api2/json/nodes/pve2/qemu/121/status/stop`, { method: 'POST', ...as })
    ).json()) as { data: string };
    const status = async (): Promise<string> =>
      (
        (await (await fetch(`${url}/api2/json/nodes/pve2/tasks/${upid}/status`, as)).json()) as {
          data: { status: string };
        }
      ).data.status;
    expect(await status()).toBe('running');
    await post(url, 'settle', {});
    expect(await status()).toBe('stopped');
    const { calls } = (await (await fetch(`${url}/_simulator/calls`)).json()) as { calls: object[] };
    expect(calls).toMatchObject([
      { principal: 'agent@pve!control', method: 'POST', path: '/nodes/pve2/qemu/121/status/stop', upid, status: 200 },
    ]);
    await post(url, 'event', { kind: 'kill-node', node: 'pve3' });
    expect(await fetch(`${url}/api2/json/nodes/pve3/qemu`, as)).toMatchObject({
      status: 595,
      statusText: 'Connection timed out',
    });
    expect((await post(url, 'faults', { faults: [{ kind: 'nonsense' }] })).status).toBe(400);
    await post(url, 'faults', { faults: [{ match: { path: '/version' }, kind: 'status', status: 596 }] });
    expect((await fetch(`${url}/api2/json/version`, as)).status).toBe(596);
  });
});
