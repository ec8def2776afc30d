import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_AUTH, type OidcProvider } from '../../src/kernel/config_auth.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { Authenticator } from '../support/authenticator.ts';
import {
  CLIENT,
  listening,
  LyingProvider,
  realProvider,
  signInAt,
  type Accounts,
  type Lies,
} from '../support/identity_provider.ts';
import { Browser, join, movable } from './browser.ts';
import { BOOTSTRAP, Service, type Got } from './support.ts';

let service: Service;
let lying: LyingProvider;
const clock = movable();
const accounts: Accounts = {
  ana: { preferred_username: 'ana', name: 'Ana', groups: ['lab-admins', 'others'] },
  ben: { preferred_username: 'Ben O’Neil', groups: ['cloud-ops', 'lab-look', '__proto__'] },
  cat: { preferred_username: 'cat', groups: ['others'] },
  dan: { preferred_username: 'dan', groups: 'lab-look' },
};
const servers: { close(): Promise<void> }[] = [];
beforeAll(async () => {
  const [real, evil, masked] = [await listening(), await listening(), await listening()];
  const common: Omit<OidcProvider, 'name' | 'issuer'> = {
    clientId: CLIENT.id,
    clientSecret: new Secret(CLIENT.secret),
    scopes: ['openid', 'profile'],
    claim: 'groups',
    roles: {
      'lab-admins': { '*': 'admin' },
      'cloud-ops': { other: 'operator' },
      'lab-look': { '*': 'viewer' },
    },
  };
  const oidc = [
    { ...common, name: 'real', issuer: real.url },
    { ...common, name: 'evil', issuer: evil.url },
    { ...common, name: 'away', issuer: 'http://127.0.0.1:1' },
    { ...common, name: 'masked', issuer: masked.url },
  ];
  service = await Service.twoLabs({ clock, auth: { ...DEFAULT_AUTH, oidc } });
  real.serve(realProvider(real.url, `${service.url}/v1/session/oidc/real/callback`, accounts));
  lying = new LyingProvider(evil.url);
  evil.serve(lying.listener);
  const other = new LyingProvider(masked.url);
  other.lies = { issuer: 'https://accounts.example' };
  masked.serve(other.listener);
  servers.push(real, evil, masked);
});
afterAll(async () => {
  await service.close();
  for (const server of servers) await server.close();
});

/** A browser that follows nothing by itself. */
const begin = async (name: string): Promise<{ browser: Browser; away: URL }> => {
  const browser = new Browser(service);
  const answer = await browser.ask(`GET /v1/session/oidc/${name}`);
  expect(answer.status, answer.text).toBe(303);
  return { browser, away: new URL(answer.headers.get('location') ?? '') };
};
const back = (browser: Browser, url: URL): Promise<Got> => browser.ask(`GET ${url.pathname}${url.search}`);
const enter = async (account: string): Promise<{ browser: Browser; answer: Got }> => {
  const { browser, away } = await begin('real');
  const answer = await back(browser, await signInAt(away.href, account));
  // As the page does when it is there.
  await browser.ask('GET /v1/session');
  return { browser, answer };
};
const refusedAs = (answer: Got, code: string): void => {
  expect(answer.status).toBe(303);
  expect(answer.headers.get('location')).toBe(`/#refused=${code}`);
  expect(answer.headers.getSetCookie().join()).not.toMatch(/pxa_session=[^;]/);
};

