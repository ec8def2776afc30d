import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { postgresPrograms, startPostgres, type TestServer } from '../../src/store/postgres/testing.ts';
import { ReplicaWorld, type Json, type Replica, type StreamEvent } from '../support/replicas.ts';

const CREATE = {
  environment: 'home',
  action: 'vm.create_from_template',
  target: 'vm/9000',
  params: { name: 'web1', cores: 4, disk: { size: '20G' }, tags: ['web'] },
};
/** The promise: another replica goes on at most this long after one was killed. */
const TAKEOVER_MS = 15_000;
/** Below what is left of a lease of 8 seconds renewed every second: only what was let go is taken so soon. */
const AT_ONCE_MS = 6_000;
const PATIENCE = { timeout: 120_000 };

const steps = (plan: Json): string[] => {
  const vmid = (plan['requests'] as { newid: number }[])[0]?.newid;
  const guest = `/nodes/pve4/qemu/${vmid}`;
  return [
    'POST /nodes/pve4/qemu/9000/clone',
    `PUT ${guest}/config`,
    `PUT ${guest}/resize`,
    `POST ${guest}/status/start`,
  ];
};

// Not with REQUIRE_ALL=1: there its absence is a failure.
describe.skipIf(postgresPrograms() === undefined && process.env['REQUIRE_ALL'] !== '1')('replicas on postgres', () => {
  let postgres: TestServer;
  let world: ReplicaWorld;
  let a: Replica;
  let b: Replica;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres.end());
  beforeEach(async () => {
    world = new ReplicaWorld(await postgres.create());
    [a, b] = await world.start();
  }, 60_000);
  afterEach(() => world.close());

  /** Begins CREATE on A and answers when the clone's task runs and A knows it. */
  async function begin(): Promise<{ plan: Json; operation_id: string }> {
    const plan = await a.json('POST /v1/actions/plan', CREATE);
    const operation = await a.json('POST /v1/actions/apply', { plan_id: plan['plan_id'] });
    const operation_id = String(operation['operation_id']);
    await world.until(async () => {
      const { effects } = (await a.operation(operation_id)) as { effects: Json[] };
      return effects[0]?.['state'] === 'running' ? true : undefined;
    });
    return { plan, operation_id };
  }

  const takenOver = (operation_id: string, attempt: number): Promise<true> =>
    world.until(async () => ((await b.operation(operation_id))['attempt'] === attempt ? true : undefined));

  const verified = async (): Promise<void> => {
    world.env['PROXMOX_AGENT_URL'] = b.url;
    expect(await world.cli('audit', 'verify')).toMatchObject({ code: 0 });
  };

  it('another one ends what a killed one had begun, every call once', PATIENCE, async () => {
    const { plan, operation_id } = await begin();
    const killed = Date.now();
    await a.process.stop('SIGKILL');
    const operation = await world.ended(b, operation_id);
    expect(Date.now() - killed).toBeLessThan(TAKEOVER_MS);
    expect(operation).toMatchObject({ state: 'applied', attempt: 2 });
    expect(await world.calls()).toEqual(steps(plan));
    await verified();
  });

  it('one that was paused for longer than its lease writes and sends nothing more', PATIENCE, async () => {
    const { plan, operation_id } = await begin();
    a.pause();
    await takenOver(operation_id, 2);
    // Now only A can act, and what it waits for has happened.
    b.pause();
    await world.settle();
    a.resume();
    // Whichever comes first: it notices, or it sends the next call.
    const noticed = /it was taken over already|Another process has taken the operation over/;
    await world.until(async () => noticed.test(a.process.output) || (await world.calls()).length > 1 || undefined);
    expect(await world.calls()).toEqual(steps(plan).slice(0, 1));
    const rows = await world.rows('SELECT state, fence FROM journal WHERE operation_id = $1 AND kind = $2', [
      operation_id,
      'effect',
    ]);
    expect(rows).toEqual([{ state: 'answered', fence: '1' }]);
    b.resume();
    expect(await world.ended(b, operation_id)).toMatchObject({ state: 'applied', attempt: 2 });
    expect(await world.calls()).toEqual(steps(plan));
    // It is a replica like any other again.
    expect(await a.operation(operation_id)).toMatchObject({ state: 'applied' });
    await verified();
  });

  it('one that is told to stop lets its operations go at once', PATIENCE, async () => {
    const { plan, operation_id } = await begin();
    const told = Date.now();
    const stopping = a.process.stop('SIGTERM');
    await takenOver(operation_id, 2);
    expect(Date.now() - told).toBeLessThan(AT_ONCE_MS);
    expect(await stopping).toBe(0);
    expect(await world.ended(b, operation_id)).toMatchObject({ state: 'applied', attempt: 2 });
    expect(await world.calls()).toEqual(steps(plan));
  });

  it('a template is cloned once at a time, whichever of them does it', PATIENCE, async () => {
    const { operation_id } = await begin();
    const plan = await b.json('POST /v1/actions/plan', { ...CREATE, params: { ...CREATE.params, name: 'web2' } });
    const { operation_id: second } = await b.json('POST /v1/actions/apply', { plan_id: plan['plan_id'] });
    await world.until(async () => {
      const why = JSON.stringify((await b.operation(String(second)))['waiting_for'] ?? null);
      return why.includes('home/template/') ? true : undefined;
    });
    expect(await world.calls()).toEqual(['POST /nodes/pve4/qemu/9000/clone']);
    expect(await world.ended(a, operation_id)).toMatchObject({ state: 'applied' });
    expect(await world.ended(b, String(second))).toMatchObject({ state: 'applied' });
    await verified();
  });

  it('a cancel that one is asked for stops what the other runs', PATIENCE, async () => {
    const { plan, operation_id } = await begin();
    expect((await b.ask(`POST /v1/operations/${operation_id}/cancel`)).status).toBe(200);
    expect(await world.ended(b, operation_id)).toMatchObject({ state: 'canceled', attempt: 1 });
    // Nothing further was sent forward, and nothing of it is left.
    const calls = await world.calls();
    for (const call of steps(plan).slice(1)) expect(calls).not.toContain(call);
    await verified();
  });

  it('a stream that goes on elsewhere has every event once', PATIENCE, async () => {
    const ended = ({ type }: StreamEvent): boolean => type === 'operation.applied';
    const early = b.listen(0, (events) => events.some(({ type }) => type === 'operation.running'));
    const { operation_id } = await begin();
    const first = await early;
    const late = b.listen(first.at(-1)?.id ?? 0, (events) => events.some(ended));
    await world.ended(a, operation_id);
    const heard = [...first, ...(await late)];
    expect(heard.map(({ id }) => id)).toEqual(heard.map((_, index) => index + 1));
    const whole = await a.listen(0, (events) => events.some(ended));
    expect(heard).toEqual(whole);
    const own = heard.filter(({ ids }) => ids['operation_id'] === operation_id);
    expect(own.map(({ type }) => type)).toEqual(expect.arrayContaining(['operation.running', 'operation.applied']));
  });

  it('any of them answers any request', PATIENCE, async () => {
    const stop = { environment: 'home', action: 'vm.stop', target: 'vm/211' };
    const plan = await a.json('POST /v1/actions/plan', stop);
    const { plan_id, plan_hash } = plan;
    if (plan['state'] !== 'awaiting_approval') throw new Error(`the plan is ${String(plan['state'])}`);
    expect((await a.ask('POST /v1/actions/apply', { plan_id })).json).toMatchObject({ code: 'APPROVAL_REQUIRED' });
    expect(await b.json(`POST /v1/plans/${String(plan_id)}/approve`, { plan_hash })).toMatchObject({
      state: 'approved',
    });
    const begun = await a.json('POST /v1/actions/apply', { plan_id });
    expect(await world.ended(b, String(begun['operation_id']))).toMatchObject({ state: 'applied', attempt: 1 });
    expect((await b.ask('POST /v1/actions/apply', { plan_id })).json).toMatchObject({ code: 'PLAN_CONSUMED' });
    expect(await world.calls()).toHaveLength(1);
  });

  it('an Idempotency-Key counts on all of them', PATIENCE, async () => {
    const key = { 'Idempotency-Key': 'order-7' };
    const first = await a.ask('POST /v1/actions/plan', CREATE, key);
    expect(await b.ask('POST /v1/actions/plan', CREATE, key)).toEqual(first);
    const other = await b.ask('POST /v1/actions/plan', { ...CREATE, dry_run: true }, key);
    expect(other.json).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });

    const { plan_id } = first.json;
    const both = await Promise.all([a, b].map((one) => one.ask('POST /v1/actions/apply', { plan_id }, key)));
    const again = await b.ask('POST /v1/actions/apply', { plan_id }, key);
    const ids = [...both, again].filter(({ status }) => status < 300).map(({ json }) => json['operation_id']);
    expect(ids.length).toBeGreaterThan(0);
    expect(new Set(ids).size).toBe(1);
    await world.ended(a, String(ids[0]));
    expect(await world.calls()).toEqual(steps(first.json));
  });

  const audited = async (event: string): Promise<number> => {
    const { records } = await b.json('GET /v1/audit?last=500');
    return (records as Json[]).filter((record) => record['event'] === event).length;
  };

  it('what one that was killed had made is answered by another, and not made again', PATIENCE, async () => {
    const key = { 'Idempotency-Key': 'cut-off' };
    const gate = await world.closeGate();
    const lost = a.ask('POST /v1/actions/plan', CREATE, key).catch(() => undefined);
    const pid = await world.until(() => gate.waiting());
    const kept = 'SELECT made, status FROM idempotency_keys';
    const [{ made } = {}] = await world.rows(kept, []);
    expect(made).toMatch(/^[0-9a-f-]{36}$/);
    await gate.kill(a, pid);
    expect(await lost).toBeUndefined();
    expect(await world.rows(kept, [])).toEqual([{ made, status: null }]);
    for (let times = 0; times < 2; times++)
      expect(await b.ask('POST /v1/actions/plan', CREATE, key)).toMatchObject({ status: 201, json: { plan_id: made } });
    expect((await b.json('GET /v1/plans'))['plans']).toHaveLength(1);
    expect(await audited('plan.created')).toBe(1);
    await verified();
  });

  const wished = (round: number): Json => ({ ...CREATE, params: { ...CREATE.params, newid: 700 + round } });
  const RACES: readonly [path: string, list: string, id: string, event: string, body: (round: number) => Json][] = [
    ['/v1/actions/plan', '/v1/plans', 'plan_id', 'plan.created', () => CREATE],
    ['/v1/actions/plan', '/v1/plans', 'plan_id', 'plan.created', wished],
    ['/v1/changes', '/v1/changes', 'id', 'change.created', () => ({ title: 'once' })],
    [
      '/v1/changes/import',
      '/v1/changes',
      'id',
      'change.created',
      (round) => ({ markdown: `---\nid: CC-${100 + round}\n---\n# Once\n` }),
    ],
    [
      '/v1/people',
      '/v1/people',
      'id',
      'person.invited',
      (round) => ({ name: `person${round}`, grants: { home: 'viewer' } }),
    ],
    ['/v1/tokens', '/v1/tokens', 'id', 'token.created', () => ({ name: 'ci', role: 'viewer', class: 'agent' })],
    [
      '/v1/runbook-runs',
      '/v1/runbook-runs',
      'run_id',
      'runbook.started',
      () => ({ runbook: 'secrets', parameters: { environment: 'home', manager: '127.0.0.1' } }),
    ],
  ];
  const ROUNDS = 12;

  it.each(RACES)('%s of one key, sent to both at once, makes one', PATIENCE, async (path, list, id, event, body) => {
    const rows = async () => Object.values(await b.json(`GET ${list}`)).find(Array.isArray)?.length ?? 0;
    const [before, noted] = [await rows(), await audited(event)];
    for (let round = 0; round < ROUNDS; round++) {
      const send = (one: Replica) => one.ask(`POST ${path}`, body(round), { 'Idempotency-Key': `round-${round}` });
      const both = await Promise.all([send(a), send(b)]);
      for (const { status, json } of both)
        if (status !== 201) expect(json).toMatchObject({ status: 409, code: 'TARGET_BUSY' });
      const again = [await send(b), await send(a)];
      expect(again.map(({ status }) => status)).toEqual([201, 201]);
      const named = [...both, ...again].filter(({ status }) => status === 201).map(({ json }) => json[id]);
      expect(new Set(named).size, JSON.stringify(named)).toBe(1);
      expect(await rows()).toBe(before + round + 1);
    }
    expect(await audited(event)).toBe(noted + ROUNDS);
    await verified();
  });
});
