import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ownerCode } from '../../src/identity/index.ts';
import { Browser, join, movable, PASSWORD } from './browser.ts';
import { BOOTSTRAP, Service, STOP, type Got } from './support.ts';

/** People who would be somebody else, or stay what they are no more. */
let service: Service;
const clock = movable();
beforeAll(async () => {
  service = await Service.twoLabs({ clock });
});
afterAll(() => service.close());
let count = 0;
const someone = (grants: Record<string, string>) => join(service, BOOTSTRAP, `someone${++count}`, grants);
const ask = (line: string, token: string, body?: unknown): Promise<Got> => service.ask(line, { token, body });
interface Record_ {
  readonly event: string;
  readonly ids: Readonly<Record<string, string>>;
  readonly payload: Readonly<Record<string, unknown>>;
}
const head = async (): Promise<number> => (await ask('GET /v1/audit?last=1', BOOTSTRAP)).json['head'] as number;
const since = async (after: number, event: string): Promise<Record_[]> =>
  ((await ask(`GET /v1/audit?after=${after}`, BOOTSTRAP)).json['records'] as Record_[]).filter(
    (one) => one.event === event,
  );

describe('a token', () => {
  it('is not called like a person, however that is written, but its own person’s may be', async () => {
    const { browser } = await join(service, BOOTSTRAP, 'ana', { '*': 'admin' });
    for (const name of ['ana', ' Ana ', 'ＡＮＡ']) {
      const made = { name, role: 'viewer', class: 'agent' };
      expect(await ask('POST /v1/tokens', BOOTSTRAP, made), name).toMatchObject({
        status: 400,
        json: { errors: { name: 'is the name of a person' } },
      });
      const { browser: other } = await someone({ '*': 'viewer' });
      expect((await other.ask('POST /v1/me/tokens', made)).status, name).toBe(400);
      expect((await browser.ask('POST /v1/me/tokens', made)).status, name).toBe(201);
    }
  });

  it.each(['system', 'nobody', 'Bootstrap', ' ｓystem'])(
    'is not called %s, as the log itself is, nor is a person',
    async (name) => {
      const token = { name, role: 'viewer', class: 'agent' };
      expect((await ask('POST /v1/tokens', BOOTSTRAP, token)).status).toBe(400);
      const { browser } = await someone({ '*': 'viewer' });
      expect((await browser.ask('POST /v1/me/tokens', token)).status).toBe(400);
      expect((await ask('POST /v1/people', BOOTSTRAP, { name, grants: { '*': 'viewer' } })).status).toBe(400);
    },
  );

  it.each([
    ['a letter of another alphabet', 'аna'],
    ['text that runs backwards', 'helper\u202Eana'],
    ['something that cannot be seen', 'an\u200Ba'],
    ['a new line', 'helper\nana approved'],
    ['a command to the terminal', 'helper\u001b[2K'],
    ['nothing but spaces', '   '],
  ])('has no name with %s, nor has a person or a passkey', async (_, name) => {
    const { browser } = await someone({ '*': 'viewer' });
    const token = { name, role: 'viewer', class: 'agent' };
    expect((await ask('POST /v1/tokens', BOOTSTRAP, token)).status).toBe(400);
    expect((await browser.ask('POST /v1/me/tokens', token)).status).toBe(400);
    const login = { name: `someone${count}`, password: PASSWORD, token: { name, expires_in: '1d' } };
    expect((await service.ask('POST /v1/login', { body: login })).status).toBe(400);
    const person = { name: 'x', display: name, grants: { '*': 'viewer' } };
    expect((await ask('POST /v1/people', BOOTSTRAP, person)).status).toBe(400);
    const passkey = {
      name,
      credential: { id: 'x', response: { clientDataJSON: 'x', attestationObject: 'x' } },
    };
    expect(await browser.ask('POST /v1/me/passkeys', passkey)).toMatchObject({
      status: 400,
      json: { errors: { name: expect.any(String) as string } },
    });
  });

  it('has a name in whatever one alphabet', async () => {
    for (const name of ['Sicherung über Nacht', 'резервная копия', '备份', 'backup (CI) #2']) {
      const made = await ask('POST /v1/tokens', BOOTSTRAP, { name, role: 'viewer', class: 'agent' });
      expect(made.json, made.text).toMatchObject({ name });
    }
  });

  it('of a person loses with its person what that loses, and ends with it', async () => {
    const { id, browser } = await someone({ '*': 'operator' });
    const make = async (kind: string): Promise<string> =>
      String((await browser.ask('POST /v1/me/tokens', { name: kind, role: 'operator', class: kind })).json['token']);
    const tokens = [await make('agent'), await make('service'), await make('human')];
    const plan = async (token: string) =>
      (await ask('POST /v1/actions/plan', token, { ...STOP, dry_run: true })).status;
    for (const token of tokens) expect(await plan(token)).toBe(201);
    await ask(`PATCH /v1/people/${id}`, BOOTSTRAP, { grants: { other: 'operator' } });
    for (const token of tokens) expect(await plan(token)).toBe(403);
    await ask(`PATCH /v1/people/${id}`, BOOTSTRAP, { disabled: true });
    for (const token of tokens) expect(await plan(token)).toBe(401);
    await ask(`PATCH /v1/people/${id}`, BOOTSTRAP, { disabled: false, grants: { '*': 'operator' } });
    for (const token of tokens) expect(await plan(token)).toBe(401);
  });

  it('of an agent or a service with every right makes no copy of the store; a service may', async () => {
    const backup = { file: 'relative' };
    expect((await ask('POST /v1/store/backup', await service.token('admin', 'agent'), backup)).status).toBe(403);
    expect((await ask('POST /v1/store/backup', await service.token('admin', 'service'), backup)).status).toBe(400);
  });
});

