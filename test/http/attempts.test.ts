import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Browser, codeAt, enrol, join, movable, PASSWORD } from './browser.ts';
import { BOOTSTRAP, Service, type Got } from './support.ts';

let service: Service;
const clock = movable();
beforeAll(async () => {
  service = await Service.start({ clock });
});
afterAll(() => service.close());
// All come from one address; a day later it is forgotten.
beforeEach(() => clock.advance(25 * 3_600_000));
const wrong = (name: string): Promise<Got> => new Browser(service).signIn(name, 'not-the-harbour-00');
const said = ({ status, json, headers }: Got): object => {
  const { correlation_id: _, ...body } = json;
  return { status, body, retry: headers.get('retry-after') };
};

describe('guessing', () => {
  it('a name that there is not answers as one that there is, at every step', async () => {
    await join(service, BOOTSTRAP, 'known', {});
    for (let count = 0; count < 9; count++) {
      const [known, unknown] = [said(await wrong('known')), said(await wrong('unknown'))];
      expect(known).toEqual(unknown);
    }
    expect(await wrong('known')).toMatchObject({ status: 429, json: { code: 'RATE_LIMITED' } });
  });

  it('is slowed down, also for the right password, and is over when the wait is', async () => {
    await join(service, BOOTSTRAP, 'slow', {});
    for (let count = 0; count < 6; count++) expect((await wrong('slow')).status).toBe(401);
    const refused = await new Browser(service).signIn('slow', PASSWORD);
    expect(refused).toMatchObject({ status: 429 });
    expect(refused.headers.get('retry-after')).toBe('1');
    clock.advance(1_000);
    expect((await new Browser(service).signIn('slow', PASSWORD)).status).toBe(200);
    // What went well ends the count.
    for (let count = 0; count < 5; count++) expect((await wrong('slow')).status).toBe(401);
    expect((await new Browser(service).signIn('slow', PASSWORD)).status).toBe(200);
  });

  it('codes with a password that is right is slowed down just so', async () => {
    const { browser } = await join(service, BOOTSTRAP, 'codes', { '*': 'approver' });
    const { secret } = await enrol(browser, clock);
    const statuses: number[] = [];
    for (let count = 0; count < 7; count++) {
      // Asking for the factor in between gives no fresh start.
      await new Browser(service).signIn('codes', PASSWORD);
      statuses.push((await new Browser(service).signIn('codes', PASSWORD, `00000${count}`)).status);
    }
    expect(statuses).toEqual([403, 403, 403, 403, 403, 403, 429]);
    // Who is signed in already is not kept from showing a factor by those at the door.
    clock.advance(30_000);
    expect((await browser.ask('POST /v1/session/step-up', { factor: codeAt(secret, clock) })).status).toBe(200);
  });

  it('codes from within a session is slowed down too', async () => {
    const { browser } = await join(service, BOOTSTRAP, 'within', { '*': 'approver' });
    const { secret } = await enrol(browser, clock);
    const guess = () => browser.ask('POST /v1/session/step-up', { factor: '123456' });
    for (let count = 0; count < 6; count++) expect((await guess()).status).toBe(403);
    expect((await guess()).status).toBe(429);
    clock.advance(30_000);
    expect((await browser.ask('POST /v1/session/step-up', { factor: codeAt(secret, clock) })).status).toBe(200);
  });
});

it('every event is in the audit log, and no secret is', async () => {
  const { id, browser } = await join(service, BOOTSTRAP, 'audited', { '*': 'admin' });
  const { secret, codes } = await enrol(browser, clock);
  clock.advance(30_000);
  await browser.ask('POST /v1/session/step-up', { factor: codeAt(secret, clock) });
  await browser.ask('PUT /v1/me/password', { password: 'another-harbour-58' });
  await browser.ask('POST /v1/me/recovery-codes', {});
  const own = { name: 'mine', role: 'viewer', class: 'agent' };
  const token = (await browser.ask('POST /v1/me/tokens', own)).json as { id: string; token: string };
  await browser.ask(`DELETE /v1/me/tokens/${token.id}`);
  await browser.ask('POST /v1/me/totp/remove', {});
  await browser.ask('DELETE /v1/session');
  for (let count = 0; count < 7; count++) await wrong('audited');
  await service.ask(`PATCH /v1/people/${id}`, { token: BOOTSTRAP, body: { grants: {} } });
  await service.ask(`POST /v1/people/${id}/reset`, { token: BOOTSTRAP });
  const { text, json } = await service.ask('GET /v1/audit?last=500', { token: BOOTSTRAP });
  const { records } = json as { records: { event: string }[] };
  expect(new Set(records.map(({ event }) => event))).toEqual(
    new Set([
      ...records.map(({ event }) => event).filter((event) => event.startsWith('auth.bootstrap')),
      'person.invited',
      'person.joined',
      'person.granted',
      'person.reset',
      'person.password.changed',
      'person.totp.enrolled',
      'person.totp.removed',
      'person.recovery_codes.renewed',
      'session.started',
      'session.stepped_up',
      'session.ended',
      'token.created',
      'token.revoked',
      'auth.login.failed',
      'auth.factor.failed',
      'auth.locked',
    ]),
  );
  for (const one of [
    PASSWORD,
    'another-harbour-58',
    'not-the-harbour-00',
    secret,
    ...codes,
    token.token,
    browser.cookie,
    '$argon2',
  ])
    if (one !== '') expect(text).not.toContain(one);
  // A name that nobody has may be a password that was typed into the wrong field.
  expect(text).not.toContain('"unknown"');
});