describe('signing in at a provider', () => {
  it('makes a person with the rights of its groups', async () => {
    const { browser, answer } = await enter('ana');
    expect(answer.headers.get('location')).toBe('/');
    expect((await browser.ask('GET /v1/me')).json).toMatchObject({
      name: 'ana@real',
      class: 'human',
      role: 'admin',
      environments: null,
      method: 'oidc',
      person: { display: 'Ana', password: false },
    });
    const { id } = (await browser.ask('GET /v1/me')).json;
    const again = await enter('ana');
    expect((await again.browser.ask('GET /v1/me')).json).toMatchObject({ id });
  });

  it('adds the rights of several groups, and knows no others', async () => {
    const { browser } = await enter('ben');
    expect((await browser.ask('GET /v1/me')).json).toMatchObject({
      name: 'ben-o-neil@real',
      grants: { '*': 'viewer', other: 'operator' },
    });
    const { browser: dan } = await enter('dan');
    expect((await dan.ask('GET /v1/me')).json).toMatchObject({ grants: { '*': 'viewer' } });
    refusedAs((await enter('cat')).answer, 'FORBIDDEN');
  });

  it('never becomes somebody who is known here by the same name', async () => {
    const { id } = await join(service, BOOTSTRAP, 'ana', { '*': 'viewer' });
    const { browser } = await enter('ana');
    expect((await browser.ask('GET /v1/me')).json['id']).not.toBe(id);
  });

  it('takes rights away with the groups, from tokens and sessions at once', async () => {
    accounts['eve'] = { preferred_username: 'eve', groups: ['lab-admins'] };
    const { browser } = await enter('eve');
    const made = await browser.ask('POST /v1/me/tokens', { name: 't', role: 'admin', class: 'human' });
    const token = String(made.json['token']);
    expect((await service.ask('GET /v1/tokens', { token })).status).toBe(200);
    accounts['eve'] = { preferred_username: 'eve', groups: [] };
    refusedAs((await enter('eve')).answer, 'FORBIDDEN');
    expect((await service.ask('GET /v1/tokens', { token })).status).toBe(403);
    expect((await browser.ask('GET /v1/tokens')).status).toBe(403);
  });

  it('lets nobody in who was disabled here', async () => {
    accounts['fay'] = { preferred_username: 'fay', groups: ['lab-look'] };
    const { browser } = await enter('fay');
    const { id } = (await browser.ask('GET /v1/me')).json;
    await service.ask(`PATCH /v1/people/${String(id)}`, { token: BOOTSTRAP, body: { disabled: true } });
    expect((await browser.ask('GET /v1/me')).status).toBe(401);
    refusedAs((await enter('fay')).answer, 'FORBIDDEN');
  });

  it('remains the only way in: a passkey of theirs is a second factor, and a password there is none', async () => {
    accounts['gus'] = { preferred_username: 'gus', groups: ['lab-admins'] };
    const { browser } = await enter('gus');
    expect(await browser.ask('PUT /v1/me/password', { password: 'a-quiet-harbour-47' })).toMatchObject({
      status: 400,
      json: { detail: 'gus@real signs in elsewhere and has no password here.' },
    });
    const made = await browser.ask('POST /v1/me/tokens', { name: 't', role: 'admin', class: 'human' });
    const token = String(made.json['token']);
    // A token shows nothing of who signed in when, and neither does an old session.
    expect((await service.ask('POST /v1/me/totp', { token, body: {} })).status).toBe(403);
    const named = service.url.replace('127.0.0.1', 'localhost');
    const page = new Browser(service, named);
    page.cookie = browser.cookie;
    page.csrf = browser.csrf;
    const key = new Authenticator(named, 'gus');
    const { json } = await page.ask('POST /v1/me/passkeys/options', {});
    expect((await page.ask('POST /v1/me/passkeys', { name: 'k', credential: key.create(json) })).status).toBe(201);
    const asked = await page.ask('GET /v1/session/passkey-challenge');
    expect((await page.ask('POST /v1/session/step-up', { factor: key.get(asked.json) })).status).toBe(200);
    expect((await page.ask('GET /v1/me')).json).toMatchObject({ method: 'passkey' });
    const other = new Browser(service, named);
    const begun = await other.ask('POST /v1/session/passkey/options');
    expect(await other.ask('POST /v1/session/passkey', key.get(begun.json))).toMatchObject({ status: 403 });
    const { browser: late } = await enter('ana');
    clock.advance(10 * 60_000 + 1);
    expect((await late.ask('POST /v1/me/totp', {})).status).toBe(403);
    clock.advance(-10 * 60_000 - 1);
  });

  it('asks with PKCE, state and nonce, and keeps nothing that is secret', async () => {
    const { browser, away } = await begin('real');
    const query = Object.fromEntries(away.searchParams);
    expect(query).toMatchObject({ response_type: 'code', code_challenge_method: 'S256', scope: 'openid profile' });
    for (const name of ['state', 'nonce', 'code_challenge']) expect(query[name]).toMatch(/^[\w-]{43}$/);
    const rows = JSON.stringify(await service.app.store.db.selectFrom('challenges').selectAll().execute());
    for (const text of [query['state'] ?? '', query['nonce'] ?? '', browser.cookie.split('=')[1] ?? ''])
      expect(rows).not.toContain(text);
  });

  it('says which providers there are, and which is not there', async () => {
    expect((await service.ask('GET /v1/session')).json).toMatchObject({
      signed_in: false,
      providers: ['real', 'evil', 'away', 'masked'],
    });
    expect(await service.ask('GET /v1/session/oidc/nobody')).toMatchObject({ status: 404 });
    // One that is not there, and one that calls itself by the name of another.
    for (const name of ['away', 'masked'])
      expect(await service.ask(`GET /v1/session/oidc/${name}`)).toMatchObject({
        status: 502,
        json: { code: 'PROVIDER_UNREACHABLE' },
      });
  });
});

