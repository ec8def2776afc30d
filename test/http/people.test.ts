import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ownerCode } from '../../src/identity/index.ts';
import { Browser, join, movable, PASSWORD } from './browser.ts';
import { BOOTSTRAP, Service, START, STOP, type Got } from './support.ts';

let service: Service;
const clock = movable();
beforeAll(async () => {
  service = await Service.twoLabs({ clock });
});
afterAll(() => service.close());
const ask = (line: string, token: string, body?: unknown): Promise<Got> => service.ask(line, { token, body });
const events = async (
  after: number,
): Promise<{ event: string; actor: { id: string }; ids: { person_id?: string } }[]> =>
  (await ask(`GET /v1/audit?after=${after}&limit=500`, BOOTSTRAP)).json['records'] as never;
const head = async (): Promise<number> => (await ask('GET /v1/audit?last=1', BOOTSTRAP)).json['head'] as number;

describe('the owner', () => {
  it('is a person whose token works, who sets a password, and who then signs in with it', async () => {
    const code = await ownerCode(service.app.identity);
    const made = await service.ask('POST /v1/owner', { body: { code } });
    expect(made).toMatchObject({ status: 201, json: { role: 'admin', class: 'human', name: 'owner' } });
    const token = String(made.json['token']);
    const me = (await ask('GET /v1/me', token)).json;
    expect(me).toMatchObject({
      id: made.json['person_id'],
      name: 'owner',
      environments: null,
      grants: { '*': 'admin' },
      person: { state: 'active', password: false, totp: false, passkeys: 0 },
    });
    expect((await ask('PUT /v1/me/password', token, { password: PASSWORD })).status).toBe(204);
    const browser = new Browser(service);
    expect((await browser.signIn('Owner ', PASSWORD)).status).toBe(200);
    expect((await browser.ask('GET /v1/me')).json).toMatchObject({ id: me['id'], method: 'password' });
    // From now on the password is needed to change it.
    expect(await ask('PUT /v1/me/password', token, { password: `${PASSWORD}-2` })).toMatchObject({
      status: 400,
      json: { errors: { current_password: 'is needed' } },
    });
    expect(await ownerCode(service.app.identity)).toBeUndefined();
  });

  it('cannot be set up by a token that is less than its person', async () => {
    const { browser } = await join(service, BOOTSTRAP, 'lesser', { '*': 'admin' });
    const own = { name: 'look', role: 'viewer', class: 'human' };
    const less = String((await browser.ask('POST /v1/me/tokens', own)).json['token']);
    const change = { password: 'another-harbour-58', current_password: PASSWORD };
    expect(await ask('PUT /v1/me/password', less, change)).toMatchObject({ status: 403, json: { code: 'FORBIDDEN' } });
    expect(await ask('POST /v1/me/totp', less, { current_password: PASSWORD })).toMatchObject({ status: 403 });
  });
});

describe('an invitation', () => {
  it('lets one person in, once, within a week, and shows its code once', async () => {
    const after = await head();
    const invited = await ask('POST /v1/people', BOOTSTRAP, {
      name: 'ana',
      grants: { lab: 'approver', other: 'viewer' },
    });
    expect(invited).toMatchObject({ status: 201, json: { name: 'ana', state: 'invited' } });
    const { code } = invited.json['invitation'] as { code: string };
    const browser = new Browser(service);
    expect((await browser.ask('POST /v1/invitation', { code })).json).toEqual({ name: 'ana', display: 'ana' });
    expect((await browser.signIn('ana', PASSWORD)).status).toBe(401);
    expect((await browser.ask('POST /v1/invitation', { code, password: PASSWORD })).status).toBe(200);
    expect((await browser.ask('GET /v1/me')).json).toMatchObject({ name: 'ana', role: 'approver' });
    expect((await browser.ask('POST /v1/invitation', { code, password: PASSWORD })).status).toBe(401);
    const later = await ask('POST /v1/people', BOOTSTRAP, { name: 'late', grants: {} });
    clock.advance(7 * 24 * 3_600_000);
    const { code: old } = later.json['invitation'] as { code: string };
    expect((await browser.ask('POST /v1/invitation', { code: old, password: PASSWORD })).status).toBe(401);
    const said = JSON.stringify(await events(after));
    expect(said).not.toContain(code);
    expect(said).not.toContain(PASSWORD);
    expect((await events(after)).map(({ event }) => event)).toEqual(
      expect.arrayContaining(['person.invited', 'person.joined', 'session.started', 'auth.login.failed']),
    );
  });

  it.each([
    [{ name: 'Ana B', grants: {} }, 'name'],
    [{ name: 'ana', grants: {} }, 'name'],
    [{ name: 'ben', grants: { lab: 'root' } }, 'grants.lab'],
    [{ name: 'ben', grants: { 'LAB!': 'viewer' } }, 'grants.LAB!'],
    [{ name: 'ben', grants: {}, password: 'x' }, 'password'],
  ])('is not made of %j', async (body, field) => {
    const { status, json } = await ask('POST /v1/people', BOOTSTRAP, body);
    expect(status, JSON.stringify(json)).toBe(400);
    expect(Object.keys(json['errors'] as object)).toEqual([field]);
  });
});

