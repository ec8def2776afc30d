import { readFileSync } from 'node:fs';
import { join as pathJoin } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bodyLines, World } from './adversary.ts';
import { BOOTSTRAP, START, STOP, type Got } from './support.ts';

/**
 * An agent with every right that a token can have, in the same network as its person, tries to approve. Whatever it
 * sends: the answer is a refusal, and of all that could have changed nothing has.
 */
let world: World;
beforeAll(async () => {
  world = await World.start();
});
afterAll(() => world.service.close());

/** Each attempt answers its status; `refused` are those that let nobody in. */
async function attempt(what: () => Promise<number>, refused: readonly number[]): Promise<void> {
  const before = await world.state();
  const status = await what();
  expect(refused).toContain(status);
  expect(await world.state()).toBe(before);
}

interface Try {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly token?: string | undefined;
}
const approve = async ({ headers = {}, body, token = world.agent }: Try): Promise<number> =>
  (
    await world.service.ask(`POST ${world.path()}`, {
      token,
      headers,
      body: body ?? { plan_hash: world.plan.plan_hash },
    })
  ).status;

describe('with headers that name somebody else', () => {
  const NAMES = [
    'X-Forwarded-User',
    'X-Remote-User',
    'Remote-User',
    'X-User',
    'X-Authenticated-User',
    'X-Forwarded-Email',
    'X-Principal',
    'X-Role',
    'X-Class',
    'X-Proxmox-Agent-Client',
    'X-Proxmox-Agent-Class',
    'X-Simulator-As',
    'X-Auth-Request-User',
    'X-Amzn-Oidc-Identity',
    'X-Original-User',
    'Impersonate-User',
  ];
  it.each(NAMES)('%s', async (name) => {
    for (const value of ['ana', 'human', 'admin', 'owner', 'bootstrap'])
      await attempt(() => approve({ headers: { [name]: value } }), [403]);
  });

  it.each([
    ['X-HTTP-Method-Override', 'GET'],
    ['X-Original-URL', '/v1/session'],
    ['X-Rewrite-URL', '/healthz'],
    ['X-Forwarded-For', '127.0.0.1'],
    ['X-Forwarded-Host', 'localhost'],
    ['Forwarded', 'for=127.0.0.1;proto=https'],
    ['Origin', 'http://127.0.0.1'],
  ])('%s: %s', async (name, value) => {
    await attempt(() => approve({ headers: { [name]: value } }), [403]);
  });
});

