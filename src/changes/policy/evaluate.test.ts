import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ACTIONS, findAction } from '../../actions/index.ts';
import type { PreparedRequest } from '../../operations/index.ts';
import type { Decision } from '../plan.ts';
import { baseline, decide } from './baseline.ts';
import { judgeBy } from './evaluate.ts';
import * as cel from './cel.ts';
import { noRules, ruleSchema, ruleSetBy, type Rule } from './rules.ts';
import { unknownTarget, wallClock } from './scope.ts';
import type { PolicyInput, TargetFacts } from './types.ts';

const rule = (id: string, fields: object): Rule =>
  ruleSchema.parse({ id, description: id, when: 'true', effect: 'allow', why: `${id} says so`, ...fields });

const request = (name: string, vmid = 101): PreparedRequest => ({
  id: `${name}-${vmid}`,
  action: findAction(name),
  input: { target: { kind: 'vm', id: `${vmid}`, text: `vm/${vmid}`, vmid, node: 'pve1' }, params: {}, newid: 0 },
  after: [],
});

interface Given {
  readonly requests?: readonly PreparedRequest[];
  readonly production?: boolean;
  readonly kind?: 'human' | 'service' | 'agent';
  readonly level?: 'low' | 'medium' | 'high';
  readonly strictness?: 'relaxed' | 'standard' | 'strict';
  readonly target?: Partial<TargetFacts>;
  readonly at?: number;
  readonly change?: boolean;
  /** Of every request. */
  readonly params?: Readonly<Record<string, unknown>>;
}

function input(given: Given = {}): PolicyInput {
  const {
    requests = [request('vm.start')],
    production = false,
    kind = 'human',
    level,
    strictness = 'standard',
  } = given;
  const base = requests.some(({ action }) => action.risk.base === 'high')
    ? 'high'
    : requests.every(({ action }) => action.risk.base === 'low')
      ? 'low'
      : 'medium';
  const targets = Object.fromEntries(
    requests.map(({ input: { target } }) => [target.text, { ...unknownTarget(target), ...given.target }]),
  );
  return {
    principal: { id: 'p', name: 'ana', class: kind, role: 'operator', method: 'token' },
    environment: { name: 'home', production, strictness },
    requests,
    risk: { level: level ?? (production && base !== 'low' ? 'high' : base), base, why: 'it is so', raises: [] },
    at: given.at ?? Date.UTC(2026, 10, 20, 12),
    facts: {
      targets,
      ...(given.params === undefined
        ? {}
        : { params: Object.fromEntries(requests.map(({ id }) => [id, given.params as Record<string, unknown>])) }),
      change: given.change === true ? { id: 'CC-001', category: 'normal', status: 'approved', risk: 'low' } : null,
      blast_radius: { guests: ['vm/101'], services: [], nodes: ['pve1'], score: 7 },
      rehearsal: { result: 'pass', steps: 1, irreversible: 0, seconds: 3 },
    },
    change_id: given.change === true ? 'CC-001' : null,
  };
}

const judged = (rules: readonly Rule[], given: Given = {}, zone = 'UTC'): Decision =>
  judgeBy(ruleSetBy(cel, rules), input(given), wallClock(zone)).decision;

it('no rules are the same with and without the library', () => {
  const { celScope: _, ...bare } = noRules();
  expect(ruleSetBy(cel, [])).toMatchObject(bare);
});

const ids = ({ rules }: Decision): string[] => rules.map(({ id }) => id);

