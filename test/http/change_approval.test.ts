import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Authenticator } from '../support/authenticator.ts';
import { Browser, codeAt, enrol, join, movable, PASSWORD } from './browser.ts';
import { BOOTSTRAP, lab, Service, START, type Got } from './support.ts';

/** The approval of change records, with real authenticators and passkeys. */
const clock = movable();
let service: Service;
let named: string;
beforeAll(async () => {
  service = await Service.start({ environments: [lab('lab'), { ...lab('live'), production: true }], clock });
  named = service.url.replace('127.0.0.1', 'localhost');
});
afterAll(() => service.close());

let count = 0;
const someone = async () => {
  const name = `someone${++count}`;
  return { name, ...(await join(service, BOOTSTRAP, name, { '*': 'approver' })) };
};
/** An authenticator that has a code for each time it is asked. */
const withCodes = async () => {
  const one = await someone();
  const { secret } = await enrol(one.browser, clock);
  const code = (): string => {
    clock.advance(30_000);
    return codeAt(secret, clock);
  };
  return { ...one, code };
};
type Made = Record<string, unknown> & { id: string; digest: string };
const make = async (by: Browser, more: object = {}): Promise<Made> => {
  const { status, json, text } = await by.ask('POST /v1/changes', {
    title: 'A change',
    environments: ['lab'],
    ...more,
  });
  expect(status, text).toBe(201);
  // What was shown to enrol counts as fresh for a while.
  clock.advance(6 * 60_000);
  return json as Made;
};
const approve = (by: Browser, { id, digest }: Made, proof: object = {}): Promise<Got> =>
  by.ask(`POST /v1/changes/${id}/approve`, { digest, ...proof });
const short = ({ digest }: Made): string => digest.slice(0, 8);
const HIGH = { risk: { level: 'high', identified: [], mitigations: [] } };

