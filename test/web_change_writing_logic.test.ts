import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bodyOf,
  changedBody,
  differing,
  EMPTY,
  linesOf,
  NO_CRITERION,
  placedErrors,
  rebased,
  textOf,
  type Draft,
} from '../web/src/pages/changes/edit/draft.ts';
import type { Line } from '../web/src/api/change_types.ts';

const word = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9 ,.()/]{0,20}[A-Za-z0-9)]$/);
const line: fc.Arbitrary<Line> = fc.letrec<{ line: Line }>((tie) => ({
  line: fc.oneof(
    { depthSize: 'small' },
    word.map((text): Line => ({ text })),
    fc.record({ text: word, lines: fc.array(tie('line'), { minLength: 1, maxLength: 3 }) }).map((one): Line => one),
  ),
})).line;

describe('a list as text', () => {
  it('reads as it was written, at any depth', () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 5 }), (lines) => {
        expect(linesOf(textOf(lines))).toEqual(lines);
      }),
    );
  });

  it('takes what people paste: marks, tabs, empty lines, any indentation', () => {
    expect(linesOf('- One\n\t* below\n\n- Two\n      deep\n   less deep')).toEqual([
      { text: 'One', lines: [{ text: 'below' }] },
      { text: 'Two', lines: [{ text: 'deep' }, { text: 'less deep' }] },
    ]);
    expect(linesOf('    begins further in\nand not')).toEqual([{ text: 'begins further in' }, { text: 'and not' }]);
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => void linesOf(text)));
  });
});

const draft: fc.Arbitrary<Draft> = fc.record({
  ...Object.fromEntries(Object.entries(EMPTY).map(([key, value]) => [key, fc.constant(value)])),
  title: word,
  summary: word,
  scope_in: fc.array(line, { maxLength: 2 }).map((lines) => textOf(lines)),
  notes: word,
  environments: fc.subarray(['home', 'cloud']),
}) as unknown as fc.Arbitrary<Draft>;

describe('what is sent', () => {
  it('is only what was changed, so that nothing else is touched', () => {
    const base: Draft = { ...EMPTY, title: 'a', scope_in: 'one', notes: 'n' };
    expect(changedBody(base, base)).toEqual({});
    expect(changedBody(base, { ...base, notes: 'other' })).toEqual({ notes: 'other' });
    expect(changedBody(base, { ...base, scope_in: 'one\n  two' })).toEqual({
      scope: { in: [{ text: 'one', lines: [{ text: 'two' }] }], out: [] },
    });
  });

  it('has the check of a criterion as its kind needs it', () => {
    const all = { ...NO_CRITERION, text: 'x', environment: 'home', target: 'vm/103', host: 'dns', port: '53' };
    const checks = ['', 'plan', 'guest', 'tcp'].map((kind) => ({ ...all, kind }));
    expect(bodyOf({ ...EMPTY, validation: checks })['validation']).toEqual([
      { text: 'x' },
      { text: 'x', check: { kind: 'plan' } },
      { text: 'x', check: { kind: 'guest', environment: 'home', target: 'vm/103', status: 'running' } },
      { text: 'x', check: { kind: 'tcp', host: 'dns', port: 53 } },
    ]);
  });
});

describe('when somebody else wrote meanwhile', () => {
  it('my words stay where I wrote, and theirs everywhere else', () => {
    fc.assert(
      fc.property(draft, draft, draft, (base, mine, theirs) => {
        const merged = rebased(base, mine, theirs);
        const own = new Set(differing(base, mine));
        for (const key of Object.keys(EMPTY) as (keyof Draft)[])
          expect(merged[key]).toEqual(own.has(key) ? mine[key] : theirs[key]);
      }),
    );
  });
});

it('what the server refuses stands at its field, with the entry that is meant', () => {
  const { placed, leftover } = placedErrors({
    title: 'is needed',
    'risk.level': 'must be low, medium or high',
    'scope.in.1.lines.0.text': 'is needed',
    'validation.1.check.port': 'must be 1 or more',
    'impact.0.on': 'is needed',
    environment: 'must be one of home',
    digest: 'is of words that were rewritten',
  });
  expect(placed).toEqual({
    title: 'is needed',
    risk_level: 'must be low, medium or high',
    scope_in: 'entry 2: is needed',
    validation: 'entry 2, check port: must be 1 or more',
    impact: 'entry 1, on: is needed',
    environments: 'must be one of home',
  });
  expect(leftover).toEqual(['digest: is of words that were rewritten']);
});
