import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TemporaryStore } from '../testing.ts';
import { onEveryEngine } from '../testing_engines.ts';
import { dropAttempts, getAttempts, putAttempts } from './attempts.ts';
import {
  countPasskey,
  countRecoveryCodes,
  deletePasskey,
  findPasskey,
  insertPasskey,
  listPasskeys,
  putRecoveryCodes,
  useRecoveryCode,
  useTotpStep,
} from './factors.ts';
import {
  endInvitations,
  findPerson,
  findPersonNamed,
  findPersonOf,
  insertInvitation,
  insertPerson,
  listPeople,
  openInvitation,
  updatePerson,
  useInvitation,
  type PersonRecord,
} from './people.ts';
import {
  endSession,
  endSessionsOf,
  insertChallenge,
  insertSession,
  openSessions,
  takeChallenge,
  updateSession,
  validSession,
  type SessionRecord,
} from './sessions.ts';
import { insertToken, listTokens, revokeTokensOf } from './tokens.ts';

const ana: PersonRecord = {
  id: 'p1',
  name: 'ana',
  display: 'Ana',
  state: 'active',
  grants: { home: 'approver', '*': 'viewer' },
  password: '$argon2id$…',
  totp: Uint8Array.of(1, 2),
  totp_pending: null,
  totp_step: null,
  issuer: null,
  subject: null,
  created_at: 1,
  password_at: null,
  login_at: null,
};
const session: SessionRecord = {
  id: 's1',
  hash: 'h1',
  person_id: 'p1',
  method: 'password',
  client: 'a browser',
  address: '::1',
  created_at: 10,
  seen_at: 10,
  expires_at: 100,
  factor_at: null,
  ended_at: null,
};