describe('rules', () => {
  it('that match nothing leave the decision to the baseline', () => {
    for (const production of [false, true])
      for (const kind of ['human', 'agent'] as const) {
        const { policy, ...decision } = judged([rule('a', { when: 'false', effect: 'deny' })], { production, kind });
        expect(decision).toEqual(baseline.evaluate(input({ production, kind })));
        expect(policy).toMatch(/^[0-9a-f]{64}$/);
      }
  });

  it('deny before they ask, and ask before they allow', () => {
    const [allow, ask, deny] = (['allow', 'require_approval', 'deny'] as const).map((effect) =>
      rule(effect, { effect }),
    );
    expect(judged([allow as Rule])).toMatchObject({ outcome: 'allow', rules: [{ id: 'allow' }] });
    expect(judged([allow, ask] as Rule[])).toMatchObject({ outcome: 'require_approval', approvals_required: 1 });
    expect(judged([allow, ask, deny] as Rule[])).toMatchObject({ outcome: 'deny', rules: [{ id: 'deny' }] });
  });

  it('do not weaken the baseline in production, but by its name', () => {
    const plain = rule('a', {});
    expect(judged([plain], { production: true })).toMatchObject({
      outcome: 'require_approval',
      rules: [{ id: 'baseline.high' }, { id: 'baseline.production' }],
    });
    const half = rule('a', { overrides_baseline: true, overrides: ['baseline.high'] });
    expect(ids(judged([half], { production: true }))).toEqual(['a', 'baseline.production']);
    const whole = rule('a', { overrides_baseline: true, overrides: ['baseline.high', 'baseline.production'] });
    expect(judged([whole], { production: true })).toMatchObject({
      outcome: 'allow',
      rules: [{ id: 'a', why: 'a says so (in place of baseline.high, baseline.production)' }],
    });
    expect(judged([whole], { production: true, kind: 'agent' }).outcome).toBe('require_approval');
    // Where it stands in the place of nothing, it does not say so.
    expect(judged([whole]).rules).toEqual([{ id: 'a', effect: 'allow', why: 'a says so' }]);
  });

  it('do not weaken a strict environment either', () => {
    const asks = rule('a', { effect: 'require_approval' });
    for (const rules of [[rule('a', {})], [asks]])
      expect(judged(rules, { strictness: 'strict' })).toMatchObject({
        outcome: 'require_approval',
        obligations: [{ obligation: 'other_approver', rules: ['baseline.strict'] }],
      });
  });

  it('that allow one action of a plan do not allow the others', () => {
    const starts = rule('a', { when: 'action.name == "vm.start"' });
    const requests = [request('vm.start'), request('vm.stop', 102)];
    expect(judged([starts], { requests })).toMatchObject({ outcome: 'require_approval' });
    expect(judged([starts], { requests: requests.slice(0, 1) }).outcome).toBe('allow');
  });

  it('see each action with its own target', () => {
    const stops = rule('a', { effect: 'deny', when: 'action.name == "vm.stop" && target.vmid == 102' });
    expect(judged([stops], { requests: [request('vm.start', 102), request('vm.stop', 101)] }).outcome).not.toBe('deny');
    expect(judged([stops], { requests: [request('vm.start', 101), request('vm.stop', 102)] }).outcome).toBe('deny');
  });

  it('ask for the strictest of everything together', () => {
    const decision = judged([
      rule('a', { effect: 'require_approval', approvals: 2, roles: ['approver'], obligations: { cool_down: 5 } }),
      rule('b', { effect: 'require_approval', approvals: 3, roles: ['admin'], requester_may_approve: false }),
      rule('c', { obligations: { window: true, cool_down: 10 } }),
    ]);
    expect(decision).toMatchObject({ outcome: 'require_approval', approvals_required: 3 });
    expect(decision.obligations).toMatchObject([
      { obligation: 'roles', roles: ['admin', 'approver'], rules: ['a', 'b'] },
      { obligation: 'other_approver', rules: ['b'] },
      { obligation: 'cool_down', minutes: 10, rules: ['a', 'c'] },
      { obligation: 'window', rules: ['c'] },
    ]);
    expect(ids(decision)).toEqual(['a', 'b', 'c']);
  });

  it('that cannot be evaluated deny, and say so', () => {
    const decision = judged([rule('a', { when: 'change.category == "standard"' }), rule('b', {})]);
    expect(decision).toMatchObject({ outcome: 'deny', rules: [{ id: 'a', effect: 'deny' }] });
    expect(decision.rules[0]?.why).toMatch(/could not be evaluated .* which denies/);
    expect(judged([rule('a', { when: 'change.category == "normal"' })], { change: true }).outcome).toBe('allow');
    expect(judged([rule('a', { when: 'target.last_backup_age_hours > 24' })]).outcome).toBe('deny');
  });

  it('read the time on the wall of the lab, whatever the season', () => {
    const night = [rule('a', { effect: 'deny', when: 'time.hour >= 22 || time.hour < 6' })];
    const at = (iso: string, zone: string): string => judged(night, { at: Date.parse(iso) }, zone).outcome;
    expect(at('2026-07-01T20:00:00Z', 'Europe/Vienna')).toBe('deny');
    expect(at('2026-07-01T20:00:00Z', 'UTC')).toBe('allow');
    expect(at('2026-12-01T20:00:00Z', 'Europe/Vienna')).toBe('allow');
    expect(at('2026-12-01T21:00:00Z', 'Europe/Vienna')).toBe('deny');
    const saturday = rule('a', { effect: 'deny', when: 'time.weekday == "saturday" && time.date == "2026-11-21"' });
    expect(judged([saturday], { at: Date.parse('2026-11-20T12:00:00Z') }, 'Pacific/Kiritimati').outcome).toBe('deny');
    expect(judged([saturday], { at: Date.parse('2026-11-20T12:00:00Z') }, 'UTC').outcome).toBe('allow');
  });

  it('of other environments are not asked', () => {
    expect(judged([rule('a', { effect: 'deny', environments: ['work'] })]).outcome).toBe('allow');
    expect(judged([rule('a', { effect: 'deny', environments: ['home'] })]).outcome).toBe('deny');
  });

  it('without the facts of a plan deny', () => {
    const { facts: _, ...bare } = input();
    const policy = { evaluate: (one: PolicyInput) => judgeBy(noRules(), one, wallClock('UTC')).decision };
    expect(decide(policy, bare)).toMatchObject({ outcome: 'deny', rules: [{ id: 'policy.failed' }] });
  });
});

