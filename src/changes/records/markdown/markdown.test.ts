import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHANGE_STATUSES, contentSchema, type Content, type Line } from '../model.ts';
import { readChange } from './read.ts';
import { writeBody, writeChange } from './write.ts';

const SEEDS = join(import.meta.dirname, '../../../../../shared/seeds');
const seed = (): string => {
  const name = existsSync(SEEDS) ? readdirSync(SEEDS).find((file) => file.startsWith('000_')) : undefined;
  if (name === undefined) throw new Error(`the document CC-001 is not in ${SEEDS}`);
  return readFileSync(join(SEEDS, name), 'utf8');
};
/** Without what no reader sees: spaces at the ends of lines and of the document. */
const visible = (text: string): string =>
  text
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
    .trim();

describe('the change CC-001', () => {
  it('is read whole', () => {
    const { id, status, status_note, content } = readChange(seed());
    expect({ id, status, status_note }).toEqual({
      id: 'CC-001',
      status: 'paused',
      status_note: 'Intentional checkpoint for documentation & review',
    });
    expect(content).toMatchObject({
      title: 'Phase 4 Control Plane Foundation (Proxmox + Services)',
      date: '2025-01-XX',
      phase: 'Phase 4 — Service Control Plane & Virtualization',
      role: 'Homelab Owner / Systems Engineer',
      downtime: 'None',
      risk: { level: 'low' },
    });
    expect(content.summary).toMatch(/^Establish the virtualization[\s\S]*\*\*service deployment readiness\*\*\.$/);
    expect(content.scope.in).toHaveLength(5);
    expect(content.scope.in[3]).toMatchObject({
      text: 'Create runbooks for:',
      lines: [
        { text: 'Proxmox install' },
        { text: 'Network & storage baseline' },
        { text: 'Internal CA' },
        { text: 'Internal DNS (hybrid)' },
        { text: 'Secrets / credential management' },
      ],
    });
    expect(content.scope).toMatchObject({ out_note: 'for this change' });
    expect(content.scope.out).toHaveLength(4);
    expect([content.risk.identified, content.risk.mitigations].map(({ length }) => length)).toEqual([3, 4]);
    expect(content.impact).toEqual([
      { on: 'Household Connectivity', effect: 'None' },
      { on: 'Existing LAB VLAN (VLAN 10)', effect: 'No changes' },
      { on: 'Switch / Firewall Config', effect: 'No changes during this phase' },
    ]);
    expect([content.rollback.length, content.validation.length]).toEqual([3, 4]);
    expect(content.validation[3]?.text).toBe('Runbooks reviewed and approved before execution');
    expect(content.notes).toMatch(/^This change intentionally pauses/);
  });

  it('is written as it was, line by line', () => {
    const read = readChange(seed());
    const written = writeBody({ ...read, id: read.id ?? '', category: 'normal' });
    expect(visible(written)).toBe(visible(seed()));
  });
});

it('the example of the guide is read whole and written as it was', () => {
  const guide = readFileSync(join(import.meta.dirname, '../../../../docs/changes.md'), 'utf8');
  const example = /```markdown\n([\s\S]*?)```/.exec(guide)?.[1] ?? '';
  const read = readChange(example);
  expect(read).toMatchObject({
    id: 'CC-014',
    category: 'normal',
    status: 'paused',
    content: { environments: ['home'], validation: [{ check: { kind: 'tcp' } }, {}], more: [] },
  });
  expect(visible(writeChange({ ...read, id: 'CC-014', category: 'normal' }))).toContain(
    visible(example.slice(example.indexOf('## CC-014'))),
  );
});

const LETTERS = 'abcXYZ 019 é—&/()"\'.,;:%+'.split('');

describe('any change', () => {
  // What Markdown or the shape gives a meaning of its own is not what a line of a list begins with.
  const phrase = fc
    .string({ minLength: 1, maxLength: 40, unit: fc.constantFrom(...LETTERS) })
    .map((text) => text.replaceAll(/\s+/g, ' ').trim())
    .filter((text) => /^[a-zA-Z0-9é]/.test(text) && !/^\d+[.)]/.test(text));
  const name = phrase.filter((text) => !text.includes(':') && !/^(downtime|general)/i.test(text));
  const lines = (depth: number): fc.Arbitrary<Line[]> =>
    fc.array(
      depth === 0
        ? fc.record({ text: phrase })
        : fc.oneof(
            fc.record({ text: phrase }),
            fc.record({ text: phrase, lines: lines(depth - 1).filter(({ length }) => length > 0) }),
          ),
      { maxLength: 3 },
    );
  const flat = lines(0);
  const content = fc.record({
    title: phrase,
    date: fc.oneof(fc.constant(''), fc.constant('2026-11-20')),
    phase: fc.oneof(fc.constant(''), phrase),
    requested_by: fc.oneof(fc.constant(''), phrase),
    role: fc.constant(''),
    summary: fc.oneof(fc.constant(''), phrase),
    scope: fc.record({ in: lines(2), out: lines(1) }),
    risk: fc.record({
      level: fc.constantFrom('low' as const, 'medium' as const, 'high' as const),
      identified: flat,
      mitigations: flat,
    }),
    impact: fc.array(fc.record({ on: name, effect: phrase }), { maxLength: 3 }),
    downtime: fc.oneof(fc.constant(''), phrase),
    rollback: lines(1),
    validation: fc.array(fc.record({ text: phrase }), { maxLength: 3 }),
    notes: fc.oneof(fc.constant(''), phrase),
    runbooks: fc.array(fc.constantFrom('internal-ca', 'secrets'), { maxLength: 2 }),
  });

  it('reads back as it was written', () => {
    fc.assert(
      fc.property(content, fc.constantFrom(...CHANGE_STATUSES), (given, status) => {
        const whole: Content = contentSchema.parse(given);
        const change = { id: 'CC-042', category: 'emergency' as const, status, status_note: 'why', content: whole };
        expect(readChange(writeChange(change))).toEqual(change);
      }),
      { numRuns: 300 },
    );
  });

  it('keeps checks of criteria, and sections that nobody knows', () => {
    const text = `---\nid: CC-007\ncategory: standard\nchecks:\n  "1": { kind: tcp, host: dns.lab, port: 53 }\n---\n# DNS\n\n### Validation\n- [x] it answers\n- people are happy\n\n### Cost\nNothing.\n`;
    const read = readChange(text);
    expect(read).toMatchObject({
      id: 'CC-007',
      category: 'standard',
      status: 'planned',
      content: {
        validation: [
          { text: 'it answers', check: { kind: 'tcp', host: 'dns.lab', port: 53 } },
          { text: 'people are happy' },
        ],
        more: [{ heading: 'Cost', text: 'Nothing.' }],
      },
    });
    expect(readChange(writeChange({ ...read, id: 'CC-007', category: 'standard' }))).toEqual(read);
  });

  it.each([
    ['nothing', '', /title/],
    ['front matter that is not YAML', '---\na: [\n---\n# x\n', /front matter is not YAML/],
    ['a category that there is not', '---\ncategory: huge\n---\n# x\n', /front matter category/],
    ['a number that is none', '# x\n\n**Change ID:** 17\n', /"17" is no change ID/],
    ['a head that is another document', '# x\n\n**Invoice:** 17\n', /invoice/],
    ['a risk that there is not', '# x\n\n### Risk\n**Risk Level:** purple\n', /risk.level/],
  ])('is refused with what is wrong: %s', (_what, text, words) => {
    expect(() => readChange(text)).toThrow(
      expect.objectContaining({ code: 'VALIDATION_FAILED', message: expect.stringMatching(words) as string }),
    );
  });
});