describe('with credentials of others or in the wrong place', () => {
  it('the cookie of a person beside its own token, with the CSRF token too', async () => {
    const headers = { Cookie: world.person.cookie, 'X-CSRF-Token': world.person.csrf ?? '' };
    await attempt(() => approve({ headers }), [403]);
  });

  it('the cookie of a person without what only the person’s page can read', async () => {
    const headers = { Cookie: world.person.cookie };
    await attempt(
      async () =>
        (await world.service.ask(`POST ${world.path()}`, { headers, body: { plan_hash: world.plan.plan_hash } }))
          .status,
      [403],
    );
  });

  it.each([
    ['an ended session', () => world.ended],
    ['a session made up', () => `pxa_session=${'A'.repeat(43)}`],
    ['an empty one', () => 'pxa_session='],
    ['the hash as it stands in the database', () => `pxa_session=${'0'.repeat(64)}`],
    ['another cookie name', () => world.person.cookie.replace('pxa_session', '__Host-pxa_session')],
  ])('the cookie of %s', async (_, cookie) => {
    const headers = { Cookie: cookie(), 'X-CSRF-Token': world.person.csrf ?? '', Origin: world.service.url };
    const ask = async () =>
      (await world.service.ask(`POST ${world.path()}`, { headers, body: { plan_hash: world.plan.plan_hash } })).status;
    await attempt(ask, [401]);
  });

  it('the token in lower case, in the query, in the body, as a user name, in another header', async () => {
    const human = await world.service.token('approver');
    const send =
      (line: string, headers: Record<string, string>, body: object = { plan_hash: world.plan.plan_hash }) =>
      async () =>
        (await world.service.ask(line, { headers, body })).status;
    await attempt(send(`POST ${world.path()}`, { Authorization: `bearer ${human}` }), [401]);
    await attempt(send(`POST ${world.path()}`, { Authorization: `Token ${human}` }), [401]);
    await attempt(send(`POST ${world.path()}`, { Authorization: human }), [401]);
    await attempt(
      send(`POST ${world.path()}`, { Authorization: `Basic ${Buffer.from(`x:${human}`).toString('base64')}` }),
      [401],
    );
    await attempt(send(`POST ${world.path()}?token=${human}`, {}), [401]);
    await attempt(send(`POST ${world.path()}?access_token=${human}`, {}), [401]);
    await attempt(send(`POST ${world.path()}`, { 'X-Api-Key': human, 'X-Auth-Token': human }), [401]);
    await attempt(send(`POST ${world.path()}`, {}, { plan_hash: world.plan.plan_hash, token: human }), [401]);
    await attempt(send(`POST ${world.path()}`, { Cookie: `pxa_session=${human}` }), [401]);
  });

  it('the hash of a token instead of the token', async () => {
    const rows = await world.service.app.store.db
      .selectFrom('tokens')
      .select('hash')
      .where('class', '=', 'human')
      .execute();
    expect(rows.length).toBeGreaterThan(0);
    for (const { hash } of rows) await attempt(() => approve({ token: hash }), [401]);
  });

  it('a token that has expired, or was revoked', async () => {
    const human = await world.service.token('approver', 'human', undefined, '1h');
    const gone = await world.service.token('approver');
    const { id } = (await world.service.ask('GET /v1/me', { token: gone })).json;
    await world.service.ask(`DELETE /v1/tokens/${String(id)}`, { token: BOOTSTRAP });
    world.clock.advance(3_600_000);
    await world.renew();
    for (const token of [human, gone]) await attempt(() => approve({ token }), [401]);
  });

  it('a token of a person in another environment', async () => {
    const human = await world.service.token('admin', 'human', ['other']);
    await attempt(() => approve({ token: human }), [404]);
  });

  it('parts of the bootstrap token', async () => {
    for (const token of [
      BOOTSTRAP.slice(0, -1),
      `${BOOTSTRAP} `.trimEnd() + 'x',
      BOOTSTRAP.toUpperCase(),
      'undefined',
      'null',
    ])
      await attempt(() => approve({ token }), [401]);
  });

  it('guesses at what is signed', async () => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const jwt = `${part({ alg: 'none' })}.${part({ sub: 'ana', class: 'human', role: 'admin' })}.`;
    await attempt(() => approve({ token: jwt }), [401]);
  });
});

