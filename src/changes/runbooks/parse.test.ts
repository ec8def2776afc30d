import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AgentError } from '../../kernel/errors.ts';
import { RunbookLibrary } from './library.ts';
import { fill, readValues } from './parameters.ts';
import { parseRunbook } from './parse.ts';
import { renderReport } from './report.ts';
import type { Run } from './run.ts';

const HEAD = `---
id: demo
title: A demonstration
version: 1
summary: What it is for.
---
`;
const STEP = `
## 1. Look

Text.

\`\`\`step
kind: manual
check: Is it so?
\`\`\`
`;
const problemsOf = (text: string): Readonly<Record<string, string>> => {
  try {
    parseRunbook('demo.md', text);
  } catch (error) {
    if (error instanceof AgentError && error.code === 'RUNBOOK_INVALID') return error.details.errors ?? {};
    throw error;
  }
  return {};
};
const withParameter = (parameter: string, body: string): string =>
  `${HEAD.replace('summary:', `parameters:\n  x: ${parameter}\nsummary:`)}${body}`;

describe('the shipped runbooks', () => {
  it('are there, whole, and hold against their own examples', () => {
    const ids = RunbookLibrary.open()
      .list()
      .map(({ id }) => id);
    expect(ids).toEqual([
      'internal-ca',
      'internal-dns',
      'network-and-storage-baseline',
      'proxmox-install',
      'secrets',
      'vm-provisioning',
    ]);
  });
});

describe('parseRunbook', () => {
  it('reads front matter, introduction and steps; code in the text is not looked into', () => {
    const text = `${HEAD}\nHello.\n${STEP.replace('Text.', 'Text.\n\n```sh\n## 7. no heading\n```')}`;
    const { steps, introduction, version } = parseRunbook('demo.md', text);
    expect({ introduction, version }).toEqual({ introduction: 'Hello.', version: '1' });
    expect(steps).toEqual([
      {
        number: 1,
        title: 'Look',
        text: 'Text.\n\n```sh\n## 7. no heading\n```',
        fields: { kind: 'manual', check: 'Is it so?' },
      },
    ]);
  });

  it.each([
    ['no front matter', STEP, 1, 'begins with front matter'],
    ['an unknown field of the front matter', HEAD.replace('title:', 'color: red\ntitle:') + STEP, 3, 'color'],
    ['no steps', HEAD, 7, 'has no step'],
    ['a wrong number', HEAD + STEP.replace('## 1.', '## 2.'), 8, 'this is step 1 and is numbered 2'],
    ['a heading that is no step', HEAD + STEP.replace('## 1. Look', '## Look'), 8, 'is a step'],
    ['a step without a block', HEAD + STEP.replace('```step', '```yaml'), 8, 'has no fenced block'],
    ['two blocks', `${HEAD}${STEP}\n\`\`\`step\nkind: manual\n\`\`\`\n`, 17, 'two `step` blocks'],
    ['an open block', (HEAD + STEP).replace(/```\n$/, ''), 12, 'never closed'],
    ['a block before the first step', `${HEAD}\n\`\`\`step\nkind: manual\n\`\`\`\n${STEP}`, 8, 'stands in a step'],
    ['broken YAML', HEAD + STEP.replace('check: Is it so?', 'check: [Is it so?'), 14, ''],
    ['an unknown kind', HEAD + STEP.replace('manual', 'magic'), 13, 'kind'],
    ['an unknown field', HEAD + STEP.replace('check:', 'chekc:'), 14, 'chekc'],
    ['a key twice', HEAD + STEP.replace('check:', 'kind: manual\ncheck:'), 14, 'unique'],
    ['an alias', HEAD + STEP.replace('check: Is it so?', 'check: &a Is it so?\nevidence: *a'), 15, 'aliases'],
    ['a place without a parameter', HEAD + STEP.replace('Text.', 'Text {{who}}.'), 10, '{{who}} is not among'],
    ['a place that is not closed', HEAD + STEP.replace('Text.', 'Text {{who.'), 10, 'not closed'],
    [
      'a bare place',
      withParameter('{ description: the x, example: a }', STEP.replace('Is it so?', '{{x}}')),
      16,
      'quotes',
    ],
    ['a parameter that is not used', withParameter('{ description: the x, example: a }', STEP), 6, 'used nowhere'],
    [
      'an example that misses its pattern',
      withParameter('{ description: the x, example: a, pattern: b }', STEP),
      6,
      'must match b',
    ],
    [
      'a broken pattern',
      withParameter('{ description: the x, example: a, pattern: "(" }', STEP),
      6,
      'regular expression',
    ],
  ])('names the line of %s', (_, text, line, what) => {
    const problems = problemsOf(text);
    expect(Object.keys(problems), JSON.stringify(problems)).toContain(`demo.md:${line}`);
    expect(problems[`demo.md:${line}`]).toContain(what);
  });

  const action = (fields: string): string => HEAD + STEP.replace('kind: manual\ncheck: Is it so?', fields);
  it.each([
    [
      'an unknown action',
      'kind: action\nenvironment: home\naction: vm.explode\ntarget: vm/101',
      15,
      'not in the catalogue',
    ],
    [
      'a target of another kind',
      'kind: action\nenvironment: home\naction: vm.start\ntarget: node/pve1',
      16,
      'must be a vm',
    ],
    [
      'a parameter that the action has not',
      'kind: action\nenvironment: home\naction: vm.clone\ntarget: vm/101\nparams:\n  nmae: a',
      18,
      '',
    ],
    [
      'a secret',
      'kind: action\nenvironment: home\naction: vm.cloudinit.configure\ntarget: vm/101\nparams:\n  password: pl4nted-s3cret',
      18,
      'no place in a runbook',
    ],
    ['an unknown command', 'kind: host\nenvironment: home\nnode: pve1\ncommand: rm', 16, ''],
    [
      'a wrong argument',
      'kind: host\nenvironment: home\nnode: pve1\ncommand: zpool.scrub\nargs:\n  pool: "a;b"',
      18,
      'pool',
    ],
    ['a probe of no port', 'kind: probe\nprobe: tcp\nhost: a\nport: 0', 16, ''],
  ])('checks the step as far as the action itself: %s', (_, fields, line, what) => {
    const problems = problemsOf(action(fields));
    expect(Object.keys(problems), JSON.stringify(problems)).toContain(`demo.md:${line}`);
    expect(problems[`demo.md:${line}`]).toContain(what);
    expect(JSON.stringify(problems)).not.toContain('pl4nted');
  });

  it('answers a runbook or says what is wrong, for any text', () => {
    const pieces = fc.constantFrom(
      '---\n',
      HEAD,
      STEP,
      '```step\n',
      '```\n',
      '## 1. A\n',
      '{{x}}',
      'kind: action\n',
      '&a *a',
      '\t- : {',
      '\u0000',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(pieces, fc.string({ maxLength: 20 })), { maxLength: 12 }), (parts) => {
        problemsOf(parts.join(''));
      }),
      { numRuns: 300 },
    );
  });
});

