import { describe, expect, it } from 'vitest';
import { apply, approve, viewPlan, type Factors, type Policy, type WindowState } from '../../src/changes/index.ts';
import { baseline } from '../../src/changes/index.ts';
import type { Principal } from '../../src/identity/index.ts';
import { AgentError, toAgentError } from '../../src/kernel/errors.ts';
import { seededIds } from '../../src/kernel/ids.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { getPlan, updatePlan } from '../../src/store/index.ts';
import { Simulator } from '../../src/simulator/index.ts';
import { agent, Harness, person, temporaryDirectory, type HarnessOptions } from '../support/harness.ts';
import { inProcessApi, labClock } from '../support/lab.ts';
import * as cel from '../../src/changes/policy/cel.ts';
import { ruleSchema, ruleSetBy } from '../../src/changes/policy/rules.ts';
import { judgeBy } from '../../src/changes/policy/evaluate.ts';
import { wallClock } from '../../src/changes/policy/scope.ts';

const START = { action: 'vm.start', target: 'vm/301' };
const bob: Principal = { ...person, id: 'p2', name: 'bob' };
const cleo: Principal = { ...person, id: 'p3', name: 'cleo', role: 'approver' };

/** Accepts one code for one plan, as whoever keeps second factors does. */
const factors: Factors = {
  verify: ({ factor, plan_hash }) =>
    factor === `code for ${plan_hash}`
      ? Promise.resolve({ method: 'totp', at: 0 })
      : Promise.reject(new AgentError('UNAUTHENTICATED', 'The code is wrong.')),
};
const codeFor = (plan: Plan): string => `code for ${String(plan['plan_hash'])}`;

type Plan = Record<string, unknown>;

/** Rules as the policy of one life. */
function policyOf(...rules: object[]): Policy {
  const set = ruleSetBy(
    cel,
    rules.map((fields, index) =>
      ruleSchema.parse({ id: `r${index}`, description: 'x', when: 'true', effect: 'allow', why: 'a test', ...fields }),
    ),
  );
  return { evaluate: (input) => judgeBy(set, input, wallClock('UTC')).decision };
}

interface Life {
  readonly harness: Harness;
  readonly plan: (principal?: Principal, body?: object) => Promise<Plan>;
  /** The state afterwards, or the error's code. */
  readonly approve: (plan: Plan, principal: Principal, proof?: object) => Promise<string>;
  readonly apply: (plan: Plan) => Promise<string>;
  readonly pass: (ms: number) => void;
}

/** A life of the control plane with a policy that can be exchanged, in a lab of its own. */
async function inLife(
  options: Partial<HarnessOptions> & { readonly policy?: Policy; readonly window?: () => WindowState },
  body: (life: Life, use: (policy: Policy) => void) => Promise<void>,
): Promise<void> {
  const ids = seededIds('duties', systemClock);
  const simulator = Simulator.fromWorld('enterprise', { ids, now: Date.UTC(2026, 10, 20, 9) });
  const clock = labClock(simulator);
  const directory = temporaryDirectory();
  const harness = new Harness({
    api: inProcessApi(simulator, 'root@pam', clock),
    clock,
    directory: directory.path,
    ...options,
  });
  let policy = options.policy ?? baseline;
  const windows = { check: () => options.window?.() ?? { open: true, why: '', next: null } };
  const changes = {
    ...harness.changes,
    factors,
    windows,
    policy: { evaluate: (input) => policy.evaluate(input) } as Policy,
  };
  Object.assign(harness.changes, changes);
  const code = (error: unknown): string => toAgentError(error).code;
  const life: Life = {
    harness,
    plan: (principal = person, request = START) => harness.plan(request, principal),
    approve: (plan, principal, proof = {}) =>
      approve(
        harness.changes,
        String(plan['plan_id']),
        { plan_hash: String(plan['plan_hash']), ...proof },
        principal,
      ).then((after) => String(after['state']), code),
    apply: async (plan) => {
      try {
        const { operation_id } = await apply(harness.changes, { plan_id: String(plan['plan_id']) }, person);
        return String((await harness.end(operation_id))['state']);
      } catch (error) {
        return code(error);
      }
    },
    pass: (ms) => simulator.advance(ms),
  };
  try {
    await body(life, (next) => (policy = next));
  } finally {
    await harness.close();
    directory.remove();
  }
}

const ownWords = (plan: Plan): string | undefined =>
  (plan['decision'] as { rules: { id: string; why: string }[] }).rules.find(({ id }) => id === 'approval.own')?.why;

