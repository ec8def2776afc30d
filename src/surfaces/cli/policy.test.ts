import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { refuse, run, ScriptedServer, temporaryFolder, type RunOptions } from './testing.ts';
import { HASH, PLAN_ID, samplePlan } from './testing_plan.ts';

const RULES = `rules:
  - id: night
    description: No deletes at night
    when: action.name.endsWith(".delete") && time.hour < 6
    effect: deny
    why: nothing is deleted at night
`;
const TESTS = `tests:
  - { name: at three, input: { action: vm.delete, time: '2026-01-01T03:00' }, expect: { outcome: deny } }
  - { name: at noon, input: { action: vm.delete }, expect: { outcome: require_approval } }
`;

let server: ScriptedServer;
let folder: ReturnType<typeof temporaryFolder>;
const write = (name: string, text: string): string => {
  const path = join(folder.path, name);
  writeFileSync(path, text);
  return path;
};

beforeEach(async () => {
  folder = temporaryFolder();
  server = await new ScriptedServer({}).start();
});
afterEach(async () => {
  await server.kill();
  folder.end();
});
const pxa = (argv: string[], options: RunOptions = {}) => run(argv, { server, ...options });

test('policy check reads the rules of this machine and says what is wrong where', async () => {
  const good = await pxa(['policy', 'check', write('good.yaml', RULES)]);
  expect(good).toMatchObject({
    exit: 0,
    out: expect.stringMatching(/^1 rules, nothing wrong\. Version [0-9a-f]{12}\.\n$/) as string,
  });
  const bad = await pxa(['policy', 'check', write('bad.yaml', RULES.replace('time.hour', 'time.hours'))]);
  expect(bad.exit).toBe(2);
  expect(bad.err).toContain('bad.yaml:4:51: when: there is no field "hours"');
  expect(server.received).toEqual([]);
});

test('policy test with --policy asks those rules; one that comes out otherwise is exit code 1', async () => {
  const [rules, tests] = [write('rules.yaml', RULES), write('a.test.yaml', TESTS)];
  const good = await pxa(['policy', 'test', '--policy', rules, tests]);
  expect(good).toMatchObject({ exit: 0, out: 'pass  at three\npass  at noon\n\n2 passed, 0 failed\n' });
  const other = write('b.test.yaml', TESTS.replace('require_approval', 'allow'));
  const bad = await pxa(['policy', 'test', '--policy', rules, tests, other]);
  expect(bad.exit).toBe(1);
  expect(bad.out).toContain(
    'FAIL  at noon\n        outcome: expected allow, got require_approval\n        rule baseline.high:',
  );
  expect(bad.out).toMatch(/\n3 passed, 1 failed\n$/);
  const json = JSON.parse((await pxa(['policy', 'test', '--json', '--policy', rules, other])).out) as object;
  expect(json).toMatchObject({ passed: 1, failed: 1 });
  const wrong = await pxa(['policy', 'test', '--policy', rules, write('c.yaml', 'tests: []')]);
  expect(wrong).toMatchObject({ exit: 2, err: expect.stringContaining('c.yaml: tests') as string });
});

test('policy test without it sends the examples to the server', async () => {
  const result = { name: 'at three', passed: true, differences: [], rules: [] };
  server.routes['POST /v1/policy/test'] = () => ({ passed: 1, failed: 0, results: [result] });
  const { exit, out } = await pxa(['policy', 'test', write('a.test.yaml', TESTS)]);
  expect({ exit, out }).toEqual({ exit: 0, out: 'pass  at three\n\n1 passed, 0 failed\n' });
  expect(server.bodies('POST /v1/policy/test')[0]).toMatchObject({
    tests: [{ name: 'at three' }, { name: 'at noon' }],
  });
});

test('policy show lists the rules, the built-in ones and the versions', async () => {
  server.routes['GET /v1/policy'] = () => ({
    hash: HASH,
    time_zone: 'Europe/Vienna',
    rules: [
      { id: 'night', description: 'No deletes at night', effect: 'deny', when: 'time.hour < 6\n  && true', why: 'x' },
    ],
    baseline: [{ id: 'baseline.high', why: 'high risk needs a person' }],
    environments: [{ name: 'home', production: true, strictness: 'strict' }],
    versions: [{ version: 1, hash: HASH, at: '2026-01-01T00:00:00Z', by: { id: 'u', name: 'ada', class: 'human' } }],
  });
  const { exit, out } = await pxa(['policy', 'show']);
  expect(exit).toBe(0);
  expect(out).toContain('Policy 5f5f5f5f5f5f  1 rule, times in Europe/Vienna\n');
  expect(out).toContain('  night  deny: No deletes at night\n      when time.hour < 6 && true\n');
  expect(out).toContain('  home: strict, in production\n');
  expect(out).toMatch(/5f5f5f5f5f5f {2}.* by ada/);
});

