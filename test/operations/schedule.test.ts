import { TestClock } from 'pg-boss';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  apply,
  applyDue,
  cancelPlan,
  ChangeWindows,
  expireOverdue,
  freeze,
  SCHEDULED_JOB,
  schedulePlan,
  thaw,
  unschedule,
  viewPlan,
  type Policy,
} from '../../src/changes/index.ts';
import { ruleSchema, ruleSet } from '../../src/changes/policy/rules.ts';
import { judgeBy } from '../../src/changes/policy/evaluate.ts';
import { wallClock } from '../../src/changes/policy/scope.ts';
import { AgentError, toAgentError } from '../../src/kernel/errors.ts';
import { seededIds } from '../../src/kernel/ids.ts';
import { silentLogger } from '../../src/kernel/log.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import type { PveApi } from '../../src/proxmox/index.ts';
import { Simulator } from '../../src/simulator/index.ts';
import { openPostgres, type Queue } from '../../src/store/index.ts';
import { postgresPrograms, startPostgres, type TestServer } from '../../src/store/postgres/testing.ts';
import { BossQueue } from '../../src/store/queue/boss.ts';
import { EmbeddedQueue } from '../../src/store/queue/embedded.ts';
import { SteppedClock } from '../../src/store/queue/testing.ts';
import { agent, Harness, person, temporaryDirectory } from '../support/harness.ts';
import { inProcessApi, labClock } from '../support/lab.ts';

const MINUTE = 60_000;
const START = { action: 'vm.start', target: 'vm/301' };
/** Ten minutes from half past every hour. */
const windows = new ChangeWindows({
  zone: 'UTC',
  windows: [{ name: 'half past', calendar: '*:30', duration: 10 * MINUTE }],
});

type Plan = Record<string, unknown>;
interface Schedule {
  readonly state: string;
  readonly result?: { readonly code: string; readonly detail: string };
  readonly operation_id?: string;
}

async function policyOf(...rules: object[]): Promise<Policy> {
  const set = await ruleSet(
    rules.map((fields, index) =>
      ruleSchema.parse({ id: `r${index}`, description: 'x', when: 'true', why: 'a test', ...fields }),
    ),
  );
  return { evaluate: (input) => judgeBy(set, input, wallClock('UTC')).decision };
}
const inWindow = await policyOf({ effect: 'allow', obligations: { window: true } });

/** The schedule as the app has it: a job for each plan, and one that looks every minute. */
async function attach(queue: Queue, harness: Harness): Promise<void> {
  const { changes } = harness;
  Object.assign(changes, {
    remind: async (trx: Parameters<Queue['enqueue']>[0], plan_id: string, at: number) => {
      await queue.cancel(trx, SCHEDULED_JOB, plan_id);
      await queue.enqueue(trx, { name: SCHEDULED_JOB, key: plan_id, at });
    },
  });
  await queue.schedule(SCHEDULED_JOB, '* * * * *');
  await queue.work(SCHEDULED_JOB, () => applyDue(changes));
}

interface Life {
  readonly harness: Harness;
  readonly simulator: Simulator;
  readonly use: (policy: Policy) => void;
  readonly down: (yes: boolean) => void;
  readonly schedule: (plan: Plan, when?: string) => Promise<Plan>;
  readonly plan: (plan: Plan) => Promise<Plan & { readonly schedule?: Schedule }>;
  readonly events: () => Promise<string[]>;
  /** Minutes go by, for the lab and the queue alike. */
  readonly pass: (minutes: number) => Promise<void>;
}