describe('an answer that is not the one that was asked for', () => {
  it('with another state', async () => {
    const { browser, away } = await begin('real');
    const url = await signInAt(away.href, 'ana');
    url.searchParams.set('state', 'A'.repeat(43));
    refusedAs(await back(browser, url), 'UNAUTHENTICATED');
  });

  it('brought back by another browser, as in the forging of a sign-in', async () => {
    const { away } = await begin('real');
    const url = await signInAt(away.href, 'ana');
    refusedAs(await back(new Browser(service), url), 'UNAUTHENTICATED');
    const { browser: other } = await begin('real');
    refusedAs(await back(other, url), 'UNAUTHENTICATED');
  });

  it('brought back twice', async () => {
    const { browser, away } = await begin('real');
    const { cookie } = browser;
    const url = await signInAt(away.href, 'ana');
    expect((await back(browser, url)).headers.get('location')).toBe('/');
    browser.cookie = cookie;
    refusedAs(await back(browser, url), 'UNAUTHENTICATED');
  });

  it('too late', async () => {
    const { browser, away } = await begin('evil');
    const url = new URL(away.searchParams.get('redirect_uri') ?? '');
    url.search = new URLSearchParams({
      code: 'c',
      state: away.searchParams.get('state') ?? '',
      iss: lying.issuer,
    }).toString();
    clock.advance(10 * 60_000);
    const traded = lying.traded;
    refusedAs(await back(browser, url), 'UNAUTHENTICATED');
    expect(lying.traded).toBe(traded);
    clock.advance(-10 * 60_000);
  });

  it('with the code of somebody else’s sign-in, which PKCE does not let through', async () => {
    const victim = await begin('real');
    const stolen = (await signInAt(victim.away.href, 'ana')).searchParams.get('code') ?? '';
    const thief = await begin('real');
    const url = await signInAt(thief.away.href, 'cat');
    url.searchParams.set('code', stolen);
    refusedAs(await back(thief.browser, url), 'UNAUTHENTICATED');
  });

  it('refused by the provider', async () => {
    const { browser, away } = await begin('real');
    const url = new URL(away.searchParams.get('redirect_uri') ?? '');
    const state = away.searchParams.get('state') ?? '';
    url.search = new URLSearchParams({ error: 'access_denied', state, iss: away.origin }).toString();
    refusedAs(await back(browser, url), 'UNAUTHENTICATED');
  });
});

