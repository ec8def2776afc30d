import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Browser, enrol, codeAt, join, movable, PASSWORD } from './browser.ts';
import { BOOTSTRAP, Service, START } from './support.ts';

let service: Service;
const clock = movable();
beforeAll(async () => {
  service = await Service.start({ clock });
});
afterAll(() => service.close());
let count = 0;
const someone = (role = 'operator') => join(service, BOOTSTRAP, `someone${++count}`, { '*': role });

describe('a session', () => {
  it('comes in a cookie that no script reads and no other site sends', async () => {
    const { browser } = await someone();
    const answer = await browser.signIn(`someone${count}`, PASSWORD);
    const [cookie = ''] = answer.headers.getSetCookie();
    expect(cookie).toMatch(/^pxa_session=[\w-]{43}; Max-Age=604800; Path=\/; HttpOnly; SameSite=Strict$/);
    expect(answer.text).not.toContain(browser.cookie.split('=')[1]);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it('has a secure cookie of this host alone wherever the page is not on this machine', async () => {
    const { json } = await service.ask('POST /v1/people', { token: BOOTSTRAP, body: { name: 'remote', grants: {} } });
    const { code } = json['invitation'] as { code: string };
    const payload = JSON.stringify({ code, password: PASSWORD });
    const headers = { host: 'lab.example', origin: 'https://lab.example', 'content-type': 'application/json' };
    const answer = await service.app.server.inject({ method: 'POST', url: '/v1/invitation', headers, payload });
    const cookie = String(answer.headers['set-cookie']);
    expect(cookie).toMatch(
      /^__Host-pxa_session=[\w-]{43}; Max-Age=604800; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
    );
    const me = (name: string, host: string) =>
      service.app.server.inject({
        url: '/v1/me',
        headers: { host, cookie: `${name}=${/=([\w-]+)/.exec(cookie)?.[1]}` },
      });
    expect((await me('__Host-pxa_session', 'lab.example')).statusCode).toBe(200);
    // A neighbour under the same domain can plant the plain name; there it counts for nothing.
    expect((await me('pxa_session', 'lab.example')).statusCode).toBe(401);
  });

  it('is stored as a hash', async () => {
    const { browser } = await someone();
    const secret = browser.cookie.split('=')[1] ?? '';
    const rows = await service.app.store.db.selectFrom('sessions').selectAll().execute();
    expect(rows.length).toBeGreaterThan(0);
    expect(JSON.stringify(rows)).not.toContain(secret);
  });

  it('is a new one at each sign-in, and the one before ends', async () => {
    const { browser } = await someone();
    const planted = new Browser(service);
    planted.cookie = browser.cookie;
    const before = browser.cookie;
    await browser.signIn(`someone${count}`, PASSWORD);
    expect(browser.cookie).not.toBe(before);
    expect((await planted.ask('GET /v1/me')).status).toBe(401);
    // A value that somebody else chose is never taken over.
    const fixed = new Browser(service);
    fixed.cookie = `pxa_session=${'A'.repeat(43)}`;
    await fixed.signIn(`someone${count}`, PASSWORD);
    expect(fixed.cookie).not.toContain('A'.repeat(43));
  });

  it('ends when it is not used, and after a week at the latest', async () => {
    const { browser } = await someone();
    const hour = 3_600_000;
    const end = clock.now() + 7 * 24 * hour;
    const asks = async (ms: number): Promise<number> => {
      clock.advance(ms);
      return (await browser.ask('GET /v1/me')).status;
    };
    expect(await asks(12 * hour - 1)).toBe(200);
    // In use to the end, so that it is not its being idle that ends it.
    while (clock.now() + 11 * hour < end) expect(await asks(11 * hour)).toBe(200);
    expect(await asks(end - 1 - clock.now())).toBe(200);
    expect(await asks(1)).toBe(401);
    const { browser: idle } = await someone();
    clock.advance(12 * hour);
    expect((await idle.ask('GET /v1/me')).json).toMatchObject({ detail: 'The session has ended; sign in again.' });
  });

  it('is listed, revoked by its person and by an admin, and ended by signing out', async () => {
    const { id, browser } = await someone();
    const other = new Browser(service);
    await other.signIn(`someone${count}`, PASSWORD);
    const { sessions } = (await browser.ask('GET /v1/sessions')).json as {
      sessions: { id: string; current: boolean }[];
    };
    expect(sessions.filter(({ current }) => current)).toHaveLength(1);
    expect(sessions).toHaveLength(2);
    const theirs = sessions.find(({ current }) => !current)?.id;
    const { browser: stranger } = await someone();
    expect((await stranger.ask(`DELETE /v1/sessions/${theirs}`)).status).toBe(404);
    expect((await other.ask('GET /v1/me')).status).toBe(200);
    expect((await browser.ask(`DELETE /v1/sessions/${theirs}`)).status).toBe(204);
    expect((await other.ask('GET /v1/me')).status).toBe(401);
    const listed = await service.ask(`GET /v1/people/${id}/sessions`, { token: BOOTSTRAP });
    expect(listed.json['sessions']).toHaveLength(1);
    expect((await service.ask(`DELETE /v1/people/${id}/sessions`, { token: BOOTSTRAP })).status).toBe(204);
    expect((await browser.ask('GET /v1/me')).status).toBe(401);
    expect((await stranger.ask('DELETE /v1/session')).status).toBe(204);
    expect(stranger.cookie).toBe('');
    expect((await stranger.ask('GET /v1/me')).status).toBe(401);
  });

  it('ends everywhere else when the password is changed', async () => {
    const { browser } = await someone();
    const other = new Browser(service);
    await other.signIn(`someone${count}`, PASSWORD);
    const change = { password: 'another-harbour-58', current_password: PASSWORD };
    expect((await browser.ask('PUT /v1/me/password', { ...change, current_password: 'wrong-harbour-47' })).status).toBe(
      400,
    );
    expect((await browser.ask('PUT /v1/me/password', change)).status).toBe(204);
    expect((await other.ask('GET /v1/me')).status).toBe(401);
    expect((await browser.ask('GET /v1/me')).status).toBe(200);
  });

  it('streams events until it ends', async () => {
    const { browser } = await someone();
    const answer = await fetch(`${service.url}/v1/events`, { headers: { Cookie: browser.cookie } });
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toContain('connected');
    await browser.ask('DELETE /v1/session');
    await service.ask('POST /v1/actions/plan', { token: BOOTSTRAP, body: START });
    expect((await reader?.read())?.value).toBeUndefined();
  });
});

describe('a request from another page', () => {
  const changes = [
    ['without the header', { 'X-CSRF-Token': '' }],
    ['with the header of another session', { 'X-CSRF-Token': 'f'.repeat(64) }],
    ['from another origin', { Origin: 'https://evil.example' }],
    ['from no origin', { Origin: 'null' }],
    ['from another port of this machine', { Origin: 'http://127.0.0.1:1' }],
    ['from another site', { 'Sec-Fetch-Site': 'cross-site' }],
    ['from a neighbour', { 'Sec-Fetch-Site': 'same-site' }],
  ] as const;

  it.each(changes)('%s changes nothing', async (_, headers) => {
    const { browser } = await someone();
    const before = (await browser.ask('GET /v1/plans')).text;
    expect(await browser.ask('POST /v1/actions/plan', START, headers)).toMatchObject({
      status: 403,
      json: { code: 'FORBIDDEN' },
    });
    expect((await browser.ask('GET /v1/plans')).text).toBe(before);
    expect((await browser.ask('POST /v1/actions/plan', { ...START, dry_run: true })).status).toBe(201);
  });

  it.each(changes.slice(2))('%s signs nobody in', async (_, headers) => {
    await someone();
    const body = { name: `someone${count}`, password: PASSWORD };
    const answer = await service.ask('POST /v1/session', { body, headers });
    expect(answer.status).toBe(403);
    expect(answer.headers.getSetCookie()).toEqual([]);
  });

  it('needs nothing of this with a token, and a cookie beside the token counts for nothing', async () => {
    const { browser } = await someone('admin');
    const viewer = await service.token('viewer');
    const headers = { Cookie: browser.cookie, 'X-CSRF-Token': browser.csrf ?? '' };
    expect((await service.ask('GET /v1/me', { token: viewer, headers })).json).toMatchObject({ name: 'human viewer' });
    expect((await service.ask('POST /v1/actions/plan', { token: viewer, body: START, headers })).status).toBe(403);
    expect((await service.ask('GET /v1/me', { token: 'pxa_wrong', headers })).status).toBe(401);
    const operator = await service.token('operator');
    expect(
      (await service.ask('POST /v1/actions/plan', { token: operator, body: { ...START, dry_run: true } })).status,
    ).toBe(201);
  });
});

describe('a step up', () => {
  it('needs a code, gives the session a new secret, and is fresh for five minutes', async () => {
    const { browser } = await someone();
    const { secret } = await enrol(browser, clock);
    const before = browser.cookie;
    expect((await browser.ask('GET /v1/me')).json).toMatchObject({ factor_at: null });
    expect(await browser.ask('POST /v1/session/step-up', { factor: '000000' })).toMatchObject({
      status: 403,
      json: { code: 'FACTOR_INVALID' },
    });
    clock.advance(30_000);
    const up = await browser.ask('POST /v1/session/step-up', { factor: codeAt(secret, clock) });
    expect(up).toMatchObject({ status: 200, json: { factor_at: new Date(clock.now()).toISOString() } });
    expect(browser.cookie).not.toBe(before);
    const stale = new Browser(service);
    stale.cookie = before;
    expect((await stale.ask('GET /v1/me')).status).toBe(401);
    expect((await browser.ask('GET /v1/me')).json).toMatchObject({ method: 'password+totp' });
    expect((await browser.ask('POST /v1/me/recovery-codes', {})).status).toBe(200);
    clock.advance(5 * 60_000 + 1);
    expect(await browser.ask('POST /v1/me/recovery-codes', {})).toMatchObject({
      status: 403,
      json: { code: 'FACTOR_REQUIRED' },
    });
  });

  it('is not for tokens', async () => {
    const { browser } = await someone();
    const { secret } = await enrol(browser, clock);
    clock.advance(30_000);
    const made = { name: 't', role: 'operator', class: 'human' };
    const token = String((await browser.ask('POST /v1/me/tokens', made)).json['token']);
    const up = await service.ask('POST /v1/session/step-up', { token, body: { factor: codeAt(secret, clock) } });
    expect(up.status).toBe(403);
  });
});
