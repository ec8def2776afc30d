import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { systemClock } from '../kernel/clock.ts';
import { Secret } from '../kernel/secret.ts';
import {
  closedPort,
  open,
  pem,
  rejection,
  serve,
  serveSilence,
  skippingClock,
  TICKET,
  TOKEN,
} from './fixtures/servers.ts';
import { createTransport } from './transport.ts';

const ok = () => ({ body: { data: null } });
const get = { method: 'GET', path: '/version' } as const;
const post = { method: 'POST', path: '/nodes/pve1/qemu/100/status/start' } as const;
const more = (sent: 'no' | 'maybe', kind: string) => ({
  code: 'PVE_UNREACHABLE',
  details: { more: { sent, kind, reason: expect.any(String) } },
});

test('a token goes into its header, parameters into query or form, as PVE wants them', async () => {
  const { url, received } = await serve(ok);
  const transport = open([url]);
  const params = {
    name: 'a b+ü',
    force: true,
    off: false,
    n: 1.5,
    ids: ['x', 2],
    none: undefined,
    secret: new Secret('s&=%'),
  };
  for (const method of ['GET', 'POST', 'PUT', 'DELETE'] as const)
    await transport({ method, path: '/nodes/pve1/x', params });
  const encoded = 'name=a%20b%2B%C3%BC&force=1&off=0&n=1.5&ids=x&ids=2&secret=s%26%3D%25';
  expect(received.map(({ method, url, body }) => [method, url, body])).toEqual([
    ['GET', `/api2/json/nodes/pve1/x?${encoded}`, ''],
    ['POST', '/api2/json/nodes/pve1/x', encoded],
    ['PUT', '/api2/json/nodes/pve1/x', encoded],
    ['DELETE', `/api2/json/nodes/pve1/x?${encoded}`, ''],
  ]);
  for (const { headers } of received) {
    expect(headers.authorization).toBe('PVEAPIToken=agent@pve!control=11111111-2222-3333-4444-555555555555');
    expect(headers).not.toHaveProperty('cookie');
    expect(headers).not.toHaveProperty('csrfpreventiontoken');
  }
  expect(received[1]?.headers['content-type']).toBe('application/x-www-form-urlencoded');
  expect(received[3]?.headers).not.toHaveProperty('content-type');
});

test('answers come back as they are: JSON, text, empty, any status, and redirects are not followed', async () => {
  const other = await serve(ok, 'two');
  const replies = [
    { status: 500, reason: 'VM is locked (backup)', body: { data: null, message: 'VM is locked (backup)\n' } },
    { status: 401, reason: 'No ticket' },
    { status: 500, body: 'malformed JSON string' },
    { status: 302, reason: 'Found', headers: { location: `${other.url}/api2/json/version` } },
  ];
  let next = 0;
  const { url, received } = await serve(() => replies[next++] ?? ok());
  const transport = open([url]);
  expect(await transport(get)).toEqual({ status: 500, reason: 'VM is locked (backup)', body: replies[0]?.body });
  expect(await transport(get)).toEqual({ status: 401, reason: 'No ticket', body: null });
  expect(await transport(get)).toEqual({ status: 500, reason: 'OK', body: 'malformed JSON string' });
  expect(await transport(get)).toEqual({ status: 302, reason: 'Found', body: null });
  expect(received.length).toBe(4);
  expect(other.connections()).toBe(0);
});

test('reads share connections, every write has its own', async () => {
  const { url, connections } = await serve(ok);
  const transport = open([url]);
  for (let count = 0; count < 20; count++) await transport(get);
  // Two, since the next call may come before undici has freed the connection of the last.
  const forReads = connections();
  expect(forReads).toBeLessThanOrEqual(2);
  for (let count = 0; count < 3; count++) await transport(post);
  expect(connections()).toBe(forReads + 3);
});

test('what could not connect was certainly not sent', async () => {
  expect(await rejection(open([await closedPort()])(post))).toMatchObject(more('no', 'connect'));
  expect(await rejection(open(['https://no-such-host.invalid:8006'])(post))).toMatchObject(more('no', 'connect'));
  const silent = open([(await serveSilence()).url], { timeouts: { write: 100 } });
  expect(await rejection(silent(post))).toMatchObject(more('no', 'connect'));
});