test('policy explain says in words why, with what each rule read', async () => {
  server.routes[`GET /v1/plans/${PLAN_ID}/explain`] = () => ({
    plan_id: PLAN_ID,
    decision: {
      outcome: 'deny',
      rules: [{ id: 'night', effect: 'deny', why: 'nothing is deleted at night' }],
      obligations: [],
    },
    policy: { hash: HASH, in_force: false, at: '2026-01-01T00:00:00Z' },
    rules: [{ id: 'night', result: 'matched', words: 'night applies to vm/103 (time.hour is 3), so it is denied' }],
    now: { outcome: 'allow', rules: [{ id: 'baseline.medium', why: 'it is medium' }] },
  });
  const { exit, out } = await pxa(['policy', 'explain', PLAN_ID]);
  expect(exit).toBe(0);
  expect(out).toContain('Decision  deny, by policy 5f5f5f5f5f5f at');
  expect(out).toContain('which is not in force any more');
  expect(out).toContain('  + night applies to vm/103 (time.hour is 3), so it is denied\n');
  expect(out).toContain('Asked now  allow\n  it is medium (rule baseline.medium)\n');
});

test('policy reload tells whether something changed, and a refusal with its place', async () => {
  server.routes['POST /v1/policy/reload'] = () => ({ hash: HASH, rules: [], changed: true });
  expect((await pxa(['policy', 'reload'])).out).toBe('Read again: 0 rules, version 5f5f5f5f5f5f.\n');
  server.routes['POST /v1/policy/reload'] = (_, response) => refuse(response, 422, 'POLICY_INVALID', 'a.yaml:1:1: no');
  expect(await pxa(['policy', 'reload'])).toMatchObject({
    exit: 2,
    err: expect.stringContaining('a.yaml:1:1') as string,
  });
});

test('approve sends the factor and the beginning of the hash', async () => {
  server.routes[`POST /v1/plans/${PLAN_ID}/approve`] = () => ({ ...samplePlan, state: 'approved' });
  const { exit } = await pxa(['approve', PLAN_ID, '--hash', HASH, '--factor', '123456', '--confirm', '5f5f5f5f']);
  expect(exit).toBe(0);
  expect(server.bodies(`POST /v1/plans/${PLAN_ID}/approve`)).toEqual([
    { plan_hash: HASH, factor: '123456', confirm: '5f5f5f5f' },
  ]);
});

test('approve asks on a terminal for what the server asks for, and without one says so', async () => {
  server.routes[`POST /v1/plans/${PLAN_ID}/approve`] = ({ body }, response) =>
    (body as { factor?: string }).factor === undefined
      ? refuse(response, 403, 'SECOND_FACTOR_REQUIRED', 'ana asked for this change', {
          errors: { factor: 'is needed' },
        })
      : { ...samplePlan, state: 'approved' };
  const argv = ['approve', PLAN_ID, '--hash', HASH];
  expect(await pxa(argv)).toMatchObject({ exit: 3, err: expect.stringContaining('SECOND_FACTOR_REQUIRED') as string });
  const asked = await pxa(argv, { tty: true, stdin: '123456\r' });
  expect(asked.exit).toBe(0);
  expect(server.bodies(`POST /v1/plans/${PLAN_ID}/approve`).at(-1)).toEqual({ plan_hash: HASH, factor: '123456' });
});

test('a plan shows its obligations, what depends on it and what kind of change it is, in words', async () => {
  server.routes[`GET /v1/plans/${PLAN_ID}`] = () => ({
    ...samplePlan,
    decision: {
      ...samplePlan.decision,
      obligations: [{ obligation: 'window', text: 'an open change window when it is applied', rules: ['r'] }],
    },
    blast_radius: {
      ...samplePlan.blast_radius,
      parts: [{ part: 'service of tier 1', count: 1, points: 25 }],
      dependents: [{ object: 'service/shop', by: 'vm/101', why: 'vm/101 carries it (tag svc-shop)' }],
      unread: ['/cluster/backup: Permission check failed'],
    },
    change_category: { proposed: 'normal', why: 'the risk is high' },
  });
  const { out } = await pxa(['plan', 'show', PLAN_ID]);
  expect(out).toContain('with it: an open change window when it is applied');
  expect(out).toContain('of 100: 1 service of tier 1 (25)');
  expect(out).toContain('service/shop depends on vm/101: vm/101 carries it (tag svc-shop)');
  expect(out).toContain('unknown  what depends on it by /cluster/backup');
  expect(out).toContain('Change   normal: the risk is high');
});