/** Ten past nine, in a lab and a queue of its own. */
async function inLife(body: (life: Life) => Promise<void>): Promise<void> {
  const now = Date.UTC(2026, 10, 20, 9, 10);
  const simulator = Simulator.fromWorld('enterprise', { ids: seededIds('schedule', systemClock), now });
  const clock = labClock(simulator);
  const stepped = new SteppedClock(now);
  const directory = temporaryDirectory();
  let [policy, down] = [inWindow, false];
  const inner = inProcessApi(simulator, 'root@pam', clock);
  const api: PveApi = Object.assign(Object.create(inner) as PveApi, {
    get: (...args: Parameters<PveApi['get']>) =>
      down ? Promise.reject(new AgentError('PVE_UNREACHABLE', 'home does not answer')) : inner.get(...args),
  });
  const harness = new Harness({ api, clock, directory: directory.path });
  const proxy: Policy = { evaluate: (input) => policy.evaluate(input) };
  Object.assign(harness.changes, { windows, policy: proxy });
  const queue = await EmbeddedQueue.open({ store: harness.store, clock: stepped, log: silentLogger });
  await attach(queue, harness);
  const { changes, store } = harness;
  try {
    await body({
      harness,
      simulator,
      use: (next) => (policy = next),
      down: (yes) => (down = yes),
      schedule: ({ plan_id }, when = 'window') => schedulePlan(changes, { plan_id: String(plan_id), when }, person),
      plan: ({ plan_id }) => viewPlan(changes, String(plan_id), person),
      events: async () =>
        (await store.db.selectFrom('audit').select('event').orderBy('seq').execute()).map(({ event }) => event),
      pass: async (minutes) => {
        for (let minute = 0; minute < minutes; minute++) {
          simulator.advance(MINUTE);
          await stepped.tick(MINUTE);
        }
        await Promise.all(
          (await store.db.selectFrom('operations').select('operation_id').execute()).map(({ operation_id }) =>
            harness.engine.idle(operation_id),
          ),
        );
      },
    });
  } finally {
    await queue.drain();
    await harness.close();
    directory.remove();
  }
}

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: unknown) => toAgentError(error).code,
  );

