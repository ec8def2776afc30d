import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canonicalJson, hashJson } from '../../src/kernel/canonical.ts';
import { beginIdempotent, findIdempotent, keyedHash, loadKeys } from '../../src/store/index.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { systemIds } from '../../src/kernel/ids.ts';
import { join } from './browser.ts';
import { hidden, MAKING, MakingWorld } from './making.ts';
import { START, type Got, type Service } from './support.ts';

/** A request that is sent again because its answer was lost makes nothing a second time. */
let world: MakingWorld;
let service: Service;
let admin: string;
beforeAll(async () => {
  world = await MakingWorld.start();
  ({ service, admin } = world);
});
afterAll(() => world.close());

const post = (path: string, body: unknown, key: string): Promise<Got> => world.post(path, body, key);

/** What no request does: a statement of the test's own. */
const run = (statement: string) => service.app.store.commit((trx) => sql.raw(statement).execute(trx.db));

describe('sent again under its Idempotency-Key', () => {
  it.each(MAKING)('POST $path makes one', async (making) => {
    const { path, status = 201, body, other } = making;
    const key = `once-${path}`;
    const before = await world.count(making);
    const first = await post(path, body, key);
    expect(first.status, first.text).toBe(status);
    const again = await post(path, body, key);
    expect(again.status, again.text).toBe(status);
    expect(again.json).toEqual(hidden(first));
    expect(await world.count(making)).toBe(before + 1);
    expect((await post(path, other, key)).json).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
    expect(await world.count(making)).toBe(before + 1);
    const next = await post(path, other, `${key}-next`);
    expect(next.status, next.text).toBe(status);
    expect(await world.count(making)).toBe(before + 2);
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

  it('a repeat that is refused leaves the key to the first request, which may be at work elsewhere', async () => {
    const { store } = service.app;
    const { id } = (await service.ask('GET /v1/me', { token: admin })).json;
    const key = { endpoint: 'POST /v1/people', principal: String(id), key: 'elsewhere' };
    const body = { name: 'ana', grants: { lab: 'viewer' } };
    const payload = { hash: hashJson(body) };
    await store.commit((trx) => beginIdempotent(trx, key, payload, Date.now()));
    expect((await post('/v1/people', body, 'elsewhere')).json).toMatchObject({ errors: { name: 'is taken' } });
    expect(await findIdempotent(store, key, payload)).toEqual({ answer: undefined, made: undefined });
  });

  it('a request that was refused is tried again under the same key', async () => {
    const body = { name: 'ana', grants: { lab: 'viewer' } };
    for (let times = 0; times < 2; times++)
      expect((await post('/v1/people', body, 'taken')).json).toMatchObject({ errors: { name: 'is taken' } });
  });
});

/** What a process leaves that was killed before it had kept the answer: the key, with what was made under it. */
const forgetAnswers = () => run('UPDATE idempotency_keys SET status = NULL, body = NULL');

describe('whose answer a crash cut off', () => {
  const renamed = ({ body }: { body: object }): object =>
    'name' in body ? { ...body, name: `${body.name as string}2` } : body;

  it.each(MAKING)('POST $path answers what was made, and makes nothing', async (making) => {
    const { path, status = 201, event } = making;
    const key = `cut-${path}`;
    const [before, head] = [await world.count(making), await world.head()];
    const first = await post(path, renamed(making), key);
    expect(first.status, first.text).toBe(status);
    await forgetAnswers();
    const again = await post(path, renamed(making), key);
    expect(again.status, again.text).toBe(status);
    expect(again.json).toEqual(hidden(first));
    expect(again.json[making.id]).toBe(first.json[making.id]);
    expect(await world.count(making)).toBe(before + 1);
    const created = (await world.audit(head)).filter((record) => record.event === event);
    expect(created).toHaveLength(1);
    expect(Object.values(created[0]?.ids ?? {})).toContain(first.json[making.id]);
    expect((await post(path, making.other, key)).json).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
  });

  const plans = async () => {
    const { json } = await service.ask('GET /v1/plans?limit=500', { token: admin });
    return (json['plans'] as object[]).length;
  };
  it('is told again that the rehearsal failed, of the same plan', async () => {
    const template = { ...START, target: 'vm/9000' };
    const before = await plans();
    const first = await post('/v1/actions/plan', template, 'failed');
    expect(first, first.text).toMatchObject({ status: 422, json: { code: 'PREFLIGHT_FAILED' } });
    const again = await post('/v1/actions/plan', template, 'failed');
    const { correlation_id: _, ...problem } = first.json;
    expect(again).toMatchObject({ status: 422, json: problem });
    expect(await plans()).toBe(before + 1);
  });

  it('answers what was made only to who may still see it', async () => {
    const body = { ...START, environment: 'other' };
    const key = 'reach';
    const { browser, id } = await join(service, admin, 'zoe', { lab: 'operator', other: 'operator' });
    const plan = () => browser.ask('POST /v1/actions/plan', body, { 'Idempotency-Key': key });
    expect((await plan()).status).toBe(201);
    await forgetAnswers();
    const change = { token: admin, body: { grants: { lab: 'operator' } } };
    expect((await service.ask(`PATCH /v1/people/${id}`, change)).status).toBe(200);
    expect(await plan()).toMatchObject({ status: 404, json: { code: 'PLAN_NOT_FOUND' } });
  });

  it('a plan made again has the approvals of the one before, which has ended', async () => {
    const stop = { ...START, action: 'vm.stop', target: 'vm/303' };
    const old = (await post('/v1/actions/plan', stop, 'old')).json;
    const line = `/v1/plans/${String(old['plan_id'])}`;
    await post(`${line}/approve`, { plan_hash: old['plan_hash'] }, 'yes');
    const first = await post(`${line}/replan`, {}, 'anew');
    expect(first.json, first.text).toMatchObject({ state: 'approved' });
    await forgetAnswers();
    expect((await post(`${line}/replan`, {}, 'anew')).json).toEqual(first.json);
    const { json } = await service.ask(`GET ${line}`, { token: admin });
    expect(json).toMatchObject({ state: 'canceled' });
  });
});

describe('an attempt that was slower than another one', () => {
  /** As if the other had noted what it made a moment before. */
  async function slower(path: string, body: object, key: string): Promise<Got> {
    await run(`CREATE TRIGGER slower BEFORE UPDATE OF made ON idempotency_keys BEGIN SELECT RAISE(IGNORE); END`);
    try {
      return await post(path, body, key);
    } finally {
      await run('DROP TRIGGER slower');
    }
  }

  it.each(MAKING)('POST $path is undone whole', async (making) => {
    const { path, status = 201 } = making;
    const body = 'name' in making.body ? { ...making.body, name: `${making.body.name as string}3` } : making.body;
    const key = `slow-${path}`;
    const before = [await world.count(making), await world.head()];
    const busy = await slower(path, body, key);
    expect(busy, busy.text).toMatchObject({ status: 409, json: { code: 'TARGET_BUSY' } });
    expect([await world.count(making), await world.head()]).toEqual(before);
    const next = await post(path, body, key);
    expect(next.status, next.text).toBe(status);
    expect(await world.count(making)).toBe((before[0] ?? 0) + 1);
  });

  it('keeps no VMID for a plan that there is not', async () => {
    const clone = { environment: 'lab', action: 'vm.clone', target: 'vm/9000', params: { name: 'web9', newid: 4711 } };
    const busy = await slower('/v1/actions/plan', clone, 'vmid');
    expect(busy, busy.text).toMatchObject({ status: 409, json: { code: 'TARGET_BUSY' } });
    const next = await post('/v1/actions/plan', clone, 'vmid-next');
    expect(next.status, next.text).toBe(201);
  });
});