describe('somebody without any rights', () => {
  it('is left to who is admin everywhere, who alone can give them back', async () => {
    const { id, browser } = await someone({ '*': 'admin' });
    const lab = await service.token('admin', 'human', ['lab']);
    const everywhere = await service.token('admin');
    await ask(`PATCH /v1/people/${id}`, everywhere, { grants: {} });
    for (const line of [`POST /v1/people/${id}/reset`, `DELETE /v1/people/${id}/sessions`])
      expect((await ask(line, lab)).status, line).toBe(404);
    expect((await ask(`PATCH /v1/people/${id}`, lab, { disabled: true })).status).toBe(404);
    expect((await ask('GET /v1/people', lab)).text).not.toContain(id);
    expect((await ask('GET /v1/people', everywhere)).text).toContain(id);
    expect((await browser.ask('GET /v1/me')).status).toBe(200);
    const { id: other } = await someone({ lab: 'viewer' });
    expect(await ask(`PATCH /v1/people/${other}`, lab, { grants: {} })).toMatchObject({ status: 403 });
    expect((await ask('POST /v1/people', lab, { name: 'without', grants: {} })).status).toBe(403);
    expect((await ask(`PATCH /v1/people/${other}`, lab, { disabled: true })).status).toBe(200);
  });
});

describe('a link', () => {
  it('is worth nothing after a newer one, after its use, and after its person was disabled', async () => {
    const codeIn = ({ json }: Got): string => (json['invitation'] as { code: string }).code;
    const use = async (code: string) =>
      (await new Browser(service).ask('POST /v1/invitation', { code, password: PASSWORD })).status;
    const invited = await ask('POST /v1/people', BOOTSTRAP, { name: 'lina', grants: { '*': 'admin' } });
    const reset = async () => codeIn(await ask(`POST /v1/people/${String(invited.json['id'])}/reset`, BOOTSTRAP, {}));
    const [one, two] = [codeIn(invited), await reset()];
    expect(await use(one)).toBe(401);
    expect(await use(two)).toBe(200);
    // The person is invited once more, but not by what it has used.
    const three = await reset();
    for (const code of [one, two]) expect(await use(code)).toBe(401);
    for (const disabled of [true, false])
      await ask(`PATCH /v1/people/${String(invited.json['id'])}`, BOOTSTRAP, { disabled });
    for (const code of [one, two, three]) expect(await use(code)).toBe(401);
    expect(await use(await reset())).toBe(200);
  });
});

