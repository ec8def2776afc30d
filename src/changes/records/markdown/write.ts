import { stringify } from 'yaml';
import type { Category, ChangeStatus, Content, Line } from '../model.ts';

export interface WrittenChange {
  readonly id: string;
  readonly category: Category;
  readonly status: ChangeStatus;
  readonly status_note: string;
  readonly content: Content;
  /** What only the control plane knows, for readers; it is not read back. */
  readonly front?: Readonly<Record<string, unknown>>;
}

const SHOWN: readonly [ChangeStatus, string][] = [
  ['planned', 'Planned'],
  ['approved', 'Approved'],
  ['in_progress', 'In Progress'],
  ['completed', 'Completed'],
  ['paused', 'Paused'],
];
/** Named only where they are so. */
const RARE: readonly [ChangeStatus, string][] = [
  ['rolled_back', 'Rolled Back'],
  ['rejected', 'Rejected'],
];

/** The change as Markdown: front matter for programs, then the document in the shape of CC-001. */
export function writeChange(change: WrittenChange): string {
  const { id, category, content, front = {} } = change;
  const checks = content.validation.flatMap(({ check }, index) =>
    check === undefined ? [] : [[String(index + 1), check]],
  );
  const matter = {
    id,
    category,
    ...(content.environments.length === 0 ? {} : { environments: content.environments }),
    ...(content.runbooks.length === 0 ? {} : { runbooks: content.runbooks }),
    ...(checks.length === 0 ? {} : { checks: Object.fromEntries(checks) as object }),
    ...front,
  };
  return `---\n${stringify(matter, { lineWidth: 0 })}---\n\n${writeBody(change)}`;
}

/** The document without front matter. */
export function writeBody({ id, content, status, status_note }: WrittenChange): string {
  const { scope, risk } = content;
  const outside = scope.out_note === undefined ? 'Out of Scope' : `Out of Scope (${scope.out_note})`;
  const sections: [string, string][] = [
    ['Change Summary', content.summary],
    ['Scope', joined([listed('In Scope', scope.in), listed(outside, scope.out)])],
    [
      'Risk Assessment',
      joined([
        `**Risk Level:** ${capital(risk.level)}  `,
        listed('Identified Risks', risk.identified),
        listed('Mitigations', risk.mitigations),
      ]),
    ],
    ['Impact', impactOf(content)],
    ['Rollback Plan', bullets(content.rollback)],
    ['Validation Criteria', bullets(content.validation)],
    ...content.more.map(({ heading, text }): [string, string] => [heading, text]),
    ['Status', statusLines(status, status_note)],
    ['Notes', content.notes],
  ];
  const parts = [`## ${id} — ${content.title}\n\n${headOf(id, content)}`];
  for (const [heading, text] of sections) if (text !== '') parts.push(`### ${heading}\n${text}`);
  return `${parts.join('\n\n---\n\n')}\n`;
}

const joined = (parts: readonly string[]): string => parts.filter((part) => part !== '').join('\n\n');
const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);
/** Two spaces at the end of a line are Markdown's line break. */
const field = (name: string, value: string): string[] => (value === '' ? [] : [`**${name}:** ${value}  `]);

const headOf = (id: string, { date, phase, requested_by, role }: Content): string =>
  [
    ...field('Date', date),
    ...field('Change ID', id),
    ...field('Phase', phase),
    ...field('Requested By', requested_by),
    ...field('Role', role),
  ].join('\n');

const listed = (label: string, lines: readonly Line[]): string =>
  lines.length === 0 ? '' : `**${label}:**\n${bullets(lines)}`;

const bullets = (lines: readonly Line[], indent = ''): string =>
  lines
    .map(({ text, lines: below = [] }) =>
      [`${indent}- ${text}`, ...(below.length === 0 ? [] : [bullets(below, `${indent}  `)])].join('\n'),
    )
    .join('\n');

function impactOf({ impact, downtime }: Content): string {
  const lines = impact.map(({ on, effect }) => `- **${on}:** ${effect}`);
  return [...lines, ...(downtime === '' ? [] : [`- **Downtime Expected:** ${downtime}`])].join('\n');
}

function statusLines(status: ChangeStatus, note: string): string {
  const rare = RARE.filter(([one]) => one === status);
  const rows = [...SHOWN, ...rare].map(([one, words]) => {
    const ticked = one === status;
    return `${ticked ? '☑' : '☐'} ${words}${ticked && note !== '' ? ` (${note})` : ''}`;
  });
  return rows.join('  \n');
}