describe('the own approval of a change', () => {
  it('of high risk needs a second factor and the beginning of the digest, once a factor is enrolled', async () => {
    const { browser, code } = await withCodes();
    const made = await make(browser, HIGH);
    expect(await approve(browser, made)).toMatchObject({
      status: 403,
      json: { code: 'SECOND_FACTOR_REQUIRED', errors: { factor: expect.any(String), confirm: expect.any(String) } },
    });
    const confirm = short(made);
    expect((await approve(browser, made, { factor: code() })).json['errors']).toEqual({
      confirm: "is needed: the first 8 digits of the change's digest",
    });
    expect((await approve(browser, made, { confirm: '00000000', factor: code() })).json).toMatchObject({
      code: 'VALIDATION_FAILED',
    });
    expect((await approve(browser, made, { confirm, factor: '000000' })).json).toMatchObject({
      code: 'FACTOR_INVALID',
    });
    const done = await approve(browser, made, { confirm, factor: code() });
    expect(done.json, done.text).toMatchObject({
      status: 'approved',
      approvals: [{ method: 'password+totp', factor: 'password+totp', holds: true }],
    });
  });

  it('of low risk outside production goes as any other, and another person needs nothing more', async () => {
    const { browser } = await withCodes();
    expect((await approve(browser, await make(browser))).json).toMatchObject({ status: 'approved' });
    const made = await make(browser, HIGH);
    expect((await approve((await withCodes()).browser, made)).json).toMatchObject({ status: 'approved' });
  });

  it('of high risk by who has no factor goes outside production, and in production it does not', async () => {
    const { browser } = await someone();
    expect((await approve(browser, await make(browser, HIGH))).json).toMatchObject({ status: 'approved' });
    for (const environments of [['live'], ['lab', 'live'], []]) {
      const refused = await approve(browser, await make(browser, { environments }));
      expect(refused.json).toMatchObject({ code: 'SECOND_FACTOR_REQUIRED' });
      expect(refused.json['detail']).toMatch(/live is in production.*No second factor is enrolled/);
    }
  });

  it('counts no more once who gave it may not approve, also where the change is under way', async () => {
    const [writer, giver, next] = [await someone(), await someone(), await someone()];
    const idOf = async (name: string): Promise<string> => {
      const { json } = await service.ask('GET /v1/people', { token: BOOTSTRAP });
      return (json['people'] as { id: string; name: string }[]).find((person) => person.name === name)?.id ?? '';
    };
    const alter = async (name: string, body: object): Promise<void> => {
      const got = await service.ask(`PATCH /v1/people/${await idOf(name)}`, { token: BOOTSTRAP, body });
      expect(got.status, got.text).toBe(200);
    };
    const made = await make(writer.browser);
    expect((await approve(giver.browser, made)).json).toMatchObject({
      status: 'approved',
      approvals: [{ holds: true }],
    });
    const planned = async (target: string): Promise<string> => {
      const body = { ...START, target, environment: 'lab', change_id: made.id };
      const { json, text } = await writer.browser.ask('POST /v1/actions/plan', body);
      expect(json, text).toMatchObject({ state: 'approved' });
      return String(json['plan_id']);
    };
    const apply = async (plan_id: string): Promise<Got> => writer.browser.ask('POST /v1/actions/apply', { plan_id });
    const [first, second] = [await planned('vm/301'), await planned('vm/302')];
    await alter(giver.name, { grants: { '*': 'operator' } });
    const refused = await apply(first);
    expect(refused.json).toMatchObject({ code: 'CHANGE_STATE' });
    expect(refused.json['detail']).toMatch(/who approved it may not approve in lab any more/);
    const { json } = await writer.browser.ask(`GET /v1/changes/${made.id}`);
    expect(json['approvals']).toMatchObject([{ holds: false, lapsed: 'may_not_approve' }]);
    expect((await approve(next.browser, made)).json).toMatchObject({ status: 'approved' });
    expect((await apply(first)).json).toMatchObject({ plan_id: first });
    // Under way: the one yes that is left is taken away as well, and given back by another person.
    expect((await approve(writer.browser, made)).json).toMatchObject({ code: 'CHANGE_STATE' });
    await alter(next.name, { disabled: true });
    expect((await apply(second)).json).toMatchObject({ code: 'CHANGE_STATE' });
    expect((await approve(writer.browser, made)).json).toMatchObject({ status: 'in_progress' });
    expect((await apply(second)).json).toMatchObject({ plan_id: second });
  });

  it('is that of everybody who rewrote it as well, whoever was last', async () => {
    const [first, { browser, code }] = [await someone(), await withCodes()];
    const { id } = await make(first.browser, HIGH);
    await browser.ask(`PATCH /v1/changes/${id}`, { summary: 'mine now' });
    const made = (await first.browser.ask(`PATCH /v1/changes/${id}`, { notes: 'a comma' })).json as Made;
    expect((await approve(browser, made)).json).toMatchObject({ code: 'SECOND_FACTOR_REQUIRED' });
    const proof = { confirm: short(made), factor: code() };
    expect((await approve(browser, made, proof)).json).toMatchObject({ status: 'approved' });
  });

  it('does not use a code up for words that were rewritten meanwhile', async () => {
    const { browser, code } = await withCodes();
    const made = await make(browser, HIGH);
    const now = (await browser.ask(`PATCH /v1/changes/${made.id}`, { summary: 'other' })).json as Made;
    const factor = code();
    expect((await approve(browser, made, { confirm: short(made), factor })).json).toMatchObject({
      code: 'CHANGE_STATE',
    });
    expect((await approve(browser, now, { confirm: short(now), factor })).json).toMatchObject({ status: 'approved' });
  });

  it('takes a passkey that signed for this change, and none that signed for another', async () => {
    const { browser } = await someone();
    const page = new Browser(service, named);
    page.cookie = browser.cookie;
    page.csrf = browser.csrf;
    const key = new Authenticator(named, `change key ${count}`);
    const begun = await page.ask('POST /v1/me/passkeys/options', { current_password: PASSWORD });
    expect((await page.ask('POST /v1/me/passkeys', { name: 'x', credential: key.create(begun.json) })).status).toBe(
      201,
    );
    const [made, other] = [await make(page, HIGH), await make(page, HIGH)];
    const challenge = async ({ id }: Made) => (await page.ask(`GET /v1/changes/${id}/passkey-challenge`)).json;
    expect(await challenge(made)).toMatchObject({ digest: made.digest });
    const wrong = { confirm: short(made), factor: key.get(await challenge(other)) };
    expect((await approve(page, made, wrong)).json).toMatchObject({ code: 'FACTOR_INVALID' });
    const right = { confirm: short(made), factor: key.get(await challenge(made)) };
    expect((await approve(page, made, right)).json).toMatchObject({
      status: 'approved',
      approvals: [{ method: 'passkey' }],
    });
  });
});

