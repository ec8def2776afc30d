import { readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createHash, createPublicKey, sign, verify } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { seededIds } from '../../kernel/ids.ts';
import { checkKeys, copyKeys, keyedHash, loadKeys, seal, unseal } from '../keys.ts';
import type { Store } from '../open.ts';
import { onEveryEngine, type TestEngine } from '../testing_engines.ts';
import {
  beginIdempotent,
  dropIdempotent,
  endIdempotent,
  findIdempotent,
  noteMade,
  type PayloadHash,
} from './idempotency.ts';
import { deleteSetting, getSetting, putSetting } from './settings.ts';
import {
  insertOwnerLink,
  insertToken,
  listTokens,
  revokeToken,
  touchToken,
  useOwnerLink,
  validToken,
  type TokenRecord,
} from './tokens.ts';

onEveryEngine((engine) => {
  let it: Awaited<ReturnType<TestEngine['open']>>;
  beforeEach(async () => {
    it = await engine.open();
  });
  afterEach(() => it.end());

  const token: TokenRecord = {
    id: 't',
    name: 'ci',
    hash: 'h',
    role: 'operator',
    class: 'agent',
    environments: ['home'],
    created_at: 1,
    expires_at: 10,
    last_used_at: null,
    revoked_at: null,
    person_id: null,
    actions: ['vm.*'],
  };

  test('a token is good until it expires or is revoked', async () => {
    await it.store.commit((trx) => insertToken(trx, token));
    await it.store.commit((trx) =>
      insertToken(trx, { ...token, id: 'u', hash: 'i', environments: null, expires_at: null }),
    );
    expect(await validToken(it.store, 'h', 9)).toEqual(token);
    expect(await validToken(it.store, 'h', 10)).toBeUndefined();
    expect(await validToken(it.store, 'none', 0)).toBeUndefined();
    await it.store.commit((trx) => touchToken(trx, 'u', 5));
    expect(await validToken(it.store, 'i', 1e15)).toMatchObject({ environments: null, last_used_at: 5 });
    await it.store.commit((trx) => revokeToken(trx, 'u', 6));
    await it.store.commit((trx) => revokeToken(trx, 'u', 7));
    expect(await validToken(it.store, 'i', 6)).toBeUndefined();
    expect((await listTokens(it.store)).map(({ id, revoked_at }) => [id, revoked_at])).toEqual([
      ['t', null],
      ['u', 6],
    ]);
    await expect(it.store.commit((trx) => revokeToken(trx, 'none', 6))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('an owner link works once, in time', async () => {
    const use = (hash: string, now: number) => it.store.commit((trx) => useOwnerLink(trx, hash, now));
    await it.store.commit((trx) => insertOwnerLink(trx, 'a', 0, 10));
    await it.store.commit((trx) => insertOwnerLink(trx, 'b', 0, 10));
    expect(await Promise.all([use('a', 9), use('a', 9), use('b', 10), use('none', 0)])).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });

  test('a key repeats its first answer for a day, and is refused for another request', async () => {
    const key = { endpoint: 'POST /v1/actions/apply', principal: 'ada', key: 'k' };
    const begin = (hash: string, now: number, change = {}) =>
      it.store.commit((trx) => beginIdempotent(trx, { ...key, ...change }, { hash }, now));
    expect(await begin('h', 0)).toEqual({ first: true });
    expect(await begin('h', 1)).toEqual({ first: false, answer: undefined, made: undefined });
    await it.store.commit((trx) => endIdempotent(trx, key, 202, { operation_id: 'o' }));
    expect(await begin('h', 2)).toEqual({
      first: false,
      answer: { status: 202, body: { operation_id: 'o' } },
      made: undefined,
    });
    await expect(begin('other', 2)).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
    expect(await begin('other', 2, { principal: 'bob' })).toEqual({ first: true });
    expect(await begin('other', 24 * 3_600_000)).toEqual({ first: true });
    await it.store.commit((trx) => dropIdempotent(trx, key));
    expect(await begin('third', 24 * 3_600_000 + 1)).toEqual({ first: true });
  });

  test('a key is known by the hash of a version beside this one as well, which is never written', async () => {
    const { store } = it;
    const begin = (key: string, payload: PayloadHash) =>
      store.commit((trx) => beginIdempotent(trx, { endpoint: 'POST /v1/changes', principal: 'ada', key }, payload, 0));
    const both = { hash: 'keyed', former: 'plain' };
    expect(await begin('old', { hash: 'plain' })).toEqual({ first: true });
    expect(await begin('old', both)).toEqual({ first: false, answer: undefined, made: undefined });
    await expect(begin('old', { hash: 'keyed 2', former: 'plain 2' })).rejects.toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
    });
    expect(await begin('new', both)).toEqual({ first: true });
    expect(await begin('new', both)).toEqual({ first: false, answer: undefined, made: undefined });
    const rows = await store.db.selectFrom('idempotency_keys').select(['key', 'payload_hash']).orderBy('key').execute();
    expect(rows).toEqual([
      { key: 'new', payload_hash: 'keyed' },
      { key: 'old', payload_hash: 'plain' },
    ]);
  });

  const KEY = { endpoint: 'POST /v1/tokens', principal: 'ada', key: 'once' };
  const PAYLOAD: PayloadHash = { hash: 'keyed', former: 'plain' };
  const beginOnce = (payload = PAYLOAD, now = 0) => it.store.commit((trx) => beginIdempotent(trx, KEY, payload, now));
  /** What a route does: the record and its note in one commit. */
  const make = (id: string, payload = PAYLOAD, store: Store = it.store) =>
    store.commit(async (trx) => {
      await insertToken(trx, { ...token, id, hash: id });
      await noteMade(trx, KEY, payload, id);
    });
  const madeTokens = async () => (await listTokens(it.store)).map(({ id }) => id);

  test('of two that make something under one key the second is undone whole', async () => {
    await beginOnce();
    const bystander = it.store.commit((trx) => insertToken(trx, { ...token, id: 'b', hash: 'b' }));
    const [one, two] = await Promise.allSettled([make('one'), make('two')]);
    await bystander;
    expect(one.status).toBe('fulfilled');
    expect(two).toMatchObject({ reason: { code: 'TARGET_BUSY' } });
    expect(await madeTokens()).toEqual(['b', 'one']);
    await expect(make('three')).rejects.toMatchObject({ code: 'TARGET_BUSY' });
    expect(await madeTokens()).toEqual(['b', 'one']);
    expect(await beginOnce()).toEqual({ first: false, answer: undefined, made: 'one' });
    expect(await findIdempotent(it.store, KEY, PAYLOAD)).toEqual({ answer: undefined, made: 'one' });
    // With its answer kept it is no different.
    await it.store.commit((trx) => endIdempotent(trx, KEY, 201, { id: 'one' }));
    await it.store.commit((trx) => endIdempotent(trx, KEY, 201, { id: 'other' }));
    await expect(make('four')).rejects.toMatchObject({ code: 'TARGET_BUSY' });
    expect(await beginOnce()).toEqual({ first: false, answer: { status: 201, body: { id: 'one' } }, made: 'one' });
    expect(await madeTokens()).toEqual(['b', 'one']);
  });

  test('nothing is made under a key that was forgotten, answered, or used for another payload meanwhile', async () => {
    await expect(make('one')).rejects.toMatchObject({ code: 'TARGET_BUSY' });
    await beginOnce({ hash: 'another' });
    await expect(make('one')).rejects.toMatchObject({ code: 'TARGET_BUSY' });
    expect(await findIdempotent(it.store, KEY, PAYLOAD)).toBeUndefined();
    await it.store.commit((trx) => endIdempotent(trx, KEY, 201, {}));
    await expect(make('one', { hash: 'another' })).rejects.toMatchObject({ code: 'TARGET_BUSY' });
    expect(await madeTokens()).toEqual([]);
    // A version beside this one has begun it.
    await beginOnce({ hash: 'plain' }, 24 * 3_600_000);
    await make('one');
    expect(await madeTokens()).toEqual(['one']);
  });

  test('a key under which something was made, or that was answered, is not dropped', async () => {
    const drop = () => it.store.commit((trx) => dropIdempotent(trx, KEY));
    await beginOnce();
    await drop();
    expect(await beginOnce()).toEqual({ first: true });
    await make('one');
    await drop();
    expect(await beginOnce()).toEqual({ first: false, answer: undefined, made: 'one' });
    expect(await beginOnce(PAYLOAD, 24 * 3_600_000)).toEqual({ first: true });
    await it.store.commit((trx) => endIdempotent(trx, KEY, 200, {}));
    await drop();
    expect(await beginOnce(PAYLOAD, 24 * 3_600_000)).toMatchObject({ first: false, answer: { status: 200 } });
  });

  test('two that make something under one key at the same time make one, replicas as well', async () => {
    const other = engine.replicas ? await it.second() : it.store;
    for (let round = 0; round < 20; round++) {
      const payload = { hash: `round ${round}` };
      await beginOnce(payload, round * 24 * 3_600_000);
      const ended = await Promise.allSettled([make(`a${round}`, payload), make(`b${round}`, payload, other)]);
      expect(ended.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      const { made } = (await findIdempotent(it.store, KEY, payload)) ?? {};
      expect(made).toBe(ended[0].status === 'fulfilled' ? `a${round}` : `b${round}`);
      expect(await madeTokens()).toHaveLength(round + 1);
    }
  });

  test('a keyed hash is another one for every key, purpose and text', () => {
    const [one, two] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
    const all = [
      keyedHash(one, 'a', 'x'),
      keyedHash(two, 'a', 'x'),
      keyedHash(one, 'b', 'x'),
      keyedHash(one, 'a', 'y'),
      createHash('sha256').update('x').digest('hex'),
    ];
    expect(new Set(all).size).toBe(all.length);
    for (const hash of all) expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(keyedHash(one, 'a', 'x')).toBe(all[0]);
  });

  test('settings are JSON and can be replaced and removed', async () => {
    await it.store.commit((trx) => putSetting(trx, 'a', [1], 0));
    await it.store.commit((trx) => putSetting(trx, 'a', null, 1));
    expect(await getSetting(it.store, 'a')).toBeNull();
    await it.store.commit((trx) => deleteSetting(trx, 'a'));
    expect(await getSetting(it.store, 'a')).toBeUndefined();
  });

  test('keys are made once, for their owner only, and not in the database', () => {
    const ids = seededIds('keys', it.clock);
    const keys = loadKeys(it.directory, ids);
    const file = join(it.directory, 'keys.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const again = loadKeys(it.directory, ids);
    expect(again.audit.publicKeyPem).toBe(keys.audit.publicKeyPem);
    const signature = sign(null, Buffer.from('a'), keys.audit.privateKey);
    expect(verify(null, Buffer.from('a'), createPublicKey(again.audit.publicKeyPem), signature)).toBe(true);
    expect(keys.audit.key_id).toMatch(/^[0-9a-f]{16}$/);
    const { data_key } = JSON.parse(readFileSync(file, 'utf8')) as { data_key: string };
    for (const name of readdirSync(it.directory).filter((one) => one !== 'keys.json')) {
      expect(readFileSync(join(it.directory, name)).includes(data_key)).toBe(false);
    }
    for (const text of ['{"audit_seed":"short"}', 'not json']) {
      writeFileSync(file, text);
      expect(() => loadKeys(it.directory, ids)).toThrow(expect.objectContaining({ code: 'CONFIGURATION_INVALID' }));
    }
    rmSync(file);
    expect(loadKeys(it.directory, ids).audit.key_id).not.toBe(keys.audit.key_id);
  });

  test('a database is tied to its keys, so that a replica with others is noticed', async () => {
    const keys = loadKeys(it.directory, seededIds('keys', it.clock));
    await checkKeys(it.store, keys, 0);
    await checkKeys(it.store, keys, 1);
    const other = { ...keys, data: new Uint8Array(32) };
    await expect(checkKeys(it.store, other, 2)).rejects.toMatchObject({ code: 'CONFIGURATION_INVALID' });
  });

  test('keys are taken along once, and never over others', () => {
    const [one, two] = [join(it.directory, 'one'), join(it.directory, 'two')];
    expect(copyKeys(one, two)).toBe('missing');
    loadKeys(it.directory, seededIds('keys', it.clock));
    expect(copyKeys(it.directory, two)).toBe('copied');
    expect(statSync(join(two, 'keys.json')).mode & 0o777).toBe(0o600);
    expect(copyKeys(it.directory, two)).toBe('kept');
    expect(copyKeys(one, two)).toBe('kept');
    writeFileSync(join(two, 'keys.json'), '{}');
    expect(() => copyKeys(it.directory, two)).toThrow(expect.objectContaining({ code: 'CONFIGURATION_INVALID' }));
  });

  test('sealed text opens with the same key and context only', () => {
    const ids = seededIds('seal', it.clock);
    const key = ids.bytes(32);
    const blob = seal(key, ids, 'plan 1', 'hunter2 ö');
    expect(Buffer.from(blob).includes('hunter2')).toBe(false);
    expect(Buffer.from(seal(key, ids, 'plan 1', 'hunter2 ö')).equals(blob)).toBe(false);
    expect(unseal(key, 'plan 1', blob)).toBe('hunter2 ö');
    const changed = Buffer.from(blob);
    changed[15] = (changed[15] ?? 0) ^ 1;
    for (const [k, context, data] of [
      [key, 'plan 2', blob],
      [ids.bytes(32), 'plan 1', blob],
      [key, 'plan 1', changed],
      [key, 'plan 1', blob.subarray(0, 5)],
    ] as const) {
      expect(() => unseal(k, context, data)).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
    }
  });
});