test('what was cut or late after it was written may have been executed, and is never sent again', async () => {
  const other = await serve(ok);
  const cutting = await serve(() => 'cut');
  expect(await rejection(open([cutting.url, other.url])(post))).toMatchObject(more('maybe', 'cut'));
  const silent = await serve(() => 'silence');
  const impatient = { timeouts: { read: 80, write: 80 } };
  expect(await rejection(open([silent.url, other.url], impatient)(post))).toMatchObject(more('maybe', 'timeout'));
  expect(await rejection(open([silent.url], impatient)(get))).toMatchObject(more('maybe', 'timeout'));
  const own = open([silent.url])({ ...post, timeout: 50 });
  expect(await rejection(own)).toMatchObject(more('maybe', 'timeout'));
  expect(cutting.received.length).toBe(1);
  expect(silent.received.length).toBe(3);
  expect(other.received.length).toBe(0);
});

test('half an answer is no answer', async () => {
  const { url } = await serve(() => ({ headers: { 'content-length': '500', connection: 'close' }, body: '{"data":' }));
  expect(await rejection(open([url], { timeouts: { write: 300 } })(post))).toMatchObject({
    details: { more: { sent: 'maybe' } },
  });
});

test('cancelling tells whether the request had left', async () => {
  const { url, received } = await serve(() => 'silence');
  const transport = open([url]);
  expect(await rejection(transport({ ...post, signal: AbortSignal.abort() }))).toMatchObject(more('no', 'cancelled'));
  const controller = new AbortController();
  const waiting = rejection(transport({ ...post, signal: controller.signal }));
  while (received.length === 0) await new Promise((resolve) => setImmediate(resolve));
  controller.abort();
  expect(await waiting).toMatchObject(more('maybe', 'cancelled'));
  expect(received.length).toBe(1);
});

test('a request that was given up while it queued is not written later', async () => {
  const held: (() => void)[] = [];
  const { url, received } = await serve(() => new Promise((resolve) => held.push(() => resolve(ok()))));
  const transport = open([url]);
  const busy = Array.from({ length: 16 }, () => transport(post));
  while (received.length < 16) await new Promise((resolve) => setImmediate(resolve));
  const queued = await rejection(transport({ ...post, path: '/late', timeout: 50 }));
  expect(queued).toMatchObject(more('no', 'connect'));
  for (const release of held) release();
  await Promise.all(busy);
  const after = transport({ ...post, path: '/after' });
  while (held.length < 17) await new Promise((resolve) => setImmediate(resolve));
  held[16]?.();
  await after;
  expect(received.some(({ url }) => url.includes('late'))).toBe(false);
});

test('the next endpoint is tried while nothing was sent, and the good one is remembered', async () => {
  const good = await serve(ok);
  const refusing = await serve(ok, 'self');
  const transport = open([await closedPort(), refusing.url, good.url]);
  expect(await transport(post)).toMatchObject({ status: 200 });
  expect(await transport(get)).toMatchObject({ status: 200 });
  expect(refusing.connections()).toBe(1);
  expect(good.received.length).toBe(2);
  const error = await rejection(open([await closedPort(), await closedPort()])(post));
  expect(error).toMatchObject(more('no', 'connect'));
});

test('an endpoint that stopped answering is not asked first the next time', async () => {
  const gone = await serve(() => 'silence');
  const good = await serve(ok);
  const transport = open([gone.url, good.url], { timeouts: { read: 80 } });
  expect(await rejection(transport(get))).toMatchObject(more('maybe', 'timeout'));
  expect(await transport(get)).toMatchObject({ status: 200 });
  expect([gone.received.length, good.received.length]).toEqual([1, 1]);
});

test('595 moves on to an endpoint that reaches the node; when none does, PVE’s answer stands', async () => {
  const lost = await serve(() => ({ status: 595, reason: 'No route to host' }));
  const good = await serve(ok);
  expect(await open([lost.url, good.url])(post)).toMatchObject({ status: 200 });
  expect(await open([lost.url, await closedPort()])(post)).toMatchObject({ status: 595, reason: 'No route to host' });
  const unclear = await serve(() => ({ status: 595, reason: 'Errors during something' }));
  expect(await open([unclear.url, good.url])(post)).toMatchObject({ status: 595 });
  expect(await open([unclear.url, good.url])(get)).toMatchObject({ status: 200 });
  const broken = await serve(() => ({ status: 596, reason: 'Broken pipe' }));
  expect(await open([broken.url, good.url])(post)).toMatchObject({ status: 596 });
});