onEveryEngine((engine) => {
  let it: TemporaryStore;
  beforeEach(async () => {
    it = await engine.open();
    await it.store.commit((trx) => insertPerson(trx, ana));
  });
  afterEach(() => it.end());

  test('a person is found by id, name and subject, and a name is one person’s', async () => {
    const { store } = it;
    const same = { ...ana, id: 'p2' };
    expect(await store.commit((trx) => insertPerson(trx, same))).toBe(false);
    const far = { ...ana, id: 'p3', name: 'ben@idp', issuer: 'https://idp', subject: 'sub', totp: null };
    expect(await store.commit((trx) => insertPerson(trx, far))).toBe(true);
    const found = await findPerson(store, 'p1');
    expect({ ...found, totp: [...(found?.totp ?? [])] }).toEqual({ ...ana, totp: [1, 2] });
    expect(await findPersonNamed(store, 'ana')).toMatchObject({ id: 'p1' });
    expect(await findPersonOf(store, 'https://idp', 'sub')).toMatchObject({ id: 'p3' });
    expect(await findPersonOf(store, 'https://other', 'sub')).toBeUndefined();
    await store.commit((trx) => updatePerson(trx, 'p3', { grants: { home: 'admin' }, state: 'disabled' }));
    expect((await listPeople(store)).map(({ name, grants, state }) => [name, grants, state])).toEqual([
      ['ana', ana.grants, 'active'],
      ['ben@idp', { home: 'admin' }, 'disabled'],
    ]);
    const nobody = store.commit((trx) => updatePerson(trx, 'nobody', { state: 'disabled' }));
    await expect(nobody).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('an invitation works once, in time, and a new one ends it', async () => {
    const { store } = it;
    const make = (hash: string) =>
      store.commit((trx) => insertInvitation(trx, { hash, person_id: 'p1', created_at: 0, expires_at: 10 }));
    const use = (hash: string, now: number) => store.commit((trx) => useInvitation(trx, hash, now));
    await make('a');
    await make('b');
    expect(await use('a', 5)).toBeUndefined();
    expect(await openInvitation(store, 'b', 9)).toBe('p1');
    expect(await use('b', 10)).toBeUndefined();
    expect(await Promise.all([use('b', 9), use('b', 9)])).toEqual(['p1', undefined]);
    await make('c');
    await store.commit((trx) => endInvitations(trx, 'p1', 1));
    expect(await use('c', 5)).toBeUndefined();
  });

  test('a code counts once, and none that is older counts after it', async () => {
    const step = (at: number) => it.store.commit((trx) => useTotpStep(trx, 'p1', at));
    expect(await Promise.all([step(5), step(5)])).toEqual([true, false]);
    expect([await step(4), await step(6), await step(6)]).toEqual([false, true, false]);
  });

  test('recovery codes are used once, and replaced all together', async () => {
    const { store } = it;
    const use = (hash: string) => store.commit((trx) => useRecoveryCode(trx, 'p1', hash, 1));
    await store.commit((trx) => putRecoveryCodes(trx, 'p1', ['a', 'b']));
    expect(await Promise.all([use('a'), use('a'), use('none')])).toEqual([true, false, false]);
    expect(await countRecoveryCodes(store, 'p1')).toBe(1);
    await store.commit((trx) => putRecoveryCodes(trx, 'p1', ['c']));
    expect([await use('b'), await use('c')]).toEqual([false, true]);
    await store.commit((trx) => putRecoveryCodes(trx, 'p1', []));
    expect(await countRecoveryCodes(store, 'p1')).toBe(0);
  });

  test('a passkey is one person’s, and its counter is moved by one at a time', async () => {
    const { store } = it;
    const key = {
      id: 'k',
      person_id: 'p1',
      name: 'key',
      rp_id: 'localhost',
      public_key: Uint8Array.of(9),
      counter: 1,
      transports: ['usb'],
      created_at: 1,
      last_used_at: null,
    };
    expect(await store.commit((trx) => insertPasskey(trx, key))).toBe(true);
    expect(await store.commit((trx) => insertPasskey(trx, { ...key, name: 'again' }))).toBe(false);
    const count = (from: number, to: number) => store.commit((trx) => countPasskey(trx, 'k', { from, to }, 7));
    expect(await Promise.all([count(1, 2), count(1, 2)])).toEqual([true, false]);
    expect(await findPasskey(store, 'k')).toMatchObject({ counter: 2, last_used_at: 7, transports: ['usb'] });
    expect(await store.commit((trx) => deletePasskey(trx, 'p2', 'k'))).toBe(false);
    expect(await store.commit((trx) => deletePasskey(trx, 'p1', 'k'))).toBe(true);
    expect(await listPasskeys(store, 'p1')).toEqual([]);
  });

  test('a session is good until it ends, is idle or too old', async () => {
    const { store } = it;
    await store.commit((trx) => insertSession(trx, session));
    await store.commit((trx) => insertSession(trx, { ...session, id: 's2', hash: 'h2', created_at: 20 }));
    const valid = (hash: string, now: number, idleBefore = 0) => validSession(store, hash, { now, idleBefore });
    expect(await valid('h1', 99, 9)).toEqual(session);
    expect([await valid('h1', 100), await valid('h1', 99, 10), await valid('none', 1)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    await store.commit((trx) => updateSession(trx, 's1', { hash: 'h3', factor_at: 50 }));
    expect(await valid('h1', 50)).toBeUndefined();
    expect(await valid('h3', 50)).toMatchObject({ id: 's1', factor_at: 50 });
    expect((await openSessions(store, 'p1', 50)).map(({ id }) => id)).toEqual(['s2', 's1']);
    expect(await store.commit((trx) => endSession(trx, 'p2', 's1', 60))).toBe(false);
    expect(await store.commit((trx) => endSession(trx, 'p1', 's1', 60))).toBe(true);
    expect(await valid('h3', 61)).toBeUndefined();
    expect(await store.commit((trx) => endSessionsOf(trx, 'p1', 70, 's2'))).toBe(0);
    expect(await store.commit((trx) => endSessionsOf(trx, 'p1', 70))).toBe(1);
    const later = { ...session, id: 's3', hash: 'h4', created_at: 100 + 30 * 24 * 3_600_000 };
    await store.commit((trx) => insertSession(trx, later));
    expect(await store.db.selectFrom('sessions').select('id').execute()).toEqual([{ id: 's3' }]);
  });

  test('a challenge is taken back once, in time and for its purpose', async () => {
    const { store } = it;
    const make = (hash: string, now = 0) =>
      store.commit((trx) => insertChallenge(trx, { hash, purpose: 'a', body: { of: hash }, expires_at: 10 }, now));
    const take = (hash: string, purpose: string, now: number) =>
      store.commit((trx) => takeChallenge<object>(trx, hash, purpose, now));
    await make('x');
    await make('y');
    expect(await take('x', 'b', 5)).toBeUndefined();
    expect(await Promise.all([take('x', 'a', 5), take('x', 'a', 5)])).toEqual([{ of: 'x' }, undefined]);
    expect(await take('y', 'a', 10)).toBeUndefined();
    await make('z');
    await make('later', 10);
    expect(await store.db.selectFrom('challenges').select('hash').execute()).toEqual([{ hash: 'later' }]);
  });

  test('attempts are counted per key, and forgotten when they are old', async () => {
    const { store } = it;
    const one = { key: 'name:a', count: 3, last_at: 5, until: 9 };
    await store.commit((trx) => putAttempts(trx, one, 0));
    await store.commit((trx) => putAttempts(trx, { ...one, count: 4 }, 0));
    expect(await getAttempts(store, 'name:a')).toEqual({ ...one, count: 4 });
    await store.commit((trx) => putAttempts(trx, { ...one, key: 'name:b', last_at: 20 }, 9));
    expect(await getAttempts(store, 'name:a')).toBeUndefined();
    await store.commit((trx) => dropAttempts(trx, 'name:b'));
    expect(await getAttempts(store, 'name:b')).toBeUndefined();
  });

  test('the tokens of a person end with it, and no others', async () => {
    const { store } = it;
    const token = {
      name: 't',
      role: 'viewer',
      class: 'agent',
      environments: null,
      created_at: 1,
      expires_at: null,
      last_used_at: null,
      revoked_at: null,
      actions: null,
    };
    await store.commit(async (trx) => {
      await insertToken(trx, { ...token, id: 't1', hash: '1', person_id: 'p1' });
      await insertToken(trx, { ...token, id: 't2', hash: '2', person_id: null });
      await insertToken(trx, { ...token, id: 't3', hash: '3', person_id: 'p1', revoked_at: 2 });
      await revokeTokensOf(trx, 'p1', 9);
    });
    expect((await listTokens(store)).map(({ id, revoked_at }) => [id, revoked_at])).toEqual([
      ['t1', 9],
      ['t2', null],
      ['t3', 2],
    ]);
  });
});