describe('a scheduled apply', () => {
  it('is begun when the window opens, by who scheduled it, and the plan lives until the window ends', async () => {
    await inLife(async ({ harness, schedule, plan, pass, events }) => {
      const made = await harness.plan(START);
      expect(made).toMatchObject({ state: 'approved', expires_at: '2026-11-20T10:10:00.000Z' });
      expect(await codeOf(apply(harness.changes, { plan_id: String(made['plan_id']) }, person))).toBe(
        'OBLIGATION_UNMET',
      );
      expect(await schedule(made)).toMatchObject({
        state: 'approved',
        expires_at: '2026-11-20T09:40:00.000Z',
        schedule: {
          state: 'waiting',
          at: '2026-11-20T09:30:00.000Z',
          until: '2026-11-20T09:40:00.000Z',
          window: 'half past',
          scheduled_by: { id: 'p1', name: 'ana', class: 'human' },
        },
      });
      await pass(19);
      expect((await plan(made)).state).toBe('approved');
      await pass(2);
      const after = await plan(made);
      expect(after).toMatchObject({ state: 'applied', schedule: { state: 'begun' } });
      expect(after.schedule?.operation_id).toBe(after['operation_id']);
      const actor = await harness.store.db
        .selectFrom('audit')
        .select('actor')
        .where('event', '=', 'operation.created')
        .execute();
      expect(JSON.parse(actor[0]?.actor ?? '')).toMatchObject({ id: 'p1', name: 'ana' });
      expect(await events()).toContain('plan.scheduled');
    });
  });

  it('waits while the environment is frozen, says so once, and goes on within the window', async () => {
    await inLife(async ({ harness, schedule, plan, pass, events }) => {
      const made = await harness.plan(START);
      await schedule(made);
      await freeze(harness.changes, 'home', { reason: 'on battery' }, person);
      await pass(24);
      const waiting = await plan(made);
      expect(waiting).toMatchObject({
        state: 'approved',
        schedule: { state: 'waiting', result: { code: 'ENVIRONMENT_FROZEN' } },
      });
      expect(waiting.schedule?.result?.detail).toContain('on battery');
      expect((await events()).filter((event) => event === 'plan.schedule_waits')).toHaveLength(1);
      await thaw(harness.changes, 'home', 'power is back', person);
      await pass(2);
      expect(await plan(made)).toMatchObject({ state: 'applied', schedule: { state: 'begun' } });
    });
  });

  it('comes to nothing when the window ends first, and says why', async () => {
    await inLife(async ({ harness, schedule, plan, pass }) => {
      const made = await harness.plan(START);
      await schedule(made);
      await freeze(harness.changes, 'home', { reason: 'on battery' }, person);
      await pass(31);
      await expireOverdue(harness.changes);
      // What it waited for is what came between, not the end of the window.
      expect(await plan(made)).toMatchObject({
        state: 'expired',
        schedule: { state: 'failed', result: { detail: expect.stringContaining('on battery') as string } },
      });
      expect(await harness.store.db.selectFrom('operations').selectAll().execute()).toEqual([]);
    });
  });

  it('tries again when the cluster does not answer', async () => {
    await inLife(async ({ harness, schedule, plan, pass, down }) => {
      const made = await harness.plan(START);
      await schedule(made);
      await pass(19);
      down(true);
      await pass(4);
      expect(await plan(made)).toMatchObject({
        state: 'approved',
        schedule: { state: 'waiting', result: { code: 'PVE_UNREACHABLE', detail: 'home does not answer' } },
      });
      down(false);
      await pass(2);
      expect((await plan(made)).state).toBe('applied');
    });
  });

  it('is not begun when the target was changed meanwhile; the plan stays as it was', async () => {
    await inLife(async ({ harness, simulator, schedule, plan, pass, events }) => {
      const made = await harness.plan({ action: 'vm.configure', target: 'vm/301', params: { memory: 4096 } });
      await schedule(made);
      const [target] = made['targets'] as { readonly pinned: { readonly node: string } }[];
      const path = `/nodes/${target?.pinned.node}/qemu/301/config`;
      const sent = simulator.handle({ method: 'PUT', path, params: { memory: '4096' }, principal: 'root@pam' });
      expect(sent.status).toBe(200);
      await pass(21);
      const after = await plan(made);
      expect(after).toMatchObject({
        state: 'approved',
        schedule: { state: 'failed', result: { code: 'TARGET_CHANGED' } },
      });
      expect(after).not.toHaveProperty('operation_id');
      expect(await events()).toContain('plan.schedule_failed');
    });
  });

  it('is judged again by the rules of then', async () => {
    await inLife(async ({ harness, schedule, plan, pass, use }) => {
      const made = await harness.plan(START);
      await schedule(made);
      use(await policyOf({ effect: 'deny', why: 'not this week' }));
      await pass(21);
      expect(await plan(made)).toMatchObject({
        state: 'approved',
        schedule: { state: 'failed', result: { code: 'POLICY_DENIED', detail: 'not this week' } },
      });
    });
  });

  it('is not begun for somebody whose token is not valid any more', async () => {
    await inLife(async ({ harness, schedule, plan, pass }) => {
      Object.assign(harness.changes, { stillKnown: () => Promise.resolve(undefined) });
      const made = await harness.plan(START);
      await schedule(made);
      await pass(21);
      expect((await plan(made)).schedule).toMatchObject({ state: 'failed', result: { code: 'FORBIDDEN' } });
    });
  });

  it('can be taken back and set again', async () => {
    await inLife(async ({ harness, schedule, plan, pass, events }) => {
      const made = await harness.plan(START);
      const plan_id = String(made['plan_id']);
      expect(await codeOf(unschedule(harness.changes, plan_id, person))).toBe('NOT_FOUND');
      await schedule(made);
      const back = await unschedule(harness.changes, plan_id, person);
      expect(back).toMatchObject({
        state: 'approved',
        expires_at: made['expires_at'],
        schedule: { state: 'canceled' },
      });
      expect(await codeOf(unschedule(harness.changes, plan_id, person))).toBe('NOT_FOUND');
      await pass(21);
      expect((await plan(made)).state).toBe('approved');
      await schedule(made);
      await schedule(made);
      await pass(2);
      expect((await plan(made)).state).toBe('applied');
      expect((await events()).filter((event) => event === 'operation.created')).toHaveLength(1);
    });
  });

  it('takes a time of its own, within a window where the policy asks for one', async () => {
    await inLife(async ({ harness, schedule, plan, pass, use }) => {
      const made = await harness.plan(START);
      for (const [when, code] of [
        ['soon', 'VALIDATION_FAILED'],
        ['2026-11-20T09:35', 'VALIDATION_FAILED'],
        ['2026-11-20T09:00:00Z', 'VALIDATION_FAILED'],
        ['2028-11-20T09:00:00Z', 'VALIDATION_FAILED'],
        ['2026-11-20T09:20:00Z', 'OBLIGATION_UNMET'],
      ])
        expect(await codeOf(schedule(made, when))).toBe(code);
      expect(await schedule(made, '2026-11-20T10:35:00+01:00')).toMatchObject({
        schedule: { at: '2026-11-20T09:35:00.000Z', until: '2026-11-20T09:40:00.000Z', window: 'half past' },
      });
      use(await policyOf({ effect: 'allow' }));
      const free = await harness.plan({ action: 'vm.start', target: 'vm/302' });
      expect(await schedule(free, '2026-11-20T09:15:00Z')).toMatchObject({
        schedule: { at: '2026-11-20T09:15:00.000Z' },
      });
      await pass(6);
      expect((await plan(free)).state).toBe('applied');
      expect((await plan(made)).state).toBe('approved');
    });
  });

  it('needs the approval first, and ends with the plan', async () => {
    await inLife(async ({ harness, schedule, plan, use }) => {
      use(await policyOf({ effect: 'require_approval' }));
      const asked = await harness.plan(START, agent);
      expect(await codeOf(schedule(asked))).toBe('APPROVAL_REQUIRED');
      use(inWindow);
      const made = await harness.plan({ action: 'vm.start', target: 'vm/302' });
      await schedule(made);
      await cancelPlan(harness.changes, String(made['plan_id']), {}, person);
      expect(await plan(made)).toMatchObject({ state: 'canceled', schedule: { state: 'canceled' } });
    });
  });
});