describe('a person with different roles', () => {
  it('is what it is in each environment, and nothing more', async () => {
    const { browser } = await join(service, BOOTSTRAP, 'mixed', { lab: 'approver', other: 'viewer' });
    const plan = async (environment: string): Promise<string> =>
      String((await ask('POST /v1/actions/plan', BOOTSTRAP, { ...STOP, environment })).json['plan_id']);
    const hash = async (id: string) => (await ask(`GET /v1/plans/${id}`, BOOTSTRAP)).json['plan_hash'];
    const [mine, theirs] = [await plan('lab'), await plan('other')];
    expect((await browser.ask('POST /v1/actions/plan', { ...START, dry_run: true })).status).toBe(201);
    expect(await browser.ask('POST /v1/actions/plan', { ...START, environment: 'other' })).toMatchObject({
      status: 403,
      json: { detail: 'This needs the role operator; mixed has viewer in other.' },
    });
    expect((await browser.ask('GET /v1/inventory?environment=other')).status).toBe(200);
    const approve = async (id: string) => browser.ask(`POST /v1/plans/${id}/approve`, { plan_hash: await hash(id) });
    expect(await approve(theirs)).toMatchObject({ status: 403, json: { code: 'FORBIDDEN' } });
    expect(await approve(mine)).toMatchObject({ status: 200, json: { state: 'approved' } });
    expect((await ask(`GET /v1/plans/${theirs}`, BOOTSTRAP)).json).toMatchObject({
      state: 'awaiting_approval',
      approvals: [],
    });
    // What needs a role everywhere counts the least that it has anywhere.
    expect((await browser.ask('GET /v1/audit/export')).status).toBe(403);
  });

  it('held lower in one environment than in the rest is refused there', async () => {
    const { browser } = await join(service, BOOTSTRAP, 'held', { '*': 'approver', other: 'viewer' });
    expect((await browser.ask('POST /v1/actions/plan', { ...START, environment: 'other' })).status).toBe(403);
    expect((await browser.ask('POST /v1/environments/other/freeze', { reason: 'a test' })).status).toBe(403);
    expect((await browser.ask('GET /v1/audit/export')).status).toBe(403);
    expect((await browser.ask('GET /metrics')).status).toBe(200);
  });

  it('administers people and tokens only where it is admin', async () => {
    const { browser, id } = await join(service, BOOTSTRAP, 'cloudy', { lab: 'viewer', other: 'admin' });
    const { id: both } = await join(service, BOOTSTRAP, 'both', { lab: 'viewer', other: 'viewer' });
    const { id: theirs } = await join(service, BOOTSTRAP, 'theirs', { other: 'operator' });
    const names = ((await browser.ask('GET /v1/people')).json['people'] as { name: string }[]).map(({ name }) => name);
    expect(names).toContain('theirs');
    expect(names).not.toContain('both');
    for (const grants of [{ lab: 'viewer' }, { '*': 'viewer' }])
      expect((await browser.ask('POST /v1/people', { name: 'new', grants })).status).toBe(403);
    expect((await browser.ask('POST /v1/people', { name: 'new', grants: { other: 'admin' } })).status).toBe(201);
    expect((await browser.ask(`PATCH /v1/people/${both}`, { disabled: true })).status).toBe(404);
    expect((await browser.ask(`PATCH /v1/people/${theirs}`, { grants: { lab: 'admin' } })).status).toBe(403);
    expect((await browser.ask(`PATCH /v1/people/${id}`, { grants: { '*': 'admin' } })).status).toBe(404);
    const { browser: chief, id: own } = await join(service, BOOTSTRAP, 'chief', { '*': 'admin' });
    expect((await chief.ask(`PATCH /v1/people/${own}`, { disabled: true })).status).toBe(403);
    expect((await chief.ask('GET /v1/me')).status).toBe(200);
    expect((await browser.ask(`PATCH /v1/people/${theirs}`, { grants: { other: 'viewer' } })).status).toBe(200);
    const token = { name: 'x', role: 'viewer', class: 'agent' };
    expect((await browser.ask('POST /v1/tokens', { ...token, environments: ['lab'] })).status).toBe(403);
    expect((await browser.ask('POST /v1/tokens', token)).status).toBe(403);
    expect((await browser.ask('POST /v1/tokens', { ...token, environments: ['other'] })).status).toBe(201);
  });
});

