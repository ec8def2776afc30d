import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readExamples, runExamples } from './examples.ts';
import { policyFiles, readRules } from './read.ts';

const FOLDER = join(import.meta.dirname, '../../../docs/policy');
const shipped = await readRules(policyFiles(FOLDER));
const files = readdirSync(FOLDER).filter((name) => name.endsWith('.test.yaml'));
const read = (name: string) => readExamples(name, readFileSync(join(FOLDER, name), 'utf8'));

describe('the shipped rules', () => {
  it.each(files.flatMap((file) => read(file).map((example) => [`${file}: ${example.name}`, example] as const)))(
    '%s',
    (_name, example) => {
      expect(runExamples(shipped, [example])[0]?.differences).toEqual([]);
    },
  );

  it('are each decided on by some example', () => {
    const decided = new Set(
      files.flatMap((file) => runExamples(shipped, read(file)).flatMap(({ rules }) => rules.map(({ id }) => id))),
    );
    // Its denial for want of a snapshot or a record stands for the rule there.
    const missing = shipped.rules.filter(({ id }) => !decided.has(id)).map(({ id }) => id);
    expect(missing).toEqual([]);
  });
});

describe('an example', () => {
  const tests = (input: string, expected: string) =>
    readExamples('x.yaml', `tests: [{ name: x, input: ${input}, expect: ${expected} }]`);

  it('that comes out otherwise says how', () => {
    const [result] = runExamples(
      shipped,
      tests('{ action: vm.start }', '{ outcome: deny, approvals: 1, obligations: [window], rules: [a] }'),
    );
    expect(result).toMatchObject({
      passed: false,
      differences: [
        'outcome: expected deny, got allow',
        'approvals: expected 1, got 0',
        'obligations: expected window, got none',
        'rules: expected a, got standard.start',
      ],
    });
  });

  it('of an action that there is not fails and names it', () => {
    const [result] = runExamples(shipped, tests('{ action: vm.strat }', '{ outcome: allow }'));
    expect(result?.differences[0]).toContain('There is no action "vm.strat"; did you mean vm.start?');
  });

  it.each([
    ['{ acton: vm.start }', '{ outcome: allow }', 'tests.0.input.acton'],
    ['{ action: vm.start, target: { tag: [a] } }', '{ outcome: allow }', 'tests.0.input.target.tag'],
    ['{ action: vm.start, time: noon }', '{ outcome: allow }', 'time: must be such as'],
    ['{ action: vm.start }', '{ outcome: maybe }', 'tests.0.expect.outcome'],
  ])('with %s expecting %s is refused', (input, expected, words) => {
    expect(() => tests(input, expected)).toThrow(
      expect.objectContaining({ code: 'VALIDATION_FAILED', message: expect.stringContaining(words) as string }),
    );
  });
});
