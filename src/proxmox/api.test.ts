import { expect, test } from 'vitest';
import { ManualClock, systemClock } from '../kernel/clock.ts';
import { silentLogger } from '../kernel/log.ts';
import { createPveApi } from './api.ts';
import { principalOf } from './auth.ts';
import { closedPort, open, rejection, type Reply, serve, TICKET, TOKEN } from './fixtures/servers.ts';
import { pveWords } from './rejection.ts';
import type { HttpMethod, PveApi } from './types.ts';

const apiAt = (urls: readonly string[], clock = new ManualClock()): PveApi =>
  createPveApi(open(urls), { principal: principalOf(TOKEN), clock, log: silentLogger });

async function answering(...replies: readonly (Reply | 'cut')[]) {
  let next = 0;
  const server = await serve(() => replies[Math.min(next++, replies.length - 1)] as Reply);
  return { ...server, api: apiAt([server.url]) };
}

const ask = async (method: HttpMethod, reply: Reply | 'cut') => {
  const { api, received } = await answering(reply);
  return { error: await rejection(api.call({ method, path: '/x' })), tries: received.length };
};

test('data comes with what stands beside it, and null where there is none', async () => {
  const { api } = await answering(
    { body: { data: [1], total: 150 } },
    { body: { changes: '--- /etc/network/interfaces', data: [] } },
    { body: { data: null } },
    { body: { success: 1 } },
  );
  expect(await api.call({ method: 'GET', path: '/a' })).toEqual({ data: [1], total: 150 });
  expect(await api.call({ method: 'GET', path: '/b' })).toEqual({ data: [], changes: '--- /etc/network/interfaces' });
  expect(await api.call({ method: 'PUT', path: '/c' })).toEqual({ data: null });
  expect(await api.get('/d')).toBeNull();
  expect(api.principal).toBe('agent@pve!control');
  expect(principalOf(TICKET)).toBe('root@pam');
});

test('get hands its parameters on', async () => {
  const { api, received } = await answering({ body: { data: 1 } });
  await api.get('/cluster/resources', { type: 'vm' });
  expect(received[0]?.url).toBe('/api2/json/cluster/resources?type=vm');
});

test.each<[Reply, string, number]>([
  [{ status: 401, reason: 'No ticket' }, 'No ticket', 401],
  [
    { status: 401, reason: 'authentication failure', body: { data: null, message: 'authentication failure\n' } },
    'authentication failure',
    401,
  ],
  [
    { status: 403, reason: 'x', body: { data: null, message: 'Permission check failed (/vms/100, VM.PowerMgmt)\n' } },
    'Permission check failed (/vms/100, VM.PowerMgmt)',
    403,
  ],
  [{ status: 500, reason: 'first', body: { data: null, message: 'first\nsecond\n' } }, 'first\nsecond', 500],
  [
    { status: 500, reason: 'malformed JSON string', body: 'malformed JSON string, at line 3\n' },
    'malformed JSON string, at line 3',
    500,
  ],
  [{ status: 501, reason: "Method 'GET /x' not implemented" }, "Method 'GET /x' not implemented", 501],
  [{ status: 302, reason: 'Found', headers: { location: 'https://elsewhere.invalid' } }, 'Found', 302],
])('a refusal keeps PVE’s words: %j', async (reply, message, status) => {
  const { error, tries } = await ask('GET', reply);
  expect(error).toMatchObject({ code: 'PVE_REJECTED', message: `Proxmox VE answered ${status} to GET /x: ${message}` });
  expect(pveWords(error)).toEqual({ status, message });
  expect(tries).toBe(1);
});