describe('rights in an environment that is not configured', () => {
  const refused = { status: 400, json: { code: 'VALIDATION_FAILED' } };

  it('are refused with the names of those that are, for people and for tokens', async () => {
    const invited = await ask('POST /v1/people', BOOTSTRAP, { name: 'elsewhere', grants: { home: 'viewer' } });
    expect(invited).toMatchObject(refused);
    expect(invited.json['detail']).toBe('There is no environment home; configured: lab, other.');
    const { id, browser } = await join(service, BOOTSTRAP, 'dora', { lab: 'viewer' });
    const more = { lab: 'viewer', home: 'viewer' };
    expect(await ask(`PATCH /v1/people/${id}`, BOOTSTRAP, { grants: more })).toMatchObject(refused);
    const token = { name: 'x', role: 'viewer', class: 'agent', environments: ['home'] };
    expect(await ask('POST /v1/tokens', BOOTSTRAP, token)).toMatchObject(refused);
    expect(await browser.ask('POST /v1/me/tokens', token)).toMatchObject(refused);
  });

  it('stay where they were given before the environment went', async () => {
    const { id } = await join(service, BOOTSTRAP, 'emil', { lab: 'viewer' });
    const grants = { gone: 'viewer', lab: 'operator' };
    await service.app.store.commit((trx) =>
      trx.db
        .updateTable('people')
        .set({ grants: JSON.stringify({ gone: 'viewer' }) })
        .where('id', '=', id)
        .execute(),
    );
    expect(await ask(`PATCH /v1/people/${id}`, BOOTSTRAP, { grants })).toMatchObject({ status: 200, json: { grants } });
  });
});

