import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Service, START, STOP, type Got } from './support.ts';

/** Two environments; the caller has rights in `lab`, and everything that it must not see is in `other`. */
let service: Service;
let all = '';
let scoped = '';
let plan_id = '';
let operation_id = '';
beforeAll(async () => {
  service = await Service.twoLabs();
  all = await service.token('admin');
  scoped = await service.token('admin', 'human', ['lab']);
  const body = { environment: 'other', action: 'snapshot.create', target: 'vm/121', params: { name: 'hidden' } };
  plan_id = String((await ask('POST /v1/actions/plan', all, body)).json['plan_id']);
  const operation = await ask('POST /v1/actions/apply?wait=30', all, { plan_id });
  operation_id = String(operation.json['operation_id']);
  expect(operation.json, operation.text).toMatchObject({ state: 'applied' });
});
afterAll(() => service.close());
const ask = (line: string, token: string, body?: unknown): Promise<Got> => service.ask(line, { token, body });

describe('a token for one environment', () => {
  it('works there', async () => {
    expect((await ask('GET /v1/inventory?environment=lab', scoped)).status).toBe(200);
    expect((await ask('POST /v1/actions/plan', scoped, START)).status).toBe(201);
  });

  it.each([
    'GET /v1/nodes?environment=other',
    'GET /v1/inventory?environment=other',
    'GET /v1/vm/status?environment=other&target=vm/101',
    'GET /v1/tasks?environment=other',
    'GET /v1/tasks/status?environment=other&upid=x',
  ])('%s is refused in the same words as for an environment that there is not', async (line) => {
    const real = await ask(line, scoped);
    const made_up = await ask(line.replace('other', 'nowhere'), scoped);
    expect(real).toMatchObject({ status: 403, json: { code: 'FORBIDDEN' } });
    expect(made_up.json['detail']).toBe(String(real.json['detail']).replace('other', 'nowhere'));
  });

  it('plans nothing elsewhere, alone or among others', async () => {
    const body = { ...STOP, environment: 'other' };
    expect((await ask('POST /v1/actions/plan', scoped, body)).json).toMatchObject({ code: 'FORBIDDEN' });
    expect((await ask('POST /v1/plans', scoped, { actions: [{ ...body, id: 'a' }] })).json['code']).toBe('FORBIDDEN');
  });

  it('finds no plan and no operation of another, whatever it wants to do with it', async () => {
    const plan = { status: 404, json: { code: 'PLAN_NOT_FOUND' } };
    const operation = { status: 404, json: { code: 'OPERATION_NOT_FOUND' } };
    expect(await ask(`GET /v1/plans/${plan_id}`, scoped)).toMatchObject(plan);
    expect(await ask(`POST /v1/plans/${plan_id}/cancel`, scoped, {})).toMatchObject(plan);
    expect(await ask(`POST /v1/plans/${plan_id}/reject`, scoped, {})).toMatchObject(plan);
    const plan_hash = 'a'.repeat(64);
    expect(await ask(`POST /v1/plans/${plan_id}/approve`, scoped, { plan_hash })).toMatchObject(plan);
    expect(await ask('POST /v1/actions/apply', scoped, { plan_id })).toMatchObject(plan);
    expect(await ask(`GET /v1/operations/${operation_id}`, scoped)).toMatchObject(operation);
    expect(await ask(`POST /v1/operations/${operation_id}/cancel`, scoped, {})).toMatchObject(operation);
    expect(await ask(`POST /v1/operations/${operation_id}/resume`, scoped, {})).toMatchObject(operation);
  });

  it.each(['GET /v1/plans', 'GET /v1/operations', 'GET /v1/environments', 'GET /v1/audit?limit=500'])(
    '%s shows nothing of another',
    async (line) => {
      const { status, text } = await ask(line, scoped);
      expect(status).toBe(200);
      expect(text).not.toContain('"other"');
      expect(text).not.toContain('hidden');
      expect(text).not.toContain(plan_id);
      expect((await ask(line, all)).text).toContain('other');
    },
  );

  it('keeps the places of hidden records in the audit log, so that the chain is whole', async () => {
    const { records } = (await ask('GET /v1/audit?limit=500', scoped)).json as {
      records: { seq: number; hash: string; prev_hash: string; event?: string }[];
    };
    expect(records.map(({ seq }) => seq)).toEqual(records.map((_, index) => index + 1));
    for (const [index, { prev_hash }] of records.entries())
      if (index > 0) expect(prev_hash).toBe(records[index - 1]?.hash);
    expect(records.some(({ event }) => event === undefined)).toBe(true);
  });

  it('gets neither the whole log nor a copy of the database, in which everything is', async () => {
    expect(await ask('GET /v1/audit/export', scoped)).toMatchObject({ status: 403, json: { code: 'FORBIDDEN' } });
    const backup = await ask('POST /v1/store/backup', scoped, { file: '/tmp/never-made.db' });
    expect(backup).toMatchObject({ status: 403, json: { code: 'FORBIDDEN' } });
  });

  it('makes tokens for its own environments only, and sees and revokes only such', async () => {
    const body = { name: 'x', role: 'viewer', class: 'agent' };
    for (const environments of [undefined, ['other'], ['lab', 'other']])
      expect((await ask('POST /v1/tokens', scoped, { ...body, environments })).json).toMatchObject({
        code: 'FORBIDDEN',
      });
    expect((await ask('POST /v1/tokens', scoped, { ...body, environments: ['lab'] })).status).toBe(201);
    const list = async (token: string) =>
      (await ask('GET /v1/tokens', token)).json['tokens'] as { id: string; environments: string[] | null }[];
    expect(new Set((await list(scoped)).map(({ environments }) => String(environments)))).toEqual(new Set(['lab']));
    const whole = (await list(all)).find(({ environments }) => environments === null);
    expect((await ask(`DELETE /v1/tokens/${whole?.id}`, scoped)).status).toBe(404);
    expect((await ask('GET /v1/me', all)).status).toBe(200);
  });
});
