import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ACTIONS, findAction, parseParams } from '../../actions/index.ts';
import { Secret } from '../../kernel/secret.ts';
import { celParams, paramsShape, readableParams, type ParamsShape } from './params.ts';
import { compileExpression } from './cel.ts';
import { readExamples, runExamples } from './examples.ts';
import { readRules } from './read.ts';

const file = (when: string, actions = 'actions: [vm.configure]'): string =>
  `rules:\n  - id: one\n    description: A rule\n    ${actions}\n    when: ${when}\n    effect: deny\n    why: because\n`;
const said = async (when: string, actions?: string): Promise<string> =>
  readRules([{ name: 'a.yaml', text: file(when, actions) }]).then(
    () => 'accepted',
    (error: Error) => error.message,
  );

describe('parameters of an action', () => {
  it('are typed by its schema, without its secrets', () => {
    expect(paramsShape(findAction('vm.configure'))).toMatchObject({
      cores: 'int',
      onboot: 'bool',
      tags: 'list<string>',
    });
    const shape = paramsShape(findAction('vm.create_from_template'));
    expect(shape['disk']).toEqual({ slot: 'string', size: 'string' });
    expect(shape['cloudinit']).toMatchObject({ user: 'string', ipconfig: 'map<string, dyn>' });
    expect(shape['cloudinit']).not.toHaveProperty('password');
  });

  it.each(ACTIONS.map((action) => [action.name, action] as const))('of %s can all be read', (name, action) => {
    const params = readableParams(action, parseParams(action, action.docs.example.params ?? {}));
    for (const path of paths(paramsShape(action))) {
      // Groups are not compared with each other; what is in them is.
      const same = typeof at(paramsShape(action), path) === 'string' ? `params.${path} == params.${path}` : 'true';
      const text = `${parents(path)}has(params.${path}) && ${same}`;
      const typed = { params: celParams(action, params) };
      expect(compileExpression(text, [name]).evaluate(typed), text).toBe(at(params, path) !== undefined);
    }
  });

  it('leave secrets out, wherever they are', () => {
    const action = findAction('vm.cloudinit.configure');
    const params = parseParams(action, { user: 'ana', password: 'planted-4711' });
    expect(readableParams(action, params)).toEqual({ user: 'ana' });
    fc.assert(
      fc.property(fc.object({ withNullPrototype: false }), (anything) => {
        const hidden = { ...anything, ipconfig: { net0: [new Secret('planted-4711'), anything] } };
        const kept = JSON.stringify(readableParams(action, hidden));
        expect(kept).not.toMatch(/planted-4711|redacted/);
      }),
    );
  });
});

const paths = (shape: ParamsShape, of = ''): string[] =>
  Object.entries(shape).flatMap(([name, type]) =>
    typeof type === 'string' ? [`${of}${name}`] : [`${of}${name}`, ...paths(type, `${of}${name}.`)],
  );