test('field errors are readable and kept as fields', async () => {
  const errors = { vmid: "type check ('integer') failed - got 'x'\n", name: 'invalid format', odd: { deep: 1 } };
  const { error } = await ask('POST', {
    status: 400,
    reason: 'Parameter verification failed.',
    body: { data: null, message: 'Parameter verification failed.\n', errors },
  });
  const fields = { name: 'invalid format', odd: '{"deep":1}', vmid: "type check ('integer') failed - got 'x'" };
  expect(pveWords(error)).toEqual({ status: 400, message: 'Parameter verification failed.', errors: fields });
  expect(error).toMatchObject({
    details: { errors: fields },
    message: `Proxmox VE answered 400 to POST /x: Parameter verification failed. name: invalid format; odd: {"deep":1}; vmid: ${fields.vmid}`,
  });
});

test.each<[HttpMethod, number, string, 'no' | 'maybe', number]>([
  ['POST', 595, 'Connection timed out', 'no', 1],
  ['POST', 595, 'No route to host', 'no', 1],
  ['POST', 595, 'Connection refused', 'no', 1],
  ['POST', 595, 'Broken pipe', 'maybe', 1],
  ['POST', 596, 'Broken pipe', 'maybe', 1],
  ['POST', 596, 'Connection timed out', 'maybe', 1],
  ['POST', 596, 'tls_process_server_certificate: certificate verify failed', 'no', 1],
  ['POST', 599, 'Too many redirections', 'maybe', 1],
  ['POST', 502, 'Bad Gateway', 'maybe', 1],
  ['PUT', 504, 'Gateway Time-out', 'maybe', 1],
  ['GET', 595, 'No route to host', 'no', 3],
  ['GET', 596, 'Broken pipe', 'maybe', 3],
])('%s answered %i %s was sent: %s', async (method, status, reason, sent, tries) => {
  const seen = await ask(method, { status, reason });
  expect(seen.error).toMatchObject({
    code: 'PVE_UNREACHABLE',
    details: { more: { sent, kind: 'proxy', pve: { status, message: reason } } },
  });
  expect(seen.tries).toBe(tries);
});

test('a 2xx that is not PVE’s leaves a write in doubt', async () => {
  for (const body of ['<html>Welcome to the guest network</html>', '', '[1]']) {
    expect((await ask('POST', { status: 200, body })).error).toMatchObject({
      code: 'PVE_UNREACHABLE',
      details: { more: { sent: 'maybe' } },
    });
  }
});

test('a read is repeated with growing pauses until it is answered, a write never', async () => {
  const clock = new ManualClock(0);
  let count = 0;
  const server = await serve(() => (++count < 3 ? 'cut' : { body: { data: 'there' } }));
  expect(await apiAt([server.url], clock).get('/x')).toBe('there');
  expect(server.received.length).toBe(3);
  expect(clock.now()).toBe(800);
  expect(await ask('POST', 'cut')).toMatchObject({ tries: 1, error: { details: { more: { sent: 'maybe' } } } });
  expect(await ask('DELETE', 'cut')).toMatchObject({ tries: 1 });
  expect(await ask('GET', 'cut')).toMatchObject({ tries: 3, error: { code: 'PVE_UNREACHABLE' } });
  expect(await rejection(apiAt([await closedPort()]).get('/x'))).toMatchObject({ details: { more: { sent: 'no' } } });
});

test('a time-out, a wrong certificate and a cancelled call are not repeated', async () => {
  const silent = await serve(() => 'silence');
  const late = apiAt([silent.url]).call({ method: 'GET', path: '/x', timeout: 60 });
  expect(await rejection(late)).toMatchObject({ details: { more: { kind: 'timeout' } } });
  expect(silent.received.length).toBe(1);
  const self = await serve(() => ({}), 'self');
  expect(await rejection(apiAt([self.url]).get('/x'))).toMatchObject({ details: { more: { kind: 'tls' } } });
  expect(self.connections()).toBe(1);
  const pausing = await serve(() => 'cut');
  const controller = new AbortController();
  const call = apiAt([pausing.url], systemClock as ManualClock).call({
    method: 'GET',
    path: '/x',
    signal: controller.signal,
  });
  while (pausing.received.length === 0) await new Promise((resolve) => setImmediate(resolve));
  controller.abort(new Error('enough'));
  await rejection(call);
  expect(pausing.received.length).toBe(1);
});