describe('an emergency', () => {
  const emergency = (by: Browser): Promise<Made> => make(by, { category: 'emergency' });
  const begin = (by: Browser, { id }: Made): Promise<Got> =>
    by.ask(`POST /v1/changes/${id}/status`, { status: 'in_progress' });
  const planFor = async (by: Browser, { id }: Made, target: string): Promise<string> => {
    const { json } = await by.ask('POST /v1/actions/plan', { ...START, target, change_id: id });
    expect(json).toMatchObject({ state: 'approved' });
    return String(json['plan_id']);
  };
  const applied = (by: Browser, plan_id: string): Promise<Got> => by.ask('POST /v1/actions/apply', { plan_id });

  it('begins with a second factor and waits for nobody else', async () => {
    const { browser, code } = await withCodes();
    const made = await emergency(browser);
    const plan_id = await planFor(browser, made, 'vm/301');
    for (const refused of [await begin(browser, made), await applied(browser, plan_id)])
      expect(refused.json).toMatchObject({ code: 'SECOND_FACTOR_REQUIRED' });
    const proof = { confirm: short(made), factor: code() };
    expect((await approve(browser, made, proof)).json).toMatchObject({ status: 'approved' });
    expect((await applied(browser, plan_id)).json).toMatchObject({ plan_id });
    expect((await browser.ask(`GET /v1/changes/${made.id}`)).json).toMatchObject({ status: 'in_progress' });
  });

  it('is not begun because something else was, which is raised to an emergency then', async () => {
    const { browser, code } = await withCodes();
    const made = await make(browser);
    expect((await approve(browser, made)).json).toMatchObject({ status: 'approved' });
    expect((await begin(browser, made)).json).toMatchObject({ status: 'in_progress' });
    const raised = (await browser.ask(`PATCH /v1/changes/${made.id}`, { category: 'emergency' })).json as Made;
    const plan_id = await planFor(browser, made, 'vm/303');
    expect((await applied(browser, plan_id)).json).toMatchObject({ code: 'SECOND_FACTOR_REQUIRED' });
    const proof = { confirm: short(raised), factor: code() };
    expect((await approve(browser, raised, proof)).json).toMatchObject({ status: 'in_progress' });
    expect((await applied(browser, plan_id)).json).toMatchObject({ plan_id });
  });

  it('of another person needs the factor too, but not the digits', async () => {
    const made = await emergency((await someone()).browser);
    const { browser, code } = await withCodes();
    clock.advance(6 * 60_000);
    expect((await approve(browser, made)).json['errors']).toEqual({ factor: expect.any(String) as string });
    expect((await approve(browser, made, { factor: code() })).json).toMatchObject({ status: 'approved' });
  });

  it('begins at once where a factor was shown a moment ago, or where there is none to show', async () => {
    const { browser, code } = await withCodes();
    const made = await emergency(browser);
    expect((await browser.ask('POST /v1/session/step-up', { factor: code() })).status).toBe(200);
    expect((await begin(browser, made)).json).toMatchObject({ status: 'in_progress' });
    const { browser: bare } = await someone();
    expect((await begin(bare, await emergency(bare))).json).toMatchObject({ status: 'in_progress' });
  });

  it('is not begun by an agent before a person has approved it', async () => {
    const { browser } = await someone();
    const made = await emergency(browser);
    const plan_id = await planFor(browser, made, 'vm/302');
    const agent = await service.token('operator', 'agent');
    const apply = (): Promise<Got> => service.ask('POST /v1/actions/apply', { token: agent, body: { plan_id } });
    expect((await apply()).json).toMatchObject({ code: 'APPROVAL_REQUIRED' });
    expect((await approve(browser, made)).json).toMatchObject({ status: 'approved' });
    expect((await apply()).status).toBe(202);
  });
});