describe.skipIf(postgresPrograms() === undefined && process.env['REQUIRE_ALL'] !== '1')('with two replicas', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.end());

  it('a scheduled plan is begun once', { timeout: 120_000 }, async () => {
    // pg-boss notices its own sessions by the real time, so the lab's is a little ahead of it.
    const now = (Math.floor(Date.now() / 3_600_000) + 1) * 3_600_000 + 10 * MINUTE;
    const simulator = Simulator.fromWorld('enterprise', { ids: seededIds('two', systemClock), now });
    const clock = labClock(simulator);
    const url = await server.create();
    const directory = temporaryDirectory();
    const replicas: { harness: Harness; queue: Queue; boss: TestClock }[] = [];
    for (const seed of ['a', 'b']) {
      const store = await openPostgres({ url, directory: directory.path, clock, log: silentLogger });
      const api = inProcessApi(simulator, 'root@pam', clock);
      const harness = new Harness({ api, clock, directory: directory.path, store, seed });
      Object.assign(harness.changes, { windows, policy: inWindow });
      const boss = new TestClock(now);
      const queue = await BossQueue.open({
        url,
        ids: seededIds(`queue ${seed}`, clock),
        log: silentLogger,
        clock: boss,
      });
      await attach(queue, harness);
      replicas.push({ harness, queue, boss });
    }
    const [one, two] = replicas as [(typeof replicas)[0], (typeof replicas)[0]];
    try {
      const plans: string[] = [];
      for (const target of ['vm/301', 'vm/302']) {
        const { plan_id } = await one.harness.plan({ action: 'vm.start', target });
        await schedulePlan(one.harness.changes, { plan_id: String(plan_id), when: 'window' }, person);
        plans.push(String(plan_id));
      }
      simulator.advance(21 * MINUTE);
      await Promise.all([
        one.boss.tick(21 * MINUTE),
        two.boss.tick(21 * MINUTE),
        applyDue(one.harness.changes),
        applyDue(two.harness.changes),
      ]);
      const { db } = one.harness.store;
      const operations = await db.selectFrom('operations').select(['operation_id', 'plan_id']).execute();
      expect(operations.map(({ plan_id }) => plan_id).toSorted()).toEqual(plans.toSorted());
      for (const { operation_id } of operations)
        await Promise.all(replicas.map(({ harness }) => harness.engine.idle(operation_id)));
      for (const plan_id of plans)
        expect(await viewPlan(two.harness.changes, plan_id, person)).toMatchObject({
          state: 'applied',
          schedule: { state: 'begun' },
        });
      const failed = await db
        .selectFrom('audit')
        .select('event')
        .where('event', 'in', ['plan.schedule_failed', 'plan.schedule_waits'])
        .execute();
      expect(failed).toEqual([]);
    } finally {
      for (const { queue } of replicas) await queue.drain();
      for (const { harness } of replicas) await harness.close();
      directory.remove();
    }
  });
});
