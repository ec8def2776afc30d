import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAgentError } from '../../kernel/errors.ts';
import { policyFiles, readRules } from './read.ts';
import { ruleSetOf } from './rules.ts';

const RULE = ['id: one', 'description: A rule', 'when: target.kind == "vm"', 'effect: deny', 'why: because'];
/** A file with one rule, whose lines can be replaced or added to; the rule begins on line 2. */
function file(changed: Readonly<Record<string, string>> = {}): string {
  const known = RULE.map((line) => changed[line.split(':')[0] ?? ''] ?? line);
  const more = Object.entries(changed).filter(([name]) => !RULE.some((line) => line.startsWith(`${name}:`)));
  return `rules:\n  - ${[...known, ...more.map(([, line]) => line)].join('\n    ')}\n`;
}

async function refusal(...texts: string[]): Promise<string> {
  try {
    await readRules(
      texts.map((text, index) => ({ name: `${index + 1}.yaml`, text })),
      ['home'],
    );
    return 'accepted';
  } catch (error) {
    if (!isAgentError(error, 'POLICY_INVALID')) throw error;
    return error.message;
  }
}

describe('rules', () => {
  it('are read, checked, and get a hash of what they say', async () => {
    const { rules, hash, text } = await readRules([{ name: 'a.yaml', text: file() }]);
    expect(rules).toMatchObject([{ id: 'one', effect: 'deny', requester_may_approve: true }]);
    expect(rules[0]?.expression.reads).toEqual(['target.kind']);
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(await ruleSetOf(text)).toMatchObject({ hash, text, rules: [{ id: 'one' }] });
  });

  it('have one hash whatever the order of files, rules and fields, and another when a word changes', async () => {
    const two = file({ id: 'id: two' });
    const hash = async (...texts: string[]): Promise<string> =>
      (await readRules(texts.map((text, index) => ({ name: `${index}`, text })))).hash;
    expect(await hash(file(), two)).toBe(await hash(two, file()));
    expect(await hash(`rules:\n  - {${RULE.toReversed().join(', ')}}`)).toBe(await hash(file()));
    expect(await hash(file())).not.toBe(await hash(file({ why: 'why: for another reason' })));
  });

  it.each([
    ['an unknown field', file({ wen: 'wen: true' }), '1.yaml:7:5: wen is not known here; did you mean when?'],
    [
      'a bad effect',
      file({ effect: 'effect: permit' }),
      '1.yaml:5:13: effect: must be allow, require_approval or deny',
    ],
    ['a missing field', file({ why: 'environments: [home]' }), '1.yaml:2:5: why: is missing'],
    ['an id of ours', file({ id: 'id: baseline.high' }), '1.yaml:2:9: id: begins like a built-in rule'],
    ['an unknown environment', file({ e: 'environments: [hame]' }), '1.yaml:7:20: there is no environment hame'],
    ['approvals of a denial', file({ approvals: 'approvals: 2' }), '1.yaml:7:16: approvals: only makes sense with'],
    ['duties of a denial', file({ o: 'obligations: { window: true }' }), '1.yaml:7:18: obligations: cannot be met'],
    [
      'a duty that is none',
      file({ o: 'obligations: { windows: true }' }),
      '1.yaml:7:20: windows is not known here; did you mean window?',
    ],
    [
      'an override without names',
      file({ effect: 'effect: allow', o: 'overrides_baseline: true' }),
      'needs `overrides`',
    ],
    ['names without an override', file({ effect: 'effect: allow', o: 'overrides: [baseline.high]' }), 'beside it'],
    [
      'an override of what is not there',
      file({ effect: 'effect: allow', o: 'overrides_baseline: true\n    overrides: [baseline.hihg]' }),
      '1.yaml:8:17: 0: is not a built-in rule; those are baseline.high',
    ],
    ['text that is no YAML', 'rules:\n  - id: [a\n', '1.yaml:3:1: '],
    ['another shape', 'rulez: []\n', '1.yaml:1:1: rulez is not known here; did you mean rules?'],
    ['an expression of another type', file({ when: 'when: time.hour' }), '1.yaml:4:11: when: must be true or false'],
    ['an unknown field in it', file({ when: 'when: target.tag == "a"' }), '1.yaml:4:18: when: there is no field "tag"'],
    ['an unknown name in it', file({ when: 'when: tarmac.kind == "a"' }), '1.yaml:4:11: when: there is no "tarmac"'],
    ['a wrong comparison in it', file({ when: 'when: target.vmid == "a"' }), '1.yaml:4:11: when: '],
    ['half of one, in quotes', file({ when: "when: 'true &&'" }), '1.yaml:4:19: when: '],
    [
      'a wrong field in a block',
      file({ when: 'when: |\n      true &&\n        action.nam == "x"' }),
      '1.yaml:6:16: when: there is no field "nam"',
    ],
  ])('refuse %s, with its place', async (_what, text, words) => {
    expect(await refusal(text)).toContain(words);
  });

  it('refuse an id twice, in whichever files, and tell everything that is wrong at once', async () => {
    const said = await refusal(file(), file({ when: 'when: nothing' }), file({ id: 'id: two', effect: 'effect: no' }));
    expect(said).toContain('2.yaml:2:9: the id one is used already, in 1.yaml:2');
    expect(said).toContain('2.yaml:4:11: when: there is no "nothing"');
    expect(said).toContain('3.yaml:5:13: effect: ');
  });

  it('refuse an expression that is made to cost', async () => {
    expect(await refusal(file({ when: `when: '${'!'.repeat(5000)}true'` }))).toContain('1.yaml:4:');
    expect(await refusal(file({ when: `when: true${' || true'.repeat(2000)}` }))).toContain('1.yaml:4:');
  });
});

describe('the files of a policy', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'proxmox-agent-policy-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('are those of a folder in order, without examples, or the one that is named', () => {
    expect(() => policyFiles(folder)).toThrow(expect.objectContaining({ code: 'POLICY_INVALID' }));
    for (const name of ['b.yml', 'a.yaml', 'a.test.yaml', 'notes.md']) writeFileSync(join(folder, name), name);
    expect(policyFiles(folder).map(({ name }) => name)).toEqual(['a.yaml', 'b.yml']);
    expect(policyFiles(join(folder, 'b.yml'))).toEqual([{ name: 'b.yml', text: 'b.yml' }]);
    expect(() => policyFiles(join(folder, 'c.yaml'))).toThrow(/cannot be read \(ENOENT\)/);
  });
});
