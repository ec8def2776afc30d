import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Authenticator, type Twist } from '../support/authenticator.ts';
import { Browser, codeAt, enrol, join, movable, PASSWORD } from './browser.ts';
import { BOOTSTRAP, Service, STOP, type Got } from './support.ts';

let service: Service;
/** Browsers know passkeys for names, not for addresses of digits. */
let named: string;
const clock = movable();
beforeAll(async () => {
  service = await Service.start({ clock });
  named = service.url.replace('127.0.0.1', 'localhost');
});
afterAll(() => service.close());
const ask = (line: string, token: string, body?: unknown): Promise<Got> => service.ask(line, { token, body });
let count = 0;
const someone = async () => {
  const name = `someone${++count}`;
  return { name, ...(await join(service, BOOTSTRAP, name, { '*': 'approver' })) };
};
const next = (): void => clock.advance(30_000);

describe('an authenticator', () => {
  it('counts from the first code on, asks for it at sign-in, and takes each code once', async () => {
    const { name, browser } = await someone();
    const begun = await browser.ask('POST /v1/me/totp', { current_password: PASSWORD });
    expect(begun.json['uri']).toBe(
      `otpauth://totp/proxmox-agent:${name}?issuer=proxmox-agent&secret=${String(begun.json['secret'])}&algorithm=SHA1&digits=6&period=30`,
    );
    // Until it is confirmed nobody is locked out by it.
    expect((await new Browser(service).signIn(name, PASSWORD)).status).toBe(200);
    const secret = String(begun.json['secret']);
    expect((await browser.ask('POST /v1/me/totp/confirm', { code: '000000' })).status).toBe(400);
    const code = codeAt(secret, clock);
    const on = await browser.ask('POST /v1/me/totp/confirm', { code });
    expect(on.json['recovery_codes']).toHaveLength(10);
    const other = new Browser(service);
    expect(await other.signIn(name, PASSWORD)).toMatchObject({
      status: 403,
      json: { code: 'FACTOR_REQUIRED', factors: ['totp', 'recovery'], errors: { factor: 'is needed' } },
    });
    expect(other.cookie).toBe('');
    expect((await other.signIn(name, PASSWORD, code)).json).toMatchObject({ code: 'FACTOR_INVALID' });
    next();
    const fresh = codeAt(secret, clock);
    expect((await other.signIn(name, PASSWORD, fresh)).status).toBe(200);
    expect((await other.ask('GET /v1/me')).json).toMatchObject({ method: 'password+totp', person: { totp: true } });
    const third = new Browser(service);
    expect((await third.signIn(name, PASSWORD, fresh)).json).toMatchObject({ code: 'FACTOR_INVALID' });
    // Of two that come with one code at the same time, one is let in.
    next();
    const both = await Promise.all(
      [1, 2].map(() => new Browser(service).signIn(name, PASSWORD, codeAt(secret, clock))),
    );
    expect(both.map(({ status }) => status).sort((a, b) => a - b)).toEqual([200, 403]);
  });

  it('does not stand in the database in the clear, nor in any answer but the first', async () => {
    const { browser } = await someone();
    const { secret, codes } = await enrol(browser, clock);
    const people = await service.app.store.db.selectFrom('people').selectAll().execute();
    const recovery = await service.app.store.db.selectFrom('recovery_codes').selectAll().execute();
    const all =
      JSON.stringify([people, recovery]) +
      Buffer.concat(people.map(({ totp }) => Buffer.from(totp ?? ''))).toString('latin1');
    for (const text of [secret, ...codes, ...codes.map((code) => code.replaceAll('-', ''))])
      expect(all).not.toContain(text);
    for (const line of ['GET /v1/me', 'GET /v1/session', 'GET /v1/sessions'])
      expect((await browser.ask(line)).text, line).not.toContain(secret);
    expect((await ask('GET /v1/audit?last=500', BOOTSTRAP)).text).not.toContain(secret);
  });

  it('is replaced only when the new one is confirmed, and removed only with proof', async () => {
    const { name, browser } = await someone();
    const { secret } = await enrol(browser, clock);
    expect(await browser.ask('POST /v1/me/totp', { current_password: PASSWORD })).toMatchObject({
      status: 403,
      json: { code: 'FACTOR_REQUIRED' },
    });
    expect((await browser.ask('POST /v1/me/totp/remove', {})).json).toMatchObject({ code: 'FACTOR_REQUIRED' });
    next();
    const again = await browser.ask('POST /v1/me/totp', { factor: codeAt(secret, clock) });
    next();
    expect((await new Browser(service).signIn(name, PASSWORD, codeAt(secret, clock))).status).toBe(200);
    const second = String(again.json['secret']);
    expect((await browser.ask('POST /v1/me/totp/confirm', { code: codeAt(second, clock) })).json).toEqual({});
    next();
    expect((await new Browser(service).signIn(name, PASSWORD, codeAt(secret, clock))).status).toBe(403);
    expect((await browser.ask('POST /v1/me/totp/remove', { factor: codeAt(second, clock) })).status).toBe(204);
    expect((await new Browser(service).signIn(name, PASSWORD)).status).toBe(200);
  });
});