/** A server that knows tickets as PVE does: cookie everywhere, CSRF token on everything but GET, empty 401. */
async function ticketServer() {
  let serial = 0;
  const valid = new Set<string>();
  const server = await serve(({ method, url, headers, body }) => {
    if (url === '/api2/json/access/ticket') {
      if (body !== 'username=root%40pam&password=pass%20word%26%3D')
        return {
          status: 401,
          reason: 'authentication failure',
          body: { data: null, message: 'authentication failure\n' },
        };
      const ticket = `PVE:root@pam:${++serial}::a+b/c==`;
      valid.add(ticket);
      return { body: { data: { ticket, CSRFPreventionToken: `csrf${serial}`, username: 'root@pam' } } };
    }
    const ticket = decodeURIComponent(/^PVEAuthCookie=(.*)$/.exec(headers.cookie ?? '')?.[1] ?? '');
    if (!valid.has(ticket)) return { status: 401, reason: 'No ticket' };
    if (method !== 'GET' && headers.csrfpreventiontoken !== `csrf${ticket.split(':')[2]}`)
      return { status: 401, reason: 'Permission denied - invalid csrf token' };
    return ok();
  });
  const logins = (): number => server.received.filter(({ url }) => url.endsWith('/access/ticket')).length;
  return { ...server, logins, revoke: () => valid.clear() };
}

