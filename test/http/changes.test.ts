import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashJson } from '../../src/kernel/canonical.ts';
import { beginIdempotent } from '../../src/store/index.ts';
import { Service, START, STOP, type Got } from './support.ts';

let service: Service;
let token = '';
beforeAll(async () => {
  service = await Service.start();
  token = await service.token('admin');
});
afterAll(() => service.close());

const post = (path: string, body: unknown, key?: string, as = token): Promise<Got> =>
  service.ask(`POST ${path}`, { token: as, body, headers: key === undefined ? {} : { 'Idempotency-Key': key } });
const plan = async (body: object = STOP): Promise<Record<string, unknown>> =>
  (await post('/v1/actions/plan', body)).json;

describe('a change over HTTP', () => {
  it('is planned, approved by hash, applied and shown', async () => {
    const { plan_id, plan_hash, state } = await plan();
    expect(state).toBe('awaiting_approval');
    expect((await post('/v1/actions/apply', { plan_id })).json).toMatchObject({ code: 'APPROVAL_REQUIRED', plan_id });
    const other = await post(`/v1/plans/${String(plan_id)}/approve`, { plan_hash: 'b'.repeat(64) });
    expect(other).toMatchObject({ status: 409, json: { code: 'PLAN_HASH_MISMATCH' } });
    const approved = await post(`/v1/plans/${String(plan_id)}/approve`, { plan_hash, comment: 'go' });
    expect(approved.json).toMatchObject({ state: 'approved', approvals: [{ comment: 'go', method: 'token' }] });
    const wrong = await post('/v1/actions/apply', { plan_id, request: { ...STOP, target: 'vm/301' } });
    expect(wrong.json).toMatchObject({ code: 'REQUEST_HASH_MISMATCH' });
    const done = await post('/v1/actions/apply?wait=30', { plan_id, request: { ...STOP, params: {}, dry_run: false } });
    expect(done, done.text).toMatchObject({ status: 200, json: { state: 'applied', plan_id } });
    const again = await post('/v1/actions/apply', { plan_id });
    expect(again.json).toMatchObject({ code: 'PLAN_CONSUMED', operation_id: done.json['operation_id'] });
    const shown = await service.ask(`GET /v1/operations/${String(done.json['operation_id'])}`, { token });
    expect(shown.json).toMatchObject({ state: 'applied', effects: [{ seq: 1, state: 'done', result: 'OK' }] });
  });

  it('names nobody as approver but who holds the token', async () => {
    const { plan_id, plan_hash } = await plan({ ...STOP, target: 'vm/121' });
    const answer = await post(`/v1/plans/${String(plan_id)}/approve`, { plan_hash, approved_by: 'the boss' });
    expect(answer.json).toMatchObject({ code: 'VALIDATION_FAILED', errors: { approved_by: 'is not known here' } });
  });

  it('that is refused in the rehearsal leaves a plan to look at', async () => {
    const { status, json } = await post('/v1/actions/plan', { ...START, target: 'vm/9000' });
    expect({ status, code: json['code'] }).toEqual({ status: 422, code: 'PREFLIGHT_FAILED' });
    const kept = await service.ask(`GET /v1/plans/${String(json['plan_id'])}`, { token });
    expect(kept.json).toMatchObject({ state: 'denied', failure: { title: 'not a template' } });
  });
});

describe('an Idempotency-Key', () => {
  it('gets the first answer again, and nothing is made twice', async () => {
    const first = await post('/v1/actions/plan', STOP, 'key-1');
    const second = await post('/v1/actions/plan', STOP, 'key-1');
    expect(second).toMatchObject({ status: 201, json: first.json });
    const third = await post('/v1/actions/plan', STOP);
    expect(third.json['plan_id']).not.toBe(first.json['plan_id']);
  });

  it('for another payload is a conflict', async () => {
    await post('/v1/actions/plan', STOP, 'key-2');
    const other = await post('/v1/actions/plan', { ...STOP, reason: 'other' }, 'key-2');
    expect(other).toMatchObject({ status: 409, json: { code: 'IDEMPOTENCY_CONFLICT' } });
  });

  it('of another caller or at another route is another key', async () => {
    const first = await post('/v1/actions/plan', STOP, 'key-3');
    const other = await post('/v1/actions/plan', STOP, 'key-3', await service.token('operator'));
    expect(other.status).toBe(201);
    expect(other.json['plan_id']).not.toBe(first.json['plan_id']);
    expect((await post('/v1/plans', { actions: [{ ...STOP, id: 'a' }] }, 'key-3')).status).toBe(201);
  });

  it('that failed may be tried again', async () => {
    const missing = { ...START, target: 'vm/999' };
    for (const _ of [1, 2]) expect((await post('/v1/actions/plan', missing, 'key-4')).status).toBe(404);
    expect((await post('/v1/actions/plan', START, 'key-4')).status).toBe(201);
  });

  it('whose first request is under way is busy, and answers the same when that has ended', async () => {
    const answers = await Promise.all([1, 2, 3].map(() => post('/v1/actions/plan', STOP, 'key-5')));
    const made = new Set(answers.filter(({ status }) => status === 201).map(({ json }) => json['plan_id']));
    expect(made.size).toBe(1);
    for (const { status, json } of answers)
      if (status !== 201) expect({ status, code: json['code'] }).toEqual({ status: 409, code: 'TARGET_BUSY' });
    const later = await post('/v1/actions/plan', STOP, 'key-5');
    expect(made.has(later.json['plan_id'])).toBe(true);
  });

  it('makes an apply that is repeated one operation', async () => {
    const { plan_id } = await plan({ ...START, action: 'snapshot.create', target: 'vm/121', params: { name: 'once' } });
    const first = await post('/v1/actions/apply?wait=30', { plan_id }, 'key-6');
    const second = await post('/v1/actions/apply', { plan_id }, 'key-6');
    expect(first.json, first.text).toMatchObject({ state: 'applied' });
    expect(second.json['operation_id']).toBe(first.json['operation_id']);
  });

  it('whose first answer a crash cut off gets the operation that had begun', async () => {
    const { plan_id } = await plan({ ...START, action: 'snapshot.create', target: 'vm/121', params: { name: 'cut' } });
    const { id } = (await service.ask('GET /v1/me', { token })).json;
    const key = { endpoint: 'POST /v1/actions/apply', principal: String(id), key: 'key-8' };
    const { store } = service.app;
    // What an earlier process leaves: the key is known, the plan is consumed, and no answer was kept.
    await store.commit((trx) => beginIdempotent(trx, key, { hash: hashJson({ plan_id }) }, Date.now()));
    const begun = await post('/v1/actions/apply?wait=30', { plan_id });
    expect((await post('/v1/actions/apply', { plan_id })).json).toMatchObject({ code: 'PLAN_CONSUMED' });
    const again = await post('/v1/actions/apply', { plan_id }, 'key-8');
    expect(again, again.text).toMatchObject({
      status: 200,
      json: { operation_id: begun.json['operation_id'], state: 'applied' },
    });
  });

  it('does not keep a token for who asks again', async () => {
    const body = { name: 'once', role: 'viewer', class: 'agent' };
    const first = await post('/v1/tokens', body, 'key-7');
    expect(first.json['token']).toMatch(/^pxa_/);
    expect((await post('/v1/tokens', body, 'key-7')).json).toMatchObject({ id: first.json['id'], token: '[redacted]' });
  });
});