describe('with more in the body than belongs there', () => {
  it.each([
    { approved_by: 'ana' },
    { principal: { class: 'human', id: 'ana' } },
    { class: 'human' },
    { role: 'admin' },
    { via: 'web' },
    { method: 'passkey' },
    { person: 'ana' },
    { factorAt: Date.now() },
    { state: 'approved' },
  ])('%j', async (more) => {
    await attempt(() => approve({ body: { plan_hash: world.plan.plan_hash, ...more } }), [400, 403]);
    // Nor does it do anything in the hands of somebody who may approve.
    const human = await world.service.token('approver');
    await attempt(() => approve({ token: human, body: { plan_hash: world.plan.plan_hash, ...more } }), [400]);
  });

  it.each([
    ['a key that is there twice', (hash: string) => `{"plan_hash":"${'a'.repeat(64)}","plan_hash":"${hash}"}`],
    ['__proto__', (hash: string) => `{"plan_hash":"${hash}","__proto__":{"class":"human"}}`],
    ['constructor', (hash: string) => `{"plan_hash":"${hash}","constructor":{"prototype":{"class":"human"}}}`],
    ['a list', (hash: string) => `[{"plan_hash":"${hash}"}]`],
    ['a hash that is a list', (hash: string) => `{"plan_hash":["${hash}"]}`],
    ['a byte order mark', (hash: string) => `\uFEFF{"plan_hash":"${hash}"}`],
  ])('%s', async (_, body) => {
    await attempt(() => approve({ body: body(world.plan.plan_hash) }), [400, 403]);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/xml'])(
    'as %s, which a form of another page could send',
    async (type) => {
      const headers = { 'Content-Type': type, Cookie: world.person.cookie, 'X-CSRF-Token': world.person.csrf ?? '' };
      const body = `{"plan_hash":"${world.plan.plan_hash}"}`;
      const ask = async () => (await world.service.ask(`POST ${world.path()}`, { headers, body })).status;
      await attempt(ask, [400, 415]);
    },
  );
});

describe('by another path or method', () => {
  const routes = (): string[] => {
    const id = world.plan.plan_id;
    return [
      `/v1//plans/${id}/approve`,
      `//v1/plans/${id}/approve`,
      `/v1/plans/${id}/approve/`,
      `/v1/plans/${id}//approve`,
      `/v1/plans/${id}/Approve`,
      `/V1/plans/${id}/approve`,
      `/v1/plans/${id}/approve%2f`,
      `/v1/plans/${id}%2fapprove`,
      `/v1/plans/${id}/%61pprove`,
      `/v1/plans/${id}/approve;x=1`,
      `/v1/plans/${id}/approve%00`,
      `/v1/plans/${id}/approve%20`,
      `/v1/plans/${id}/approve.json`,
      `/v1/plans/${id}/./approve`,
      `/v1/plans/x/../${id}/approve`,
      `/v1/plans/${id}/cancel/../approve`,
      `/v1/plans/${id}/cancel/%2e%2e/approve`,
      `/v1/plans/${id}/cancel/..%2fapprove`,
      `/assets/../v1/plans/${id}/approve`,
      `/assets/%2e%2e/v1/plans/${id}/approve`,
      `/docs/../v1/plans/${id}/approve`,
      `/v1/plans/${id}\\approve`,
      `/v1/plans/${id.toUpperCase()}/approve`,
      `http://localhost/v1/plans/${id}/approve`,
    ];
  };

  it('that means the same to somebody in between', async () => {
    for (const one of routes()) {
      const text = await world.raw([
        `POST ${one} HTTP/1.1`,
        'Host: localhost',
        `Authorization: Bearer ${world.agent}`,
        'Content-Type: application/json',
        'Connection: close',
        ...bodyLines(`{"plan_hash":"${world.plan.plan_hash}"}`),
      ]);
      const before = await world.state();
      expect(Number(/^HTTP\/1.1 (\d+)/.exec(text)?.[1]), one).toBeGreaterThanOrEqual(400);
      expect(await world.state(), one).toBe(before);
    }
    expect(
      (await world.service.ask(`GET ${world.path('x').replace('/x', '')}`, { token: BOOTSTRAP })).json,
    ).toMatchObject({
      state: 'awaiting_approval',
      approvals: [],
    });
  });

  it.each(['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD', 'PROPFIND', 'QUERY'])('%s', async (method) => {
    const before = await world.state();
    const lines = [
      `${method} ${world.path()} HTTP/1.1`,
      'Host: x',
      `Authorization: Bearer ${world.agent}`,
      'Connection: close',
    ];
    const text = await world.raw([...lines, '', '']);
    expect(Number(/^HTTP\/1.1 (\d+)/.exec(text)?.[1])).toBeGreaterThanOrEqual(400);
    expect(await world.state()).toBe(before);
  });

  it('every other route that lets a change go on', async () => {
    const send = (line: string, body: object) => async () =>
      (await world.service.ask(line, { token: world.agent, body })).status;
    await attempt(send(`POST ${world.path('reject')}`, {}), [403]);
    await attempt(send('POST /v1/actions/apply', { plan_id: world.plan.plan_id }), [409]);
    await attempt(send('POST /v1/actions/apply', { plan_id: world.plan.plan_id, request: STOP }), [409]);
    await attempt(send('POST /v1/environments/lab/thaw', { reason: 'because' }), [403]);
    await attempt(
      async () => (await world.service.ask(`GET ${world.path('passkey-challenge')}`, { token: world.agent })).status,
      [403],
    );
  });
});

describe('by becoming somebody else', () => {
  const send =
    (line: string, body: object, token = world.agent) =>
    async () =>
      (await world.service.ask(line, { token, body })).status;

  it('makes no token of class human, nor any other, and no person', async () => {
    for (const kind of ['human', 'agent', 'service'])
      for (const line of ['POST /v1/tokens', 'POST /v1/me/tokens'])
        await attempt(send(line, { name: 'x', role: 'approver', class: kind }), [403]);
    await attempt(send('POST /v1/people', { name: 'mallory', grants: { '*': 'admin' } }), [403]);
    const { id } = (await world.person.ask('GET /v1/me')).json;
    await attempt(send(`PATCH /v1/people/${String(id)}`, { disabled: true }), [403, 404]);
    await attempt(send(`POST /v1/people/${String(id)}/reset`, {}), [403, 404]);
  });

  it('with a token that its person has given it, is no more than an agent', async () => {
    const made = await world.person.ask('POST /v1/me/tokens', { name: 'helper', role: 'admin', class: 'agent' });
    const token = String(made.json['token']);
    await attempt(() => approve({ token }), [403]);
    await attempt(send('POST /v1/me/tokens', { name: 'x', role: 'admin', class: 'human' }, token), [403]);
    await attempt(send('POST /v1/tokens', { name: 'x', role: 'admin', class: 'human' }, token), [403]);
    await attempt(
      async () =>
        (await world.service.ask('PUT /v1/me/password', { token, body: { password: 'a-new-harbour-90' } })).status,
      [403],
    );
    await attempt(send('POST /v1/session/step-up', { factor: '123456' }, token), [403]);
    for (const line of ['GET /v1/me/passkeys', 'GET /v1/sessions', 'GET /v1/me/tokens', 'GET /v1/people'])
      await attempt(async () => (await world.service.ask(line, { token })).status, [403]);
    await attempt(async () => (await world.service.ask('DELETE /v1/session', { token })).status, [403]);
  });

  it('takes no link that is not its own', async () => {
    await attempt(send('POST /v1/owner', { code: 'guess' }), [401]);
    await attempt(send('POST /v1/invitation', { code: 'guess', password: 'a-new-harbour-90' }), [401]);
    await attempt(send('POST /v1/session', { name: 'ana', password: { $ne: '' } }), [400]);
    await attempt(send('POST /v1/session', { name: "ana' or '1'='1", password: 'x' }), [401]);
    await attempt(send('POST /v1/session/passkey', { id: 'x', response: {} }), [400]);
  });
});

it('a key of idempotency answers no token of a person what the person itself was answered', async () => {
  const key = { 'Idempotency-Key': 'a-plan-of-ana' };
  expect((await world.person.ask('POST /v1/actions/plan', START, key)).status).toBe(201);
  const own = { name: 'elsewhere', role: 'operator', class: 'human', environments: ['other'] };
  const token = String((await world.person.ask('POST /v1/me/tokens', own)).json['token']);
  const ask = async () =>
    (await world.service.ask('POST /v1/actions/plan', { token, headers: key, body: START })).status;
  await attempt(ask, [403]);
});

it('a key of idempotency that a person has used answers an agent nothing of the person', async () => {
  const key = { 'Idempotency-Key': 'the-key-of-ana' };
  const own = (
    await world.service.ask('POST /v1/actions/plan', { token: world.agent, body: { ...STOP, target: 'vm/101' } })
  ).json;
  const line = `POST /v1/plans/${String(own['plan_id'])}/approve`;
  const body = { plan_hash: own['plan_hash'] };
  expect((await world.person.ask(line, body, key)).status).toBe(200);
  await attempt(async () => (await world.service.ask(line, { token: world.agent, headers: key, body })).status, [403]);
  const made = await world.person.ask('POST /v1/me/tokens', { name: 'same', role: 'approver', class: 'agent' });
  await attempt(
    async () => (await world.service.ask(line, { token: String(made.json['token']), headers: key, body })).status,
    [403],
  );
});

it('secrets are found by their hash, and compared in constant time where they are compared', () => {
  const source = (file: string): string => readFileSync(pathJoin(import.meta.dirname, '../../src', file), 'utf8');
  expect(source('identity/token_text.ts')).toContain('timingSafeEqual');
  expect(source('identity/authenticate.ts')).toContain('sameText(token, bootstrapToken.reveal())');
  expect(source('identity/authenticate.ts')).toContain('validToken(store, sha256(token), now)');
  expect(source('identity/authenticate.ts')).toContain('validSession(store, sha256(secret),');
  expect(source('identity/sessions.ts')).toContain('sameText(csrfOf(secret), given)');
  // No credential is compared letter by letter anywhere in these rooms.
  for (const file of ['identity/authenticate.ts', 'identity/sessions.ts', 'identity/totp.ts', 'surfaces/http/auth.ts'])
    expect(source(file), file).not.toMatch(/(secret|token|code|csrf|given) ===? (?!undefined|null|'string')/);
});

it('after all of it a person approves as ever', async () => {
  const approved: Got = await world.person.ask(`POST ${world.path()}`, { plan_hash: world.plan.plan_hash });
  expect(approved).toMatchObject({ status: 200, json: { state: 'approved' } });
  expect(
    (await world.service.ask('POST /v1/actions/plan', { token: world.agent, body: { ...START, dry_run: true } }))
      .status,
  ).toBe(201);
});