test('a ticket is fetched once for many calls, carries CSRF on writes only, and is renewed before two hours', async () => {
  const server = await ticketServer();
  const clock = skippingClock();
  const transport = open([server.url], { auth: TICKET, clock });
  const answers = await Promise.all([
    transport(get),
    transport(post),
    transport({ method: 'DELETE', path: '/x' }),
    transport(get),
  ]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  expect(server.logins()).toBe(1);
  for (const { method, url, headers } of server.received) {
    if (!url.endsWith('/access/ticket')) expect('csrfpreventiontoken' in headers).toBe(method !== 'GET');
    expect(headers).not.toHaveProperty('authorization');
  }
  clock.skip(100 * 60_000);
  await transport(get);
  expect(server.logins()).toBe(1);
  clock.skip(10 * 60_000);
  expect(await transport(post)).toMatchObject({ status: 200 });
  expect(server.logins()).toBe(2);
});

test('a ticket that PVE no longer takes is replaced, and the refused call sent once more', async () => {
  const server = await ticketServer();
  const transport = open([server.url], { auth: TICKET });
  await transport(get);
  server.revoke();
  const answers = await Promise.all([transport(post), transport(get)]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  expect(server.logins()).toBe(2);
});

test('a 401 that stays is given back, after one new login', async () => {
  const server = await serve(({ url }) =>
    url.endsWith('/access/ticket')
      ? { body: { data: { ticket: 'PVE:x', CSRFPreventionToken: 'c' } } }
      : { status: 401, reason: 'No ticket' },
  );
  expect(await open([server.url], { auth: TICKET })(post)).toMatchObject({ status: 401, reason: 'No ticket' });
  expect(server.received.length).toBe(4);
});

test('a refused login, a second factor and a lost login are told apart, and the call itself was not sent', async () => {
  const server = await ticketServer();
  const wrong = { ticket: { username: 'root@pam', password: new Secret('wrong') } };
  expect(await open([server.url], { auth: wrong })(post)).toMatchObject({
    status: 401,
    body: { message: 'authentication failure\n' },
  });
  const half = await serve(() => ({ body: { data: { ticket: 'PVE:!tfa!x', NeedTFA: 1 } } }));
  expect(await open([half.url], { auth: TICKET })(post)).toMatchObject({
    status: 401,
    reason: expect.stringContaining('second factor'),
  });
  const cutting = await serve(() => 'cut');
  expect(await rejection(open([cutting.url], { auth: TICKET })(post))).toMatchObject(more('no', 'cut'));
  for (const { received } of [server, half, cutting])
    expect(received.every(({ url }) => url.endsWith('/access/ticket'))).toBe(true);
});

test('no environment’s server ever sees another environment’s credentials', async () => {
  const pin = (name: string): string => new X509Certificate(pem(`${name}.pem`)).fingerprint256;
  const cloudToken = new Secret('cloud-secret');
  // Each of the servers tries to send the client over to the other one.
  let home = { url: '' };
  const cloud = await serve(
    ({ url }) =>
      url.includes('away') ? { status: 307, headers: { location: `${home.url}/api2/json/version` } } : ok(),
    'two',
  );
  const homeServer = await serve(({ url }) => {
    if (url.endsWith('/access/ticket'))
      return {
        headers: { 'set-cookie': 'PVEAuthCookie=planted' },
        body: { data: { ticket: 'PVE:home-ticket', CSRFPreventionToken: 'home-csrf' } },
      };
    return url.includes('away') ? { status: 302, headers: { location: `${cloud.url}/api2/json/version` } } : ok();
  }, 'self');
  home = homeServer;
  const toHome = open([homeServer.url], { auth: TICKET, tls: { fingerprint: pin('self') } });
  const toCloud = open([cloud.url], {
    auth: { token: { id: 'agent@pve!cloud', secret: cloudToken } },
    tls: { fingerprint: pin('two') },
  });
  // The right credentials at the wrong address: an endpoint that was mixed up.
  const mixedUp = open([cloud.url], { auth: TICKET, tls: { fingerprint: pin('self') } });
  const calls = Array.from({ length: 20 }, (_, index) => {
    const path = index % 3 === 0 ? '/away' : '/version';
    const method = index % 2 === 0 ? ('GET' as const) : ('POST' as const);
    return [toHome({ method, path }), toCloud({ method, path }), mixedUp({ method, path })];
  });
  const outcomes = await Promise.allSettled(calls.flat());
  expect(outcomes.filter(({ status }) => status === 'rejected').length).toBe(20);
  expect(homeServer.received.length).toBe(21);
  expect(cloud.received.length).toBe(20);
  const seenByHome = JSON.stringify(homeServer.received);
  const seenByCloud = JSON.stringify(cloud.received);
  for (const ours of ['PVE%3Ahome-ticket', 'home-csrf', 'pass%20word']) {
    expect(seenByHome).toContain(ours);
    expect(seenByCloud).not.toContain(ours);
  }
  expect(seenByCloud).toContain('cloud-secret');
  expect(seenByHome).not.toContain('cloud-secret');
  expect(seenByHome + seenByCloud).not.toContain('planted');
});

test('credentials that cannot stand in a header are refused, and a secret never stands in an error', async () => {
  const make = (id: string, secret: string) => () =>
    createTransport({
      endpoints: ['https://pve1'],
      auth: { token: { id, secret: new Secret(secret) } },
      clock: systemClock,
    });
  expect(make('agent@pve', 'x')).toThrow(/token id/);
  expect(make('agent@pve!a\r\nX: y', 'x')).toThrow(expect.objectContaining({ code: 'CONFIGURATION_INVALID' }));
  expect(make('agent@pve!a', 'planted\r\nX: y')).toThrow(
    expect.not.objectContaining({ message: expect.stringContaining('planted') }),
  );
  const cutting = await serve(() => 'cut');
  const error = await rejection(open([cutting.url])({ ...post, params: { password: new Secret('planted') } }));
  expect(JSON.stringify(error) + String(error)).not.toMatch(/planted|11111111/);
  await expect(open([cutting.url], { auth: TOKEN })({ method: 'GET', path: '/version?x=1' })).rejects.toMatchObject({
    code: 'INTERNAL',
  });
});

test('after close no call goes out', async () => {
  const { url, received } = await serve(ok);
  const transport = open([url]);
  await transport(get);
  await transport.close();
  expect(await rejection(transport(post))).toMatchObject(more('no', 'connect'));
  expect(received.length).toBe(1);
});

test('a refusal that echoes our token or a secret parameter loses it on the way in', async () => {
  const { url } = await serve(({ headers, body }) => ({
    status: 403,
    reason: `no: ${headers.authorization}`,
    body: { data: null, message: `${headers.authorization} sent ${body} and hunter22` },
  }));
  const params = { cipassword: new Secret('hunter22') };
  const answer = JSON.stringify(await open([url])({ method: 'PUT', path: '/nodes/pve1/qemu/1/config', params }));
  expect(answer).toContain('[redacted]');
  expect(answer).not.toMatch(/hunter22|11111111-2222/);
});

test('an answer without end is not read to the end', async () => {
  const { url } = await serve(() => ({ body: 'x'.repeat(65 * 2 ** 20) }));
  expect(await rejection(open([url])(get))).toMatchObject(more('maybe', 'cut'));
});