describe('the own approval of a high-risk plan in production', () => {
  it('needs a fresh second factor and the beginning of the hash', async () => {
    await inLife({ production: true }, async ({ plan, approve: say, apply: run, harness }) => {
      const made = await plan();
      expect(made['state']).toBe('awaiting_approval');
      expect(ownWords(made)).toContain('home is in production');
      const confirm = String(made['plan_hash']).slice(0, 8);
      const needs = async (who: Principal) =>
        (await viewPlan(harness.changes, String(made['plan_id']), who))['approval_needs'];
      expect(await needs(person)).toEqual(['factor', 'confirm']);
      expect(await needs({ ...person, factorAt: harness.changes.clock.now() })).toEqual(['confirm']);
      expect(await needs(bob)).toEqual([]);
      expect(await say(made, person)).toBe('SECOND_FACTOR_REQUIRED');
      expect(await say(made, person, { confirm })).toBe('SECOND_FACTOR_REQUIRED');
      expect(await say(made, person, { factor: codeFor(made) })).toBe('SECOND_FACTOR_REQUIRED');
      expect(await say(made, person, { factor: 'wrong', confirm })).toBe('UNAUTHENTICATED');
      expect(await say(made, person, { factor: codeFor(made), confirm: '00000000' })).toBe('VALIDATION_FAILED');
      expect(await say(made, person, { factor: codeFor(made), confirm })).toBe('approved');
      expect((await harness.store.db.selectFrom('approvals').select(['role', 'factor']).execute())[0]).toEqual({
        role: 'admin',
        factor: 'totp',
      });
      expect(await run(made)).toBe('applied');
    });
  });

  it('may come with a step-up of the last five minutes, not with an older one', async () => {
    await inLife({ production: true }, async ({ plan, approve: say, harness }) => {
      const made = await plan();
      const confirm = String(made['plan_hash']).slice(0, 8).toUpperCase();
      const now = harness.changes.clock.now();
      expect(await say(made, { ...person, factorAt: now - 300_001 }, { confirm })).toBe('SECOND_FACTOR_REQUIRED');
      expect(await say(made, { ...person, factorAt: now - 299_000 }, { confirm })).toBe('approved');
    });
  });

  it('of a person with a second token is the own approval all the same', async () => {
    await inLife({ production: true }, async ({ plan, approve: say }) => {
      expect(await say(await plan(), { ...person, id: 'another token' })).toBe('SECOND_FACTOR_REQUIRED');
    });
  });

  it('is not what another person gives, nor what the bootstrap token gives', async () => {
    await inLife({ production: true }, async ({ plan, approve: say }) => {
      expect(await say(await plan(), bob)).toBe('approved');
      const root: Principal = { ...person, id: 'bootstrap', name: 'bootstrap', method: 'bootstrap-token' };
      const made = await plan(root, { action: 'vm.start', target: 'vm/302' });
      expect(ownWords(made)).toContain('bootstrap token');
      expect(await say(made, root)).toBe('approved');
    });
  });
});

describe('the own approval outside production', () => {
  const HIGH = { action: 'snapshot.rollback', target: 'vm/303', params: { name: 'before-upgrade' } };

  it('goes as any other while nothing is enrolled, and the decision says so', async () => {
    await inLife({}, async ({ plan, approve: say }) => {
      const made = await plan(person, HIGH);
      expect(ownWords(made)).toContain('no second factor is enrolled');
      expect(await say(made, person)).toBe('approved');
    });
  });

  it('needs the factor once the person has one, or a rule asks for it', async () => {
    await inLife({}, async ({ plan, approve: say, harness }, use) => {
      const enrolled = { ...person, enrolled: true };
      expect(await say(await plan(enrolled, HIGH), enrolled)).toBe('SECOND_FACTOR_REQUIRED');
      use(policyOf({ effect: 'require_approval', obligations: { second_factor: true } }));
      const made = await plan(person, HIGH);
      const needs = async (who: Principal) =>
        (await viewPlan(harness.changes, String(made['plan_id']), who))['approval_needs'];
      expect([await needs(person), await needs(bob)]).toEqual([['factor', 'confirm'], ['factor']]);
      expect(await say(made, person)).toBe('SECOND_FACTOR_REQUIRED');
      // A rule asks everybody, and only the requester to type the hash.
      expect(await say(made, bob)).toBe('SECOND_FACTOR_REQUIRED');
      expect(await say(made, bob, { factor: codeFor(made) })).toBe('approved');
    });
  });
});