describe('recovery codes', () => {
  it('each let in once, until new ones take their place', async () => {
    const { name, browser } = await someone();
    const { codes } = await enrol(browser, clock);
    const [one = '', two = ''] = codes;
    expect(one).toMatch(/^([a-z2-9]{4}-){3}[a-z2-9]{4}$/);
    expect((await new Browser(service).signIn(name, PASSWORD, one.toUpperCase().replaceAll('-', ' '))).status).toBe(
      200,
    );
    expect((await new Browser(service).signIn(name, PASSWORD, one)).status).toBe(403);
    const up = await browser.ask('POST /v1/session/step-up', { factor: two });
    expect(up.status).toBe(200);
    expect((await browser.ask('GET /v1/me')).json).toMatchObject({
      method: 'password+recovery',
      person: { recovery_codes: 8 },
    });
    const renewed = (await browser.ask('POST /v1/me/recovery-codes', {})).json['recovery_codes'] as string[];
    expect(new Set([...renewed, ...codes]).size).toBe(20);
    expect((await new Browser(service).signIn(name, PASSWORD, codes[5])).status).toBe(403);
    expect((await new Browser(service).signIn(name, PASSWORD, renewed[0])).status).toBe(200);
  });
});

/** A person on a page of a host with a name, with a passkey. */
async function withPasskey(
  twist: Twist = {},
): Promise<{ name: string; id: string; browser: Browser; key: Authenticator }> {
  const { name, id, browser } = await someone();
  const page = new Browser(service, named);
  page.cookie = browser.cookie;
  page.csrf = browser.csrf;
  const options = await page.ask('POST /v1/me/passkeys/options', { current_password: PASSWORD });
  const key = new Authenticator(named, name);
  const kept = await page.ask('POST /v1/me/passkeys', { name: 'key', credential: key.create(options.json, twist) });
  expect(kept.status, kept.text).toBe(201);
  expect(kept.json['recovery_codes']).toHaveLength(10);
  return { name, id, browser: page, key };
}

