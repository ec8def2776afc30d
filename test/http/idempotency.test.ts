import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canonicalJson, hashJson } from '../../src/kernel/canonical.ts';
import { beginIdempotent, keyedHash, loadKeys } from '../../src/store/index.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { systemIds } from '../../src/kernel/ids.ts';
import { join, type Browser } from './browser.ts';
import { BOOTSTRAP, Service, type Got } from './support.ts';

/** A request that is sent again because its answer was lost makes nothing a second time. */
let service: Service;
let admin: string;
let browser: Browser;
beforeAll(async () => {
  service = await Service.twoLabs();
  admin = await service.token('admin');
  ({ browser } = await join(service, BOOTSTRAP, 'ana', { '*': 'admin' }));
});
afterAll(() => service.close());

const START = { environment: 'lab', action: 'vm.start', target: 'vm/301' };
const post = (path: string, body: unknown, key: string): Promise<Got> =>
  path.startsWith('/v1/me/')
    ? browser.ask(`POST ${path}`, body, { 'Idempotency-Key': key })
    : service.ask(`POST ${path}`, { token: admin, body, headers: { 'Idempotency-Key': key } });
const countOf = async (path: string): Promise<number> => {
  const line = `GET ${path}${path.includes('?') ? '' : '?limit=500'}`;
  const { json, text } = path.startsWith('/v1/me/')
    ? await browser.ask(`GET ${path}`)
    : await service.ask(path.startsWith('/v1/people') || path === '/v1/tokens' ? `GET ${path}` : line, {
        token: admin,
      });
  const list = Object.values(json).find((value) => Array.isArray(value));
  if (list === undefined) throw new Error(text);
  return list.length;
};

const MAKING: readonly (readonly [path: string, list: string, body: object, other: object])[] = [
  ['/v1/changes', '/v1/changes', { title: 'once' }, { title: 'twice' }],
  ['/v1/changes/import', '/v1/changes', { markdown: '## One\n' }, { markdown: '## Two\n' }],
  ['/v1/actions/plan', '/v1/plans', START, { ...START, dry_run: true }],
  ['/v1/plans', '/v1/plans', { actions: [{ id: 'a', ...START }] }, { actions: [{ id: 'b', ...START }] }],
  ['/v1/people', '/v1/people', { name: 'ben', grants: { lab: 'viewer' } }, { name: 'eve', grants: { lab: 'viewer' } }],
  [
    '/v1/tokens',
    '/v1/tokens',
    { name: 'ci', role: 'viewer', class: 'agent' },
    { name: 'cd', role: 'viewer', class: 'agent' },
  ],
  [
    '/v1/me/tokens',
    '/v1/me/tokens',
    { name: 'own', role: 'viewer', class: 'agent' },
    { name: 'other', role: 'viewer', class: 'agent' },
  ],
  [
    '/v1/runbook-runs',
    '/v1/runbook-runs',
    { runbook: 'secrets', parameters: { environment: 'lab', manager: '127.0.0.1' } },
    { runbook: 'secrets', parameters: { environment: 'other', manager: '127.0.0.1' } },
  ],
];

describe('sent again under its Idempotency-Key', () => {
  it.each(MAKING)('POST %s makes one', async (path, list, body, other) => {
    const key = `once ${path}`.replaceAll(' ', '-');
    const before = await countOf(list);
    const first = await post(path, body, key);
    expect(first.status, first.text).toBe(201);
    const again = await post(path, body, key);
    expect(again.status, again.text).toBe(201);
    const hidden = { ...first.json };
    if (typeof hidden['token'] === 'string') hidden['token'] = '[redacted]';
    const { invitation } = hidden as { invitation?: object };
    if (invitation !== undefined) hidden['invitation'] = { ...invitation, code: '[redacted]' };
    expect(again.json).toEqual(hidden);
    expect(await countOf(list)).toBe(before + 1);
    expect((await post(path, other, key)).json).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
    expect(await countOf(list)).toBe(before + 1);
    const next = await post(path, other, `${key}-next`);
    expect(next.status, next.text).toBe(201);
    expect(await countOf(list)).toBe(before + 2);
  });

  it('what was shown once is not kept, and the payload only as a keyed hash', async () => {
    const body = { name: 'kept', grants: { lab: 'viewer' } };
    const made = await post('/v1/people', body, 'kept-1');
    const { code } = made.json['invitation'] as { code: string };
    const { store } = service.app;
    const rows = await store.db.selectFrom('idempotency_keys').selectAll().where('key', '=', 'kept-1').execute();
    expect(rows).toHaveLength(1);
    expect(JSON.stringify(rows)).not.toContain(code);
    const { data } = loadKeys(store.directory, systemIds(systemClock));
    expect(rows[0]?.payload_hash).toBe(keyedHash(data, 'idempotency', canonicalJson(body)));
    expect(rows[0]?.payload_hash).not.toBe(hashJson(body));
  });

  it('a key that a version beside this one has begun is known by its plain hash', async () => {
    const { store } = service.app;
    const { id } = (await service.ask('GET /v1/me', { token: admin })).json;
    const key = { endpoint: 'POST /v1/people', principal: String(id), key: 'theirs' };
    const body = { name: 'theirs', grants: { lab: 'viewer' } };
    await store.commit((trx) => beginIdempotent(trx, key, { hash: hashJson(body) }, Date.now()));
    expect((await post('/v1/people', { ...body, name: 'another' }, 'theirs')).json).toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
    });
    expect((await post('/v1/people', body, 'theirs')).status).toBe(201);
  });

  it('a request that was refused is tried again under the same key', async () => {
    const body = { name: 'ana', grants: { lab: 'viewer' } };
    for (let times = 0; times < 2; times++)
      expect((await post('/v1/people', body, 'taken')).json).toMatchObject({ errors: { name: 'is taken' } });
  });
});