describe('a token of a person', () => {
  it('never exceeds the person, also when the person becomes less', async () => {
    const { id, browser } = await join(service, BOOTSTRAP, 'maker', { lab: 'operator', other: 'viewer' });
    const make = (body: object) => browser.ask('POST /v1/me/tokens', { name: 't', class: 'agent', ...body });
    expect((await make({ role: 'approver', environments: ['lab'] })).status).toBe(403);
    expect((await make({ role: 'operator' })).status).toBe(403);
    expect((await make({ role: 'operator', environments: ['lab', 'other'] })).status).toBe(403);
    const made = await make({ role: 'operator', environments: ['lab'], actions: ['vm.st*'] });
    expect(made).toMatchObject({ status: 201, json: { actions: ['vm.st*'], person_id: id } });
    const token = String(made.json['token']);
    const plan = (body: object) => ask('POST /v1/actions/plan', token, { ...START, dry_run: true, ...body });
    expect((await plan({})).status).toBe(201);
    expect((await plan({ environment: 'other' })).status).toBe(403);
    expect(await plan({ action: 'snapshot.create', params: { name: 'before' } })).toMatchObject({
      status: 403,
      json: { detail: expect.stringContaining('snapshot.create is not among them') as string },
    });
    const mixed = {
      actions: [
        { ...START, id: 'a' },
        { ...START, id: 'b', action: 'vm.reboot' },
      ],
    };
    expect((await ask('POST /v1/plans', token, mixed)).status).toBe(403);
    expect((await ask(`PATCH /v1/people/${id}`, BOOTSTRAP, { grants: { lab: 'viewer' } })).status).toBe(200);
    expect((await plan({})).status).toBe(403);
    expect((await ask('GET /v1/me', token)).json).toMatchObject({ role: 'viewer', class: 'agent' });
  });

  it('held to some actions gives no more than it has, and administers nobody', async () => {
    const { token } = (
      await ask('POST /v1/tokens', BOOTSTRAP, { name: 'narrow', role: 'admin', class: 'human', actions: ['vm.*'] })
    ).json as { token: string };
    const body = { name: 'y', role: 'admin', class: 'agent' };
    expect((await ask('POST /v1/tokens', token, { ...body, actions: ['*'] })).status).toBe(403);
    expect((await ask('POST /v1/tokens', token, body)).json).toMatchObject({ actions: ['vm.*'] });
    expect((await ask('POST /v1/people', token, { name: 'zed', grants: { '*': 'admin' } })).status).toBe(403);
  });

  it('ends with the person, like its sessions', async () => {
    const { id, browser } = await join(service, BOOTSTRAP, 'leaver', { '*': 'operator' });
    const body = { name: 'mine', role: 'operator', class: 'human' };
    const token = String((await browser.ask('POST /v1/me/tokens', body)).json['token']);
    expect((await ask('GET /v1/me', token)).json).toMatchObject({ id, name: 'leaver' });
    const after = await head();
    expect((await ask(`PATCH /v1/people/${id}`, BOOTSTRAP, { disabled: true })).json).toMatchObject({
      state: 'disabled',
    });
    expect((await ask('GET /v1/me', token)).status).toBe(401);
    expect((await browser.ask('GET /v1/me')).status).toBe(401);
    expect((await new Browser(service).signIn('leaver', PASSWORD)).status).toBe(401);
    expect((await events(after)).map(({ event }) => event)).toContain('person.disabled');
    // Enabled again it signs in; what was ended stays ended.
    expect((await ask(`PATCH /v1/people/${id}`, BOOTSTRAP, { disabled: false })).json).toMatchObject({
      state: 'active',
    });
    expect((await ask('GET /v1/me', token)).status).toBe(401);
    expect((await new Browser(service).signIn('leaver', PASSWORD)).status).toBe(200);
  });

  it('is made for a name and a password on a terminal, and revoked by signing out', async () => {
    await join(service, BOOTSTRAP, 'cli', { lab: 'operator' });
    const body = { name: 'cli', password: PASSWORD, token: { name: 'laptop', expires_in: '30d' } };
    const { status, json } = await service.ask('POST /v1/login', { body });
    expect(status).toBe(201);
    const token = String(json['token']);
    expect((await ask('GET /v1/me', token)).json).toMatchObject({
      name: 'cli',
      role: 'operator',
      environments: ['lab'],
    });
    expect((await ask('DELETE /v1/session', token)).status).toBe(204);
    expect((await ask('GET /v1/me', token)).status).toBe(401);
  });
});

describe('a reset', () => {
  it('takes every way in away and gives a new link', async () => {
    const { id, browser } = await join(service, BOOTSTRAP, 'lost', { '*': 'viewer' });
    const reset = await ask(`POST /v1/people/${id}/reset`, BOOTSTRAP);
    expect(reset).toMatchObject({ status: 200, json: { state: 'invited', password: false } });
    expect((await browser.ask('GET /v1/me')).status).toBe(401);
    expect((await browser.signIn('lost', PASSWORD)).status).toBe(401);
    const { code } = reset.json['invitation'] as { code: string };
    expect((await browser.ask('POST /v1/invitation', { code, password: 'another-harbour-58' })).status).toBe(200);
    expect((await browser.ask('GET /v1/me')).json).toMatchObject({ name: 'lost' });
  });
});

describe('a password', () => {
  it.each([
    ['short', 'must have 12 characters or more'],
    ['x'.repeat(257), 'must have 256 characters at the most'],
    ['aaaaaaaaaaaaaaaa', 'repeats the same few characters'],
    ['Password2024!!!', 'is one of the most common passwords'],
    ['correct horse battery staple', 'is one of the most common passwords'],
    ['qwertyuiop1234', 'is one of the most common passwords'],
    ['picky-person', 'is your name; choose something that nobody would try'],
    ['PickyPerson99', 'is your name; choose something that nobody would try'],
    ['123456789012', 'must not be digits alone'],
    ['1q2w3e4r5t6y', 'is a row of the keyboard'],
  ])('%s is refused', async (password, why) => {
    const { json } = await ask('POST /v1/people', BOOTSTRAP, {
      name: `p${clock.now()}`,
      display: 'Picky Person',
      grants: {},
    });
    clock.advance(1);
    const { code } = json['invitation'] as { code: string };
    const refused = await service.ask('POST /v1/invitation', { body: { code, password } });
    expect(refused).toMatchObject({ status: 400, json: { errors: { password: why } } });
    expect(refused.text).not.toContain(password);
    // The link is not used up by a password that was refused.
    expect((await service.ask('POST /v1/invitation', { body: { code } })).status).toBe(200);
  });
});
