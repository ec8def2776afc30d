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

describe('a token that is held to some actions', () => {
  const SNAPSHOT = { environment: 'lab', action: 'snapshot.create', target: 'vm/121', params: { name: 'held' } };
  const made = async (role: string, kind: string): Promise<string> => {
    const body = { name: `held ${role}`, role, class: kind, actions: ['snapshot.*'] };
    return String((await ask('POST /v1/tokens', all, body)).json['token']);
  };
  const stateOf = async (id: unknown): Promise<unknown> =>
    (await ask(`GET /v1/plans/${String(id)}`, all)).json['state'];

  it('neither approves nor ends nor applies a plan of others', async () => {
    const [human, agent] = [await made('approver', 'human'), await made('operator', 'agent')];
    const plan = (await ask('POST /v1/actions/plan', all, STOP)).json;
    const path = `/v1/plans/${String(plan['plan_id'])}`;
    const refused = { status: 403, json: { code: 'FORBIDDEN' } };
    expect(await ask(`POST ${path}/approve`, human, { plan_hash: plan['plan_hash'] })).toMatchObject(refused);
    expect(await ask(`POST ${path}/reject`, human, {})).toMatchObject(refused);
    expect(await ask(`POST ${path}/cancel`, human, {})).toMatchObject(refused);
    expect(await stateOf(plan['plan_id'])).toBe('awaiting_approval');
    expect((await ask(`POST ${path}/approve`, all, { plan_hash: plan['plan_hash'] })).status).toBe(200);
    for (const body of [{}, { when: 'window' }, { request: STOP }]) {
      const apply = await ask('POST /v1/actions/apply', agent, { ...body, plan_id: plan['plan_id'] });
      expect(apply).toMatchObject(refused);
      expect(apply.json['detail']).toContain('may plan snapshot.* only, and vm.stop is not among them');
    }
    expect(await ask(`DELETE ${path}/schedule`, agent)).toMatchObject(refused);
    expect(await stateOf(plan['plan_id'])).toBe('approved');
    // What it may look at it may look at.
    expect((await ask(`GET ${path}`, agent)).status).toBe(200);
    expect((await ask(`POST ${path}/cancel`, all, {})).status).toBe(200);
  });

  it('ends no operation of others', async () => {
    const agent = await made('operator', 'agent');
    const started = (await ask('POST /v1/actions/plan', all, { ...START, target: 'vm/301' })).json;
    const operation = (await ask('POST /v1/actions/apply', all, { plan_id: started['plan_id'] })).json;
    const path = `/v1/operations/${String(operation['operation_id'])}`;
    for (const verb of ['cancel', 'resume'])
      expect((await ask(`POST ${path}/${verb}`, agent, {})).status, verb).toBe(403);
    expect((await ask(`GET ${path}`, agent)).status).toBe(200);
  });

  it.each<[string, object?]>([
    ['GET /v1/secrets'],
    ['PUT /v1/secrets/mine', { value: 'a value that is long' }],
    ['POST /v1/secrets/rotate-key', { to: 'keys' }],
    ['POST /v1/policy/reload', {}],
    ['POST /v1/store/backup', { file: 'relative' }],
    ['GET /v1/people'],
    ['POST /v1/people', { name: 'x', grants: { '*': 'viewer' } }],
  ])('administers nothing: %s', async (line, body) => {
    const held = await made('admin', 'human');
    expect(await ask(line, held, body)).toMatchObject({ status: 403, json: { code: 'FORBIDDEN' } });
  });

  it('does with its own actions what it did before', async () => {
    const agent = await made('operator', 'agent');
    const plan = (await ask('POST /v1/actions/plan', agent, SNAPSHOT)).json;
    const path = `/v1/plans/${String(plan['plan_id'])}`;
    if (plan['state'] !== 'approved')
      expect((await ask(`POST ${path}/approve`, all, { plan_hash: plan['plan_hash'] })).status).toBe(200);
    const applied = await ask('POST /v1/actions/apply?wait=30', agent, { plan_id: plan['plan_id'] });
    expect(applied.json, applied.text).toMatchObject({ state: 'applied' });
  });

  it('carries no step of a runbook on whose plan is of others', async () => {
    const agent = await made('operator', 'agent');
    const run = await ask('POST /v1/runbook-runs', all, {
      runbook: 'vm-provisioning',
      parameters: {
        environment: 'lab',
        template: 9000,
        vmid: 330,
        name: 'held',
        address: '192.168.30.71/24',
        gateway: '192.168.30.1',
        user: 'admin',
        ssh_key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEmB0Lxk4T0bT5Y0y1bq2mZ3d0y6pQw8r5u7v9x1z3A5 ana@desk',
        tag: 'held',
      },
    });
    expect(run.status, run.text).toBe(201);
    const path = `/v1/runbook-runs/${String(run.json['run_id'])}`;
    const first = await ask(`POST ${path}/steps/1`, all, { do: 'answer', passed: true, evidence: 'it is free' });
    expect(first.status, first.text).toBe(200);
    const step = await ask(`POST ${path}/steps/2`, all, { do: 'run' });
    expect(step.status, step.text).toBe(200);
    expect(step.text).toContain('plan_id');
    expect(await ask(`POST ${path}/steps/2`, agent, { do: 'run' })).toMatchObject({
      status: 403,
      json: { code: 'FORBIDDEN' },
    });
  });
});