describe('strictness', () => {
  it.each([
    ['relaxed', 'human', 'vm.start', 'high', 'allow', ['baseline.medium']],
    ['relaxed', 'human', 'vm.delete', 'high', 'require_approval', ['baseline.high']],
    ['relaxed', 'human', 'vm.stop', 'medium', 'require_approval', ['baseline.vm.stop']],
    ['relaxed', 'agent', 'vm.start', 'medium', 'require_approval', ['baseline.agent']],
    ['standard', 'human', 'vm.start', 'high', 'require_approval', ['baseline.high']],
    ['strict', 'human', 'vm.start', 'medium', 'require_approval', ['baseline.strict']],
    ['strict', 'human', 'vm.read', 'low', 'allow', ['baseline.read']],
  ] as const)('%s: a %s with %s of %s risk', (strictness, kind, action, level, outcome, rules) => {
    const decision = baseline.evaluate(input({ strictness, kind, level, requests: [request(action)] }));
    expect({ outcome: decision.outcome, rules: ids(decision) }).toEqual({ outcome, rules });
    const others = decision.obligations.map(({ obligation }) => obligation);
    expect(others).toEqual(strictness === 'strict' && outcome !== 'allow' ? ['other_approver'] : []);
  });
});

const CONDITIONS = [
  'true',
  'false',
  'principal.class == "agent"',
  'environment.production',
  'action.risk == "high"',
  'action.domain == "snapshot" || target.tier == 1',
  '"web" in target.tags',
  'time.hour < 6',
  'change != null && change.category == "normal"',
  'change.category == "normal"',
  'target.last_backup_age_hours == null',
  'target.last_backup_age_hours > 24',
  'actions.exists(a, a.name == "vm.delete")',
  'size(blast_radius.guests) > 0 && blast_radius.score > 5',
  '1 / rehearsal.irreversible == 1',
];
/** These read parameters, so they name the action. */
const OF_PARAMS = ['params.cores > 8', 'has(params.cores) && params.cores > 8', '!has(params.memory)'];
const anyRule = fc
  .record({
    of: fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...CONDITIONS).map((when) => ({ when })) },
      { weight: 1, arbitrary: fc.constantFrom(...OF_PARAMS).map((when) => ({ when, actions: ['vm.configure'] })) },
    ),
    effect: fc.constantFrom('allow', 'require_approval', 'deny'),
    approvals: fc.integer({ min: 1, max: 4 }),
    cool_down: fc.constantFrom(0, 0, 5),
    snapshot_first: fc.boolean(),
    overrides: fc.boolean(),
  })
  .map(({ of, effect, approvals, cool_down, snapshot_first, overrides }) => ({
    ...of,
    effect,
    ...(effect === 'require_approval' ? { approvals } : {}),
    ...(effect === 'deny' ? {} : { obligations: { cool_down, snapshot_first } }),
    ...(effect === 'allow' && overrides
      ? { overrides_baseline: true, overrides: ['baseline.high', 'baseline.production'] }
      : {}),
  }));