describe('a quorum', () => {
  it('is of different persons, with the roles that are asked for', async () => {
    const two = policyOf({ effect: 'require_approval', approvals: 2, roles: ['admin'] });
    await inLife({ policy: two }, async ({ plan, approve: say, apply: run }) => {
      const made = await plan(agent);
      expect(await say(made, cleo)).toBe('awaiting_approval');
      expect(await say(made, cleo)).toBe('awaiting_approval');
      expect(await say(made, { ...cleo, id: 'another token' })).toBe('awaiting_approval');
      expect(await say(made, { ...cleo, id: 'p4', name: 'dan' })).toBe('awaiting_approval');
      expect(await run(made)).toBe('APPROVAL_REQUIRED');
      expect(await say(made, bob)).toBe('approved');
      expect(await run(made)).toBe('applied');
    });
  });

  it('may leave out who asked', async () => {
    const others = policyOf({ effect: 'require_approval', requester_may_approve: false });
    await inLife({ policy: others }, async ({ plan, approve: say }) => {
      const made = await plan();
      expect(await say(made, person)).toBe('APPROVAL_FORBIDDEN');
      expect(await say(made, bob)).toBe('approved');
    });
  });

  it('is counted again by the rules in force when the plan is applied', async () => {
    await inLife(
      { policy: policyOf({ effect: 'require_approval' }) },
      async ({ plan, approve: say, apply: run }, use) => {
        const made = await plan();
        expect(await say(made, bob)).toBe('approved');
        use(policyOf({ effect: 'require_approval', approvals: 2 }));
        expect(await run(made)).toBe('APPROVAL_REQUIRED');
        expect(await say(made, cleo)).toBe('approved');
        use(policyOf({ effect: 'deny' }));
        expect(await run(made)).toBe('POLICY_DENIED');
        use(policyOf({ effect: 'require_approval', approvals: 2 }));
        expect(await run(made)).toBe('applied');
      },
    );
  });
});

describe('obligations', () => {
  it('of a time to cool down hold for the approval and the apply, and the plan lives as much longer', async () => {
    const slow = policyOf({ effect: 'require_approval', obligations: { cool_down: 30 } });
    await inLife({ policy: slow }, async ({ plan, approve: say, apply: run, pass }) => {
      const made = await plan();
      const lives = Date.parse(String(made['expires_at'])) - Date.parse(String(made['created_at']));
      expect(lives).toBe(90 * 60_000);
      expect(await say(made, bob)).toBe('OBLIGATION_UNMET');
      pass(30 * 60_000);
      expect(await say(made, bob)).toBe('approved');
      expect(await run(made)).toBe('applied');
    });
    await inLife({ policy: policyOf({ effect: 'allow', obligations: { cool_down: 5 } }) }, async (life) => {
      const made = await life.plan();
      expect(await life.apply(made)).toBe('OBLIGATION_UNMET');
      life.pass(5 * 60_000);
      expect(await life.apply(made)).toBe('applied');
    });
  });

  it('of a window wait for one, and the plan lives until it opens', async () => {
    let state: WindowState = { open: false, why: 'no window is open', next: Date.UTC(2026, 10, 21, 1) };
    const policy = policyOf({ effect: 'allow', obligations: { window: true } });
    await inLife({ policy, window: () => state }, async ({ plan, apply: run, pass }) => {
      const made = await plan();
      expect(made['expires_at']).toBe('2026-11-21T02:00:00.000Z');
      expect(await run(made)).toBe('OBLIGATION_UNMET');
      pass(16 * 3_600_000);
      state = { open: true, why: 'Saturday night', next: null };
      expect(await run(made)).toBe('applied');
    });
  });

  it('that the plan itself breaks deny it, and say how to meet them', async () => {
    const policy = policyOf({ effect: 'require_approval', obligations: { snapshot_first: true } });
    await inLife({ policy }, async ({ plan, harness }) => {
      const bare = await plan();
      expect(bare['state']).toBe('denied');
      expect(JSON.stringify(bare['decision'])).toContain('POST /v1/plans');
      const on = { environment: 'home', target: 'vm/301' };
      const actions = [
        { ...on, id: 'snap', action: 'snapshot.create', params: { name: 'before' } },
        { ...on, id: 'start', action: 'vm.start', after: ['snap'] },
      ];
      expect((await harness.plan({ actions }))['state']).toBe('awaiting_approval');
      expect(await harness.changes.store.db.selectFrom('approvals').select('plan_id').execute()).toEqual([]);
    });
    await inLife({ policy: policyOf({ effect: 'allow', obligations: { post_review: true } }) }, async ({ plan }) => {
      expect((await plan())['state']).toBe('denied');
      expect((await plan(person, { ...START, change_id: 'CC-001' }))['state']).toBe('approved');
    });
  });
});