describe('a browser', () => {
  it('with two cookies of one name is nobody, whichever comes first, and is told why', async () => {
    const { browser } = await someone({ '*': 'admin' });
    const { browser: attacker } = await someone({ '*': 'viewer' });
    for (const cookie of [`${browser.cookie}; ${attacker.cookie}`, `${attacker.cookie};${browser.cookie}`]) {
      const both = new Browser(service);
      const headers = { Cookie: cookie, 'X-CSRF-Token': browser.csrf ?? '' };
      const got = await both.ask('GET /v1/me', undefined, headers);
      expect(got).toMatchObject({ status: 401 });
      expect(got.json['detail']).toContain('Two cookies are named pxa_session');
      expect((await both.ask('POST /v1/actions/plan', STOP, headers)).status).toBe(401);
      expect((await both.ask('GET /v1/session', undefined, headers)).text).not.toContain('csrf');
    }
    expect((await browser.ask('GET /v1/me')).status).toBe(200);
  });

  it('is let in by no method that another one stands for', async () => {
    const { browser } = await someone({ '*': 'admin' });
    const plan = (await browser.ask('POST /v1/actions/plan', STOP)).json;
    const path = `/v1/plans/${String(plan['plan_id'])}`;
    for (const header of ['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override'])
      for (const line of [`GET ${path}/cancel`, `GET ${path}/cancel?_method=POST`, `GET ${path}?_method=DELETE`])
        await service.ask(line, { headers: { Cookie: browser.cookie, [header]: 'POST' } });
    expect((await browser.ask(`GET ${path}`)).json).toMatchObject({ state: 'awaiting_approval' });
  });

  it.each(['OPTIONS', 'HEAD', 'TRACE', 'CONNECT'])('learns nothing by %s of another page', async (method) => {
    const { browser } = await someone({ '*': 'admin' });
    for (const url of ['/v1/me', '/v1/session', '/v1/people', '/v1/tokens/x']) {
      const headers = { cookie: browser.cookie, origin: 'https://evil.example', host: '127.0.0.1' };
      const answer = await service.app.server.inject({ method: method as 'OPTIONS', url, headers });
      expect(answer.statusCode, url).toBeGreaterThanOrEqual(400);
      expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    }
  });
});

describe('an id that is a path', () => {
  it('leads nowhere but to where its route leads', async () => {
    const { browser } = await someone({ '*': 'viewer' });
    const made = await ask('POST /v1/tokens', BOOTSTRAP, { name: 'stands', role: 'viewer', class: 'agent' });
    const id = String(made.json['id']);
    for (const path of [
      `/v1/me/tokens/..%2f..%2ftokens%2f${id}`,
      `/v1/me/tokens/../../tokens/${id}`,
      `/v1/me/tokens/%2e%2e/%2e%2e/tokens/${id}`,
      `/v1/me/tokens/${id}`,
      `/v1/me/tokens/${id}/`,
      `/v1/tokens/${id}`,
      `/v1/tokens/${id}%00`,
      `/v1//tokens/${id}`,
    ])
      expect([403, 404], path).toContain((await browser.ask(`DELETE ${path}`)).status);
    expect((await ask('GET /v1/me', String(made.json['token']))).status).toBe(200);
  });
});

