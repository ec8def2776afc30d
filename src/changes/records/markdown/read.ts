import { parse } from 'yaml';
import { z } from 'zod';
import { AgentError } from '../../../kernel/errors.ts';
import { fit, inLine } from '../../../kernel/fit.ts';
import {
  CATEGORIES,
  CHANGE_ID,
  CHANGE_STATUSES,
  checkSchema,
  contentSchema,
  type Category,
  type ChangeStatus,
  type Content,
  type Line,
} from '../model.ts';
import { boldFields, cut, labelled, listOf, type Section } from './blocks.ts';

/** A document as it says of itself; what only the control plane can know of a change (approvals, results) is not read. */
export interface ReadChange {
  /** `CC-001`, where the document has one. */
  readonly id: string | undefined;
  readonly category: Category | undefined;
  readonly status: ChangeStatus;
  readonly status_note: string;
  readonly content: Content;
}

const frontSchema = z.looseObject({
  id: z.string().optional(),
  category: z.enum(CATEGORIES).optional(),
  environments: z.array(z.string()).optional(),
  runbooks: z.array(z.string()).optional(),
  checks: z.record(z.string(), checkSchema).optional().describe('By the number of the criterion, from 1.'),
});

const HEAD = ['date', 'change id', 'phase', 'requested by', 'role', 'category'];

/**
 * Reads a change from Markdown in the shape of CC-001, with or without front matter; sections it does not know are kept.
 * Errors: VALIDATION_FAILED saying what is missing or cannot be understood.
 */
export function readChange(markdown: string): ReadChange {
  const document = cut(markdown);
  const front = readFront(document.front);
  const head = boldFields(document.head);
  const [, idInTitle, title] = /^(?:(CC-\d+)\s*(?:[—–:-]+)\s*)?(.*)$/.exec(document.title ?? '') ?? [];
  const find = (...names: string[]): Section | undefined =>
    document.sections.find(({ heading }) => names.some((name) => heading.toLowerCase().startsWith(name)));
  const known = new Map<string, Section | undefined>([
    ['summary', find('change summary', 'summary')],
    ['scope', find('scope')],
    ['risk', find('risk')],
    ['impact', find('impact')],
    ['rollback', find('rollback')],
    ['validation', find('validation')],
    ['status', find('status')],
    ['notes', find('notes')],
  ]);
  const of = (name: string): readonly string[] => known.get(name)?.lines ?? [];
  const others = document.sections.filter((section) => ![...known.values()].includes(section));
  const parsed = fit(contentSchema, {
    title: title?.trim() ?? '',
    date: head.get('date') ?? '',
    phase: head.get('phase') ?? '',
    requested_by: head.get('requested by') ?? '',
    role: head.get('role') ?? '',
    summary: textOf(of('summary')),
    scope: scopeOf(of('scope')),
    risk: riskOf(of('risk')),
    ...impactOf(of('impact')),
    rollback: listOf(of('rollback')),
    validation: criteriaOf(of('validation'), front.checks ?? {}),
    notes: textOf(of('notes')),
    more: others.map(({ heading, lines }) => ({ heading, text: textOf(lines) })),
    environments: front.environments ?? [],
    runbooks: front.runbooks ?? [],
  });
  if (!parsed.success) throw notAChange(inLine(parsed.misfits));
  const id = front.id ?? head.get('change id') ?? idInTitle;
  if (id !== undefined && !CHANGE_ID.test(id)) throw notAChange(`"${id}" is no change ID; write CC-001`);
  const strange = [...head.keys()].filter((name) => !HEAD.includes(name));
  if (strange.length > 0) throw notAChange(`the head has ${strange.join(', ')}, which is none of ${HEAD.join(', ')}`);
  return {
    id,
    category: front.category ?? categoryOf(head.get('category')),
    ...statusOf(of('status')),
    content: parsed.data,
  };
}

const notAChange = (why: string): AgentError =>
  new AgentError('VALIDATION_FAILED', `The document is not a change record: ${why}.`, { errors: { markdown: why } });

function readFront(text: string): z.output<typeof frontSchema> {
  let value: unknown;
  try {
    value = text === '' ? {} : parse(text);
  } catch (error) {
    throw notAChange(`the front matter is not YAML (${(error as Error).message.split('\n')[0] ?? ''})`);
  }
  const parsed = fit(frontSchema, value ?? {});
  if (parsed.success) return parsed.data;
  throw notAChange(inLine(parsed.misfits, 'front matter '));
}

const textOf = (lines: readonly string[]): string =>
  lines
    .map((line) => line.trimEnd())
    .join('\n')
    .trim();

const categoryOf = (words: string | undefined): Category | undefined =>
  CATEGORIES.find((category) => category === words?.toLowerCase());

function scopeOf(lines: readonly string[]): unknown {
  const parts = [...labelled(lines).values()];
  const inside = parts.find(({ label }) => /^in\b/i.test(label));
  const outside = parts.find(({ label }) => /^out\b/i.test(label));
  const [, note] = /\(([^)]*)\)\s*$/.exec(outside?.label ?? '') ?? [];
  // Without labels the whole list is what belongs to it.
  const all = parts.length === 0 ? listOf(lines) : listOf(inside?.lines ?? []);
  return { in: all, out: listOf(outside?.lines ?? []), ...(note === undefined ? {} : { out_note: note }) };
}

function riskOf(lines: readonly string[]): unknown {
  const parts = labelled(lines);
  const level = (parts.get('risk level') ?? parts.get('level'))?.beside.toLowerCase();
  const part = (pattern: RegExp): Line[] => {
    const found = [...parts.values()].find(({ label }) => pattern.test(label));
    return listOf(found?.lines ?? []);
  };
  return {
    ...(level === undefined || level === '' ? {} : { level }),
    identified: part(/risks/i),
    mitigations: part(/mitigation/i),
  };
}

function impactOf(lines: readonly string[]): { impact: unknown; downtime: string } {
  let downtime = '';
  const impact: { on: string; effect: string }[] = [];
  for (const { text } of listOf(lines)) {
    const [, on, effect] = /^\*\*(.+?):?\*\*:?\s*(.*)$/.exec(text) ?? [];
    if (on === undefined) impact.push({ on: 'General', effect: text });
    else if (/^downtime/i.test(on)) downtime = effect ?? '';
    else impact.push({ on, effect: effect === '' || effect === undefined ? 'None' : effect });
  }
  return { impact, downtime };
}

const criteriaOf = (lines: readonly string[], checks: Readonly<Record<string, unknown>>): unknown =>
  listOf(lines).map(({ text }, index) => {
    const check = checks[String(index + 1)];
    return { text: text.replace(/^\[[ xX]\]\s+/, ''), ...(check === undefined ? {} : { check }) };
  });

/** `☑ Paused (why)` or `- [x] Paused (why)`; planned when nothing is ticked. */
function statusOf(lines: readonly string[]): { status: ChangeStatus; status_note: string } {
  for (const line of lines) {
    const [, words = '', note = ''] =
      /^\s*(?:[-*+]\s+)?(?:☑|☒|✅|\[[xX]\])\s*([A-Za-z _-]+?)\s*(?:\((.*)\))?\s*$/.exec(line) ?? [];
    const name = words.toLowerCase().replaceAll(/[ -]/g, '_');
    const status = CHANGE_STATUSES.find((one) => one === name);
    if (status !== undefined) return { status, status_note: note };
  }
  return { status: 'planned', status_note: '' };
}