const anyRules = fc
  .array(anyRule, { maxLength: 8 })
  .map((all) => all.map((fields, index) => rule(`r${index}`, fields)));
const anyGiven: fc.Arbitrary<Given> = fc.record({
  requests: fc.uniqueArray(
    fc
      .tuple(fc.constantFrom(...ACTIONS.map(({ name }) => name)), fc.integer({ min: 100, max: 103 }))
      .map(([name, vmid]) => request(name, vmid)),
    { minLength: 1, maxLength: 3, selector: ({ id }) => id },
  ),
  production: fc.boolean(),
  kind: fc.constantFrom('human', 'service', 'agent'),
  target: fc.record({
    tags: fc.subarray(['web', 'tier-1']),
    tier: fc.integer({ min: 0, max: 3 }),
    last_backup_age_hours: fc.option(fc.double({ min: 0, max: 100, noNaN: true }), { nil: null }),
  }),
  at: fc.integer({ min: 0, max: 4e12 }),
  change: fc.boolean(),
  params: fc.constantFrom(undefined, {}, { cores: 4 }, { cores: 16, memory: 512 }),
}) as fc.Arbitrary<Given>;
const ORDER = ['allow', 'require_approval', 'deny'];

describe('whatever the rules and the plan', () => {
  it('there is a decision, the same each time, and it says why', () => {
    fc.assert(
      fc.property(anyRules, anyGiven, (rules, given) => {
        const decision = judged(rules, given);
        expect(judged(rules, given)).toEqual(decision);
        expect(ORDER).toContain(decision.outcome);
        expect(decision.rules.length).toBeGreaterThan(0);
        expect(decision.approvals_required > 0).toBe(decision.outcome === 'require_approval');
      }),
      { numRuns: 500 },
    );
  });

  it('a rule that denies and applies beats all others', () => {
    fc.assert(
      fc.property(anyRules, anyGiven, (rules, given) => {
        expect(judged([...rules, rule('last', { effect: 'deny' })], given).outcome).toBe('deny');
      }),
    );
  });

  it('one more rule that denies, or asks, never allows more', () => {
    fc.assert(
      fc.property(anyRules, anyRule, anyGiven, (rules, fields, given) => {
        fc.pre(fields.effect !== 'allow');
        const [less, more] = [judged(rules, given), judged([...rules, rule('more', fields)], given)];
        const none = judged([], given);
        // Without any other rule that applies, the baseline stops deciding outside production.
        const before = ORDER.indexOf(less.outcome);
        const after = ORDER.indexOf(more.outcome);
        expect(after, `${less.outcome} then ${more.outcome}, baseline ${none.outcome}`).toBeGreaterThanOrEqual(before);
      }),
      { numRuns: 500 },
    );
  });

  it('the order of the rules means nothing', () => {
    const shuffled = anyRules.chain((rules) =>
      fc.tuple(fc.constant(rules), fc.shuffledSubarray(rules, { minLength: rules.length })),
    );
    fc.assert(
      fc.property(shuffled, anyGiven, ([rules, others], given) => {
        expect(judged(others, given)).toEqual(judged(rules, given));
      }),
    );
  });

  it('in production nothing is looser than the baseline without a rule that overrides it', () => {
    fc.assert(
      fc.property(anyRules, anyGiven, (rules, given) => {
        const mild = rules.filter(({ overrides }) => overrides === undefined);
        const [own, base] = [judged(mild, { ...given, production: true }), judged([], { ...given, production: true })];
        expect(ORDER.indexOf(own.outcome)).toBeGreaterThanOrEqual(ORDER.indexOf(base.outcome));
        if (own.outcome === 'require_approval')
          expect(own.approvals_required).toBeGreaterThanOrEqual(base.approvals_required);
      }),
    );
  });
});