describe('an answer to something very long or deep', () => {
  const LONG = 'ä'.repeat(500_000);
  it.each([
    ['POST /v1/session', { name: LONG, password: LONG }],
    ['POST /v1/session', { name: 'ana', password: LONG }],
    ['POST /v1/owner', { code: LONG }],
    ['POST /v1/invitation', { code: LONG, password: LONG }],
    ['POST /v1/session/passkey', { id: LONG, response: { clientDataJSON: LONG } }],
    ['POST /v1/session', '['.repeat(200_000)],
    ['POST /v1/session', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`],
    ['POST /v1/session', '{"name":"ana","password":"x","password":{"length":1}}'],
  ])('%s is a plain refusal', async (line, body) => {
    const answer = await service.ask(line, { body });
    expect(answer.status, answer.text).toBe(400);
    expect(answer.text.length).toBeLessThan(3_000);
  });

  it.each([
    ['Cookie', `pxa_session=${'A'.repeat(12_000)}`],
    ['Authorization', `Bearer pxa_${'A'.repeat(12_000)}`],
    ['Authorization', `Bearer ${' '.repeat(12_000)}x`],
  ])('%s is too', async (name, value) => {
    expect((await service.ask('GET /v1/me', { headers: { [name]: value } })).status).toBe(401);
  });
});

describe('what was refused', () => {
  const link = (line: string, body: object) => service.ask(line, { body });

  it('is in the audit log: links, and tokens with the reason, without what was shown', async () => {
    const { id, browser } = await someone({ '*': 'viewer' });
    const before = await head();
    await link('POST /v1/owner', { code: 'guessed-owner-code' });
    await link('POST /v1/invitation', { code: 'guessed-invitation' });
    await link('POST /v1/invitation', { code: 'guessed-invitation', password: PASSWORD });
    const failed = (await since(before, 'auth.login.failed')).map(({ payload }) => payload['by']);
    expect(failed.filter((by) => by === 'owner-link')).toHaveLength(1);
    expect(failed.filter((by) => by === 'invitation')).toHaveLength(2);

    const make = (body: object, token = BOOTSTRAP) =>
      ask('POST /v1/tokens', token, { name: 't', role: 'viewer', class: 'agent', ...body });
    const [short, revoked] = [await make({ expires_in: '1m' }), await make({})];
    const own = await browser.ask('POST /v1/me/tokens', { name: 't', role: 'viewer', class: 'agent' });
    await ask(`DELETE /v1/tokens/${String(revoked.json['id'])}`, BOOTSTRAP);
    // A person is disabled without this token's being revoked only if it was made at that very moment.
    await service.app.store.commit((trx) =>
      trx.db
        .updateTable('people')
        .set({ state: 'disabled' })
        .where('id', '=', id)
        .execute()
        .then(() => undefined),
    );
    const unknown = `pxa_${'A'.repeat(40)}00000000`;
    for (const token of [short, revoked, own].map(({ json }) => String(json['token'])).concat(unknown)) {
      clock.advance(61_000);
      expect((await ask('GET /v1/me', token)).status).toBe(401);
    }
    const records = await since(before, 'auth.token.refused');
    expect(records.map(({ payload }) => payload['why'])).toEqual(['expired', 'revoked', 'its person', 'unknown']);
    expect(records.map(({ ids }) => ids['token_id'])).toEqual(
      [short, revoked, own].map(({ json }) => json['id']).concat(undefined),
    );
    expect(records.every(({ payload }) => payload['address'] === '127.0.0.1')).toBe(true);
    const { text } = await ask('GET /v1/audit?last=100', BOOTSTRAP);
    for (const secret of ['guessed-', unknown, String(short.json['token'])]) expect(text).not.toContain(secret);
  });

  it('and what was let in, with the way and the address, also where it gave a token', async () => {
    await someone({ '*': 'viewer' });
    const before = await head();
    const token = { name: 'terminal', expires_in: '1d' };
    const { json } = await service.ask('POST /v1/login', {
      body: { name: `someone${count}`, password: PASSWORD, token },
    });
    const [record] = await since(before, 'auth.login.succeeded');
    expect(record).toMatchObject({
      ids: { person_id: json['person_id'], token_id: json['id'] },
      payload: { method: 'password', address: '127.0.0.1' },
    });
  });

  it('by tokens fills the log no faster than once a minute', async () => {
    clock.advance(61_000);
    const before = await head();
    for (let time = 0; time < 50; time++) await ask('GET /v1/me', `pxa_guess${time}`);
    expect(await since(before, 'auth.token.refused')).toHaveLength(1);
  });

  it('by links is slowed down by address', async () => {
    const statuses: number[] = [];
    for (let time = 0; time < 45; time++)
      statuses.push((await link('POST /v1/invitation', { code: `g${time}` })).status);
    expect(statuses[0]).toBe(401);
    expect(statuses.at(-1)).toBe(429);
    clock.advance(24 * 3_600_000);
  });
});

describe('the owner’s link', () => {
  it('is printed again when all that is left cannot administer everything', async () => {
    const other = await Service.twoLabs({ clock });
    try {
      const { identity } = other.app;
      const owner = await other.ask('POST /v1/owner', { body: { code: await ownerCode(identity) } });
      const token = String(owner.json['token']);
      const own = { name: 'mine', role: 'admin', class: 'agent' };
      expect((await other.ask('POST /v1/me/tokens', { token, body: own })).status).toBe(201);
      await other.token('admin', 'human', ['lab']);
      const held = { name: 'held', role: 'admin', class: 'human', actions: ['vm.*'] };
      expect((await other.ask('POST /v1/tokens', { token: BOOTSTRAP, body: held })).status).toBe(201);
      expect(await ownerCode(identity)).toBeUndefined();
      await other.ask(`DELETE /v1/tokens/${String(owner.json['id'])}`, { token: BOOTSTRAP });
      expect(await ownerCode(identity)).toMatch(/^[\w-]{32}$/);
    } finally {
      await other.close();
    }
  });
});