describe('a passkey', () => {
  it('signs in by itself, and as the second factor', async () => {
    const { name, key } = await withPasskey();
    const browser = new Browser(service, named);
    const begun = await browser.ask('POST /v1/session/passkey/options');
    expect(begun.json).toMatchObject({ rpId: 'localhost', userVerification: 'required', allowCredentials: [] });
    expect((await browser.ask('POST /v1/session/passkey', key.get(begun.json))).status).toBe(200);
    expect((await browser.ask('GET /v1/me')).json).toMatchObject({ name, method: 'passkey' });
    const other = new Browser(service, named);
    const asked = await other.signIn(name, PASSWORD);
    expect(asked.json).toMatchObject({ code: 'FACTOR_REQUIRED', factors: ['recovery', 'passkey'] });
    const options = asked.json['passkey'] as Record<string, unknown>;
    expect((await other.signIn(name, PASSWORD, key.get(options))).status).toBe(200);
  });

  const wrong: [string, Twist][] = [
    ['of another address', { origin: 'https://evil.example' }],
    ['that did not verify its user', { verified: false }],
    ['whose counter went back', { counter: 1 }],
    ['with a challenge of its own', { challenge: 'AAAA' }],
  ];
  it.each(wrong)('%s is refused', async (_, twist) => {
    const { key } = await withPasskey();
    key.counter = 5;
    const browser = new Browser(service, named);
    const sign = async (how: Twist) => {
      const { json } = await browser.ask('POST /v1/session/passkey/options');
      return browser.ask('POST /v1/session/passkey', key.get(json, how));
    };
    expect((await sign({})).status).toBe(200);
    browser.cookie = '';
    expect(await sign(twist)).toMatchObject({ status: 403, json: { code: 'FACTOR_INVALID' } });
    expect((await browser.ask('GET /v1/me')).status).toBe(401);
  });

  it('answers a challenge once, in time, and for whom it was', async () => {
    const [{ key, name }, { key: other, browser: theirs }] = [await withPasskey(), await withPasskey()];
    const browser = new Browser(service, named);
    const { json } = await browser.ask('POST /v1/session/passkey/options');
    const answer = key.get(json);
    expect((await browser.ask('POST /v1/session/passkey', answer)).status).toBe(200);
    expect((await new Browser(service, named).ask('POST /v1/session/passkey', answer)).status).toBe(403);
    const late = await browser.ask('POST /v1/session/passkey/options');
    clock.advance(5 * 60_000);
    expect((await browser.ask('POST /v1/session/passkey', key.get(late.json))).status).toBe(403);
    const asked = (await new Browser(service, named).signIn(name, PASSWORD)).json['passkey'] as Record<string, unknown>;
    expect((await new Browser(service, named).signIn(name, PASSWORD, other.get(asked))).status).toBe(403);
    // What was asked for to step up does not sign in.
    const step = await theirs.ask('GET /v1/session/passkey-challenge');
    expect((await new Browser(service, named).ask('POST /v1/session/passkey', other.get(step.json))).status).toBe(403);
  });

  it('that counts nothing answers a challenge once all the same', async () => {
    // As the keys of most phones do: no counter tells that an answer came before.
    const still = { counter: 0 };
    const { key, browser, name } = await withPasskey(still);
    const page = new Browser(service, named);
    const answer = key.get((await page.ask('POST /v1/session/passkey/options')).json, still);
    expect((await page.ask('POST /v1/session/passkey', answer)).status).toBe(200);
    expect((await new Browser(service, named).ask('POST /v1/session/passkey', answer)).status).toBe(403);
    const asked = (await new Browser(service, named).signIn(name, PASSWORD)).json['passkey'] as Record<string, unknown>;
    const factor = key.get(asked, still);
    expect((await new Browser(service, named).signIn(name, PASSWORD, factor)).status).toBe(200);
    expect((await new Browser(service, named).signIn(name, PASSWORD, factor)).status).toBe(403);
    const step = key.get((await browser.ask('GET /v1/session/passkey-challenge')).json, still);
    expect((await browser.ask('POST /v1/session/step-up', { factor: step })).status).toBe(200);
    expect((await browser.ask('POST /v1/session/step-up', { factor: step })).status).toBe(403);
    const { json } = await ask('POST /v1/actions/plan', BOOTSTRAP, STOP);
    const path = `/v1/plans/${String(json['plan_id'])}`;
    const approval = key.get((await browser.ask(`GET ${path}/passkey-challenge`)).json, still);
    const approve = () => browser.ask(`POST ${path}/approve`, { plan_hash: json['plan_hash'], factor: approval });
    expect((await approve()).status).toBe(200);
    expect(await approve()).toMatchObject({ status: 403, json: { code: 'FACTOR_INVALID' } });
  });

  it('of one name is none of another, whatever name the request calls us by', async () => {
    const { key } = await withPasskey();
    const headers = { host: 'evil.example', origin: 'https://evil.example', 'content-type': 'application/json' };
    const { server } = service.app;
    const begun = await server.inject({ method: 'POST', url: '/v1/session/passkey/options', headers });
    const options = begun.json<Record<string, unknown>>();
    expect(options).toMatchObject({ rpId: 'evil.example' });
    for (const relayed of [options, { ...options, rpId: 'localhost' }]) {
      const payload = key.get(relayed, { origin: 'https://evil.example' });
      const answer = await server.inject({ method: 'POST', url: '/v1/session/passkey', headers, payload });
      expect(answer.statusCode).toBe(403);
    }
  });

  it('is registered once, by who verified its user, and removed with proof', async () => {
    const { browser, key } = await withPasskey();
    const { browser: thief } = await someone();
    const page = new Browser(service, named);
    page.cookie = thief.cookie;
    page.csrf = thief.csrf;
    const begin = () => page.ask('POST /v1/me/passkeys/options', { current_password: PASSWORD });
    const keep = (credential: object) => page.ask('POST /v1/me/passkeys', { name: 'x', credential });
    expect((await keep(key.create((await begin()).json))).status).toBe(403);
    const own = new Authenticator(named, 'own');
    expect((await keep(own.create((await begin()).json, { verified: false }))).status).toBe(403);
    expect((await keep(own.create((await begin()).json, { origin: 'https://evil.example' }))).status).toBe(403);
    expect((await page.ask('GET /v1/me/passkeys')).json).toEqual({ passkeys: [] });
    const { passkeys } = (await browser.ask('GET /v1/me/passkeys')).json as { passkeys: { id: string }[] };
    const remove = `POST /v1/me/passkeys/${passkeys[0]?.id}/remove`;
    expect((await browser.ask(remove, {})).json).toMatchObject({ code: 'FACTOR_REQUIRED' });
    const step = await browser.ask('GET /v1/session/passkey-challenge');
    expect((await browser.ask(remove, { factor: key.get(step.json) })).status).toBe(204);
    expect((await browser.ask('GET /v1/me')).json).toMatchObject({ person: { passkeys: 0, recovery_codes: 0 } });
  });
});