describe('what rules read', () => {
  const FINISHED = policyOf(
    { when: 'change != null && change.status == "approved"' },
    { when: 'change == null', effect: 'deny' },
  );

  it('of a change record is looked up again when the plan is applied', async () => {
    await inLife({ policy: FINISHED }, async ({ plan, apply: run, harness }, use) => {
      let status = 'approved';
      const changeFacts = (id: string) =>
        Promise.resolve(id === 'CC-001' ? { id, category: 'normal', status, risk: 'low' } : undefined);
      Object.assign(harness.changes, { changeFacts });
      expect((await plan())['state']).toBe('denied');
      const made = await plan(person, { ...START, change_id: 'CC-001' });
      expect(made).toMatchObject({ state: 'approved', facts: { change: { status: 'approved' } } });
      status = 'rejected';
      use(policyOf({ when: 'change.status == "rejected"', effect: 'deny' }));
      expect(await run(made)).toBe('POLICY_DENIED');
      status = 'approved';
      expect(await run(made)).toBe('applied');
    });
  });

  it('of a plan that an earlier version made is what its targets tell', async () => {
    const policy = policyOf({ when: 'target.vmid == 301 && target.status == "unknown"', effect: 'deny' });
    await inLife({}, async ({ plan, apply: run, harness }, use) => {
      const made = await plan();
      const plan_id = String(made['plan_id']);
      const { facts: _, ...body } = (await getPlan(harness.store, plan_id)).body;
      await harness.store.commit((trx) => updatePlan(trx, { plan_id }, { body }));
      use(policy);
      expect(await run(made)).toBe('POLICY_DENIED');
      use(baseline);
      expect(await run(made)).toBe('applied');
    });
  });

  it('of backups is read from the lab only when a rule asks for it', async () => {
    const asks = policyOf({ when: 'target.last_backup_age_hours == null', effect: 'deny' });
    const wants = new Set(['target.last_backup_age_hours']);
    await inLife({}, async ({ plan, harness }, use) => {
      const reads: string[] = [];
      const { api } = harness.changes.estate.get('home');
      const get = api.get.bind(api);
      Object.assign(api, {
        get: (path: string, params?: Record<string, string>) => {
          if (path.includes('/content')) reads.push(`${path} ${params?.['content']} ${params?.['vmid']}`);
          return get(path, params);
        },
      });
      await plan();
      expect(reads).toEqual([]);
      Object.assign(harness.changes, { policy: { ...asks, wants } });
      use(asks);
      expect((await plan())['state']).toBe('denied');
      expect(reads.sort()).toEqual([
        '/nodes/pve4/storage/local/content backup 301',
        '/nodes/pve4/storage/nas/content backup 301',
      ]);
    });
  });
});

describe('an approval', () => {
  it('is for one plan as it stands: the same plan made again is approved again', async () => {
    await inLife({ production: true }, async ({ plan, approve: say, harness }) => {
      const [first, second] = [await plan(), await plan()];
      expect(second['plan_hash']).toBe(first['plan_hash']);
      expect(await say(first, bob)).toBe('approved');
      const state = await harness.store.db
        .selectFrom('plans')
        .select('state')
        .where('plan_id', '=', String(second['plan_id']))
        .executeTakeFirst();
      expect(state).toEqual({ state: 'awaiting_approval' });
      const other = await plan(person, { action: 'vm.start', target: 'vm/302' });
      expect(await say({ ...other, plan_hash: first['plan_hash'] }, bob)).toBe('PLAN_HASH_MISMATCH');
    });
  });

  it('is bound to the decision: under other rules the same request is another plan', async () => {
    await inLife({ policy: policyOf({ effect: 'require_approval' }) }, async ({ plan }, use) => {
      const first = await plan();
      use(policyOf({ effect: 'require_approval', approvals: 2 }));
      const second = await plan();
      expect(second['request_hash']).toBe(first['request_hash']);
      expect(second['plan_hash']).not.toBe(first['plan_hash']);
    });
  });
});