/** What has to be there before a field of it can be asked for. */
const parents = (path: string): string => {
  const [first, ...rest] = path.split('.');
  return rest.length === 0 ? '' : `has(params.${first}) && `;
};
const at = (value: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((one, name) => (one as Record<string, unknown> | undefined)?.[name], value);

describe('a rule that reads parameters', () => {
  it.each([
    ['params.cores > 8', 'accepted'],
    ['params["cores"] > 8', 'accepted'],
    ['has(params.tags) && "web" in params.tags', 'accepted'],
    ['params.coers > 8', 'a.yaml:5:18: when: there is no field "coers"'],
    ['params["coers"] > 8', 'a.yaml:5:11: when: there is no field "coers"'],
    ['has(params.coers)', 'a.yaml:5:22: when: there is no field "coers"'],
    ['has(params["cores"])', 'a.yaml:5:15: when: has() takes a field, as in has(params.cores)'],
    ['has(target.tga)', 'a.yaml:5:22: when: there is no field "tga"'],
    ['params.cores > "8"', 'a.yaml:5:11: when: no such overload: int > string'],
    ['params.tags == "web"', 'a.yaml:5:11: when: no such overload: list<string> == string'],
  ])('%s: %s', async (when, words) => {
    expect(await said(when)).toContain(words);
  });

  it('names the actions, which there have to be', async () => {
    expect(await said('params.cores > 8', 'environments: [home]')).toContain(
      'a.yaml:5:11: when: params are those of an action: name it, as in `actions: [vm.configure]`',
    );
    expect(await said('"true"', 'actions: [vm.start, vm.strat]')).toContain(
      'a.yaml:4:25: 1: there is no action vm.strat; did you mean vm.start?',
    );
  });

  it('of several actions reads what all of them have', async () => {
    const both = 'actions: [vm.configure, vm.create_from_template]';
    expect(await said('params.cores > 8', both)).toBe('accepted');
    expect(await said('params.sockets > 8', both)).toContain('there is no field "sockets"');
  });

  it('never reads a secret', async () => {
    const actions = 'actions: [vm.cloudinit.configure]';
    for (const when of ['params.password == "x"', 'has(params.password)', 'params["password"] == "x"'])
      expect(await said(when, actions)).toMatch(
        /a\.yaml:5:\d+: when: there is no field "password": it is a secret of vm\.cloudinit\.configure/,
      );
    const rules = await readRules([{ name: 'a.yaml', text: file('dyn(params)["pass" + "word"] == "x"', actions) }]);
    const [result] = runExamples(
      rules,
      examples('{ action: vm.cloudinit.configure, params: { password: x }, environment: {} }'),
    );
    expect(result?.rules).toMatchObject([
      { id: 'one', why: expect.stringContaining('could not be evaluated') as string },
    ]);
  });

  it('is asked about each request with that request’s parameters, and not about other actions', async () => {
    const rules = await readRules([{ name: 'a.yaml', text: file('has(params.cores) && params.cores > 8') }]);
    const outcome = (...cores: readonly number[]): string | undefined => {
      const actions = cores.map((n, index) => `{ id: a${index}, action: vm.configure, params: { cores: ${n} } }`);
      return runExamples(rules, examples(`{ actions: [{ id: s, action: vm.start }, ${actions.join(', ')}] }`))[0]
        ?.outcome;
    };
    expect(outcome(2, 4)).toBe('allow');
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 16 }), { minLength: 1, maxLength: 5 }), (cores) => {
        expect(outcome(...cores)).toBe(cores.some((n) => n > 8) ? 'deny' : 'allow');
      }),
    );
  });

  it('that asks for one that was not given, or for a size that is none, denies', async () => {
    const reads = await readRules([{ name: 'a.yaml', text: file('params.cores > 8') }]);
    expect(runExamples(reads, examples('{ action: vm.configure }'))[0]?.outcome).toBe('deny');
    const sizes = await readRules([
      { name: 'a.yaml', text: file('gib(params.size) > 100.0', 'actions: [disk.resize]') },
    ]);
    const resize = (size: string): string | undefined =>
      runExamples(sizes, examples(`{ action: disk.resize, params: { size: "${size}" } }`))[0]?.outcome;
    expect([resize('100G'), resize('101G'), resize('1T'), resize('+10G')]).toEqual(['allow', 'deny', 'deny', 'deny']);
  });
});

const examples = (input: string) =>
  readExamples('x.yaml', `tests: [{ name: x, input: ${input}, expect: { outcome: allow } }]`);

it('an example with parameters that the action does not take says which', async () => {
  const rules = await readRules([{ name: 'a.yaml', text: file('"true"') }]);
  const differences = (input: string) => runExamples(rules, examples(input))[0]?.differences[0];
  expect(differences('{ action: vm.configure, params: { coers: 4 } }')).toContain(
    'params.coers is not known here; did you mean cores?',
  );
  expect(differences('{ action: vm.configure, params: { cores: many } }')).toContain('params.cores ');
});

describe('the rules in docs/policy.md', () => {
  const text = readFileSync(join(import.meta.dirname, '../../../docs/policy.md'), 'utf8');
  const blocks = [...text.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, block]) => block ?? '');
  const rules = blocks.filter((block) => /^rules:/m.test(block));
  const tests = blocks.filter((block) => block.startsWith('tests:'));

  it('can be read, and come out as the examples there say', async () => {
    const set = await readRules(rules.map((block, index) => ({ name: `${index}.yaml`, text: block })));
    const results = tests.flatMap((block) => runExamples(set, readExamples('docs/policy.md', block)));
    expect(results.flatMap(({ name, differences }) => differences.map((one) => `${name}: ${one}`))).toEqual([]);
    const decided = new Set(results.flatMap((result) => result.rules.map(({ id }) => id)));
    expect(set.rules.map(({ id }) => id).filter((id) => !decided.has(id))).toEqual([]);
  });
});