it('a reset leaves nothing of before: no session, no passkey, no code, no token', async () => {
  const { id, browser, key, name } = await withPasskey();
  const begun = await browser.ask('POST /v1/me/totp', {
    factor: key.get((await browser.ask('GET /v1/session/passkey-challenge')).json),
  });
  const secret = String(begun.json['secret']);
  const on = await browser.ask('POST /v1/me/totp/confirm', { code: codeAt(secret, clock) });
  expect(on.status, on.text).toBe(200);
  const made = await browser.ask('POST /v1/me/tokens', { name: 'mine', role: 'viewer', class: 'agent' });
  const old = new Browser(service, named);
  old.cookie = browser.cookie;
  const { json } = await ask(`POST /v1/people/${id}/reset`, BOOTSTRAP, {});
  const { code } = json['invitation'] as { code: string };
  const anew = new Browser(service, named);
  // Only once the person is there again would something of before be let in.
  expect((await anew.ask('POST /v1/invitation', { code, password: `${PASSWORD}-2` })).status).toBe(200);
  expect((await anew.ask('GET /v1/me')).json).toMatchObject({
    person: { totp: false, passkeys: 0, recovery_codes: 0 },
  });
  expect((await old.ask('GET /v1/me')).status).toBe(401);
  expect((await ask('GET /v1/me', String(made.json['token']))).status).toBe(401);
  const options = await new Browser(service, named).ask('POST /v1/session/passkey/options');
  const signed = key.get(options.json);
  expect((await new Browser(service, named).ask('POST /v1/session/passkey', signed)).status).toBe(403);
  expect((await new Browser(service).signIn(name, PASSWORD)).status).toBe(401);
  expect((await new Browser(service).signIn(name, `${PASSWORD}-2`)).status).toBe(200);
});