describe('parameters', () => {
  const x = { name: 'x', description: 'the x', type: 'text', pattern: '.*', example: 'a' } as const;

  it('refuses what is missing, unknown or of another form, each by its name', () => {
    const n = { ...x, name: 'n', type: 'integer', pattern: undefined } as const;
    expect(() => readValues([x, n], { n: '1.5', y: 1 })).toThrow(
      expect.objectContaining({
        details: {
          errors: {
            'parameters.x': 'is missing: the x',
            'parameters.n': 'must be a whole number',
            'parameters.y': 'is not a parameter of this runbook',
          },
        },
      }),
    );
    expect(readValues([x, { ...n, default: 7 }], { x: 'a b' })).toEqual({ x: 'a b', n: 7 });
  });

  it('no value changes the structure of a field, however it is written', () => {
    const fields = { kind: 'manual', check: 'Is {{x}} so?', list: ['{{x}}', { deep: '{{x}}-{{x}}' }], number: 3 };
    const shape = (value: unknown): unknown =>
      Array.isArray(value)
        ? value.map(shape)
        : typeof value === 'object' && value !== null
          ? Object.entries(value).map(([key, one]) => [key, shape(one)])
          : typeof value;
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (text) => {
        let values;
        try {
          values = readValues([x], { x: text });
        } catch {
          return;
        }
        expect(shape(fill(fields, values))).toEqual(shape(fields));
        expect(text).not.toMatch(/[\n\r{}`#<>|*]/);
      }),
      { numRuns: 500 },
    );
  });
});

it('a report keeps what people typed as text', () => {
  const by = { id: 'a', name: 'ana', class: 'human' as const };
  const step = {
    number: 1,
    title: 'Look',
    text: '',
    spec: { kind: 'manual', check: 'So?', evidence: 'optional' },
    state: 'done',
  } as const;
  const typed = '# big\n![x](http://evil) <img src=x> | a | `b`';
  const attempt = { begun_by: by, begun_at: 0, ended_by: by, ended_at: 1, outcome: 'done', evidence: typed } as const;
  const run: Run = {
    run_id: 'r',
    runbook_id: 'demo',
    state: 'done',
    change_id: 'CC-001',
    created_at: 0,
    updated_at: 1,
    ended_at: 1,
    created_by: by,
    body: {
      title: 'Demo',
      version: '1',
      summary: 'S',
      introduction: '',
      parameters: { x: 'a' },
      steps: [{ ...step, attempts: [attempt] }],
      notes: [{ what: 'paused', by, at: 0, reason: '<b>why</b>' }],
      paused: false,
      canceled: false,
    },
  };
  const report = renderReport(run, 2);
  expect(report).toContain('| Change record | CC-001 |');
  expect(report).toContain('evidence: \\# big \\!\\[x\\](http://evil) \\<img src=x\\> \\| a \\| \\`b\\`');
  expect(report).toContain('paused by ana (human): \\<b\\>why\\</b\\>');
});