describe('a provider that lies', () => {
  const bring = async (lies: Lies, more: Record<string, string> = {}): Promise<{ browser: Browser; answer: Got }> => {
    const { browser, away } = await begin('evil');
    lying.lies = lies;
    lying.nonce = away.searchParams.get('nonce') ?? '';
    const url = new URL(away.searchParams.get('redirect_uri') ?? '');
    const state = away.searchParams.get('state') ?? '';
    url.search = new URLSearchParams({ code: 'c', state, iss: lying.issuer, ...more }).toString();
    return { browser, answer: await back(browser, url) };
  };

  it('is believed when it does not', async () => {
    const { browser, answer } = await bring({});
    expect(answer.headers.get('location')).toBe('/');
    expect((await browser.ask('GET /v1/me')).json).toMatchObject({ name: 'mallory@evil' });
  });

  it.each<[string, Lies]>([
    ['whose token is not signed', { alg: 'none' }],
    ['whose token is signed with what everybody has', { alg: 'HS256' }],
    ['whose token is signed with another key', { otherKey: true }],
    ['whose token has another nonce', { claims: { nonce: 'other' } }],
    ['whose token has no nonce', { claims: { nonce: undefined } }],
    ['whose token is for another client', { claims: { aud: 'other' } }],
    ['whose token is of another issuer', { claims: { iss: 'https://accounts.example' } }],
    ['whose token has expired', { claims: { exp: 1_000 } }],
    ['whose token names nobody', { claims: { sub: undefined } }],
  ])('%s', async (_, lies) => {
    const { browser, answer } = await bring(lies);
    refusedAs(answer, 'UNAUTHENTICATED');
    expect((await browser.ask('GET /v1/me')).status).toBe(401);
  });

  it('cannot pass for another one', async () => {
    refusedAs((await bring({}, { iss: 'https://accounts.example' })).answer, 'UNAUTHENTICATED');
    // An answer of one that comes in at the door of another.
    const { browser, away } = await begin('evil');
    lying.lies = {};
    lying.nonce = away.searchParams.get('nonce') ?? '';
    const state = away.searchParams.get('state') ?? '';
    const query = new URLSearchParams({ code: 'c', state, iss: lying.issuer }).toString();
    refusedAs(await browser.ask(`GET /v1/session/oidc/real/callback?${query}`), 'UNAUTHENTICATED');
    const { records } = (await service.ask('GET /v1/audit?last=5', { token: BOOTSTRAP })).json as {
      records: { event: string; payload: { why?: string } }[];
    };
    // Before anything is sent to the other provider, not by what it says to a code that it never gave.
    const refused = records.findLast(({ event }) => event === 'auth.login.failed');
    expect(refused?.payload.why).toContain('was begun at another provider');
    // Nor can its people be those of another: the issuer is part of who they are.
    const { browser: mallory } = await bring({ claims: { sub: 'ana', preferred_username: 'ana' } });
    expect((await mallory.ask('GET /v1/me')).json).toMatchObject({ name: 'ana@evil' });
  });

  it('whose answer carries no issuer though it says that it would', async () => {
    const { browser, away } = await begin('evil');
    lying.lies = {};
    lying.nonce = away.searchParams.get('nonce') ?? '';
    const state = away.searchParams.get('state') ?? '';
    refusedAs(
      await browser.ask(`GET /v1/session/oidc/evil/callback?${new URLSearchParams({ code: 'c', state }).toString()}`),
      'UNAUTHENTICATED',
    );
  });
});

it('what was refused is in the audit log, without codes or secrets', async () => {
  const { json, text } = await service.ask('GET /v1/audit?last=500', { token: BOOTSTRAP });
  const failed = (json as { records: { event: string; payload: { by?: string; provider?: string } }[] }).records.filter(
    ({ event, payload }) => event === 'auth.login.failed' && payload.by === 'oidc',
  );
  expect(failed.length).toBeGreaterThan(10);
  expect(failed.every(({ payload }) => payload.provider !== undefined)).toBe(true);
  expect(text).not.toContain(CLIENT.secret);
});