describe('an approval with a factor', () => {
  const plan = async (target = STOP.target): Promise<{ plan_id: string; plan_hash: string }> =>
    (await ask('POST /v1/actions/plan', BOOTSTRAP, { ...STOP, target })).json as never;
  const look = async (id: string) =>
    (await ask(`GET /v1/plans/${id}`, BOOTSTRAP)).json as { state: string; approvals: { method: string }[] };

  it('says by which factor it was given; a wrong one refuses it', async () => {
    const { browser } = await someone();
    const { secret, codes } = await enrol(browser, clock);
    const { plan_id, plan_hash } = await plan();
    const approve = (factor: unknown) => browser.ask(`POST /v1/plans/${plan_id}/approve`, { plan_hash, factor });
    for (const factor of ['000000', 'not-a-code', codeAt(secret, clock)])
      expect(await approve(factor)).toMatchObject({ status: 403, json: { code: 'FACTOR_INVALID' } });
    expect(await look(plan_id)).toMatchObject({ state: 'awaiting_approval', approvals: [] });
    next();
    expect(await approve(codeAt(secret, clock))).toMatchObject({ status: 200, json: { state: 'approved' } });
    expect((await look(plan_id)).approvals).toMatchObject([{ method: 'password+totp' }]);
    const second = await plan();
    const body = { plan_hash: second.plan_hash, factor: codes[3] };
    expect((await browser.ask(`POST /v1/plans/${second.plan_id}/approve`, body)).status).toBe(200);
    expect((await look(second.plan_id)).approvals).toMatchObject([{ method: 'password+recovery' }]);
    const { records } = (await ask('GET /v1/audit?last=20', BOOTSTRAP)).json as {
      records: { event: string; payload: { method?: string } }[];
    };
    expect(records.filter(({ event }) => event === 'approval.granted').at(-1)?.payload.method).toBe(
      'password+recovery',
    );
  });

  it('by passkey is bound to the plan that was looked at', async () => {
    const { browser, key } = await withPasskey();
    const [one, two] = [await plan(), await plan('vm/101')];
    const challenge = async (id: string) => (await browser.ask(`GET /v1/plans/${id}/passkey-challenge`)).json;
    const approve = ({ plan_id, plan_hash }: typeof one, factor: unknown) =>
      browser.ask(`POST /v1/plans/${plan_id}/approve`, { plan_hash, factor });
    const asked = await challenge(one.plan_id);
    expect(asked).toMatchObject({ plan_hash: one.plan_hash });
    expect(await approve(two, key.get(asked))).toMatchObject({ status: 403, json: { code: 'FACTOR_INVALID' } });
    const step = await browser.ask('GET /v1/session/passkey-challenge');
    expect((await approve(one, key.get(step.json))).status).toBe(403);
    expect((await look(one.plan_id)).approvals).toEqual([]);
    const answer = key.get(await challenge(one.plan_id));
    expect((await approve(one, answer)).status).toBe(200);
    expect((await look(one.plan_id)).approvals).toMatchObject([{ method: 'passkey' }]);
    expect((await approve(one, answer)).status).toBe(403);
    expect((await look(two.plan_id)).approvals).toEqual([]);
  });

  it('by a token that is nobody’s in particular has no factor to show', async () => {
    const { plan_id, plan_hash } = await plan();
    const token = await service.token('approver');
    const refused = await ask(`POST /v1/plans/${plan_id}/approve`, token, { plan_hash, factor: '123456' });
    expect(refused).toMatchObject({ status: 403, json: { code: 'FORBIDDEN' } });
    expect(await look(plan_id)).toMatchObject({ state: 'awaiting_approval', approvals: [] });
  });

  it('of one person counts once, by whichever way it came', async () => {
    const { browser } = await someone();
    const { plan_id, plan_hash } = await plan();
    const made = { name: 'mine', role: 'approver', class: 'human' };
    const token = String((await browser.ask('POST /v1/me/tokens', made)).json['token']);
    expect((await browser.ask(`POST /v1/plans/${plan_id}/approve`, { plan_hash })).status).toBe(200);
    expect((await ask(`POST /v1/plans/${plan_id}/approve`, token, { plan_hash })).status).toBe(200);
    expect((await look(plan_id)).approvals).toHaveLength(1);
  });
});
