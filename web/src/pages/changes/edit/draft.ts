import type { Change, Criterion, Line } from '../../../api/change_types.ts';
import type { RiskLevel } from '../../../api/types.ts';

/** A criterion as it is written; the fields of all kinds of checks, of which the kind that is chosen counts. */
export interface DraftCriterion {
  readonly text: string;
  readonly kind: string;
  readonly environment: string;
  readonly target: string;
  readonly status: string;
  readonly host: string;
  readonly port: string;
}

/** A change as the form holds it: lists are text with a line for each entry. */
export interface Draft {
  readonly title: string;
  readonly category: string;
  readonly date: string;
  readonly phase: string;
  readonly requested_by: string;
  readonly role: string;
  readonly summary: string;
  readonly scope_in: string;
  readonly scope_out: string;
  readonly out_note: string;
  readonly risk_level: RiskLevel;
  readonly identified: string;
  readonly mitigations: string;
  readonly impact: readonly { readonly on: string; readonly effect: string }[];
  readonly downtime: string;
  readonly rollback: string;
  readonly validation: readonly DraftCriterion[];
  readonly notes: string;
  readonly more: readonly { readonly heading: string; readonly text: string }[];
  readonly environments: readonly string[];
  readonly runbooks: readonly string[];
}
export type DraftKey = keyof Draft;

export const NO_CRITERION: DraftCriterion = {
  text: '',
  kind: '',
  environment: '',
  target: '',
  status: 'running',
  host: '',
  port: '',
};

export const EMPTY: Draft = {
  title: '',
  category: 'normal',
  date: '',
  phase: '',
  requested_by: '',
  role: '',
  summary: '',
  scope_in: '',
  scope_out: '',
  out_note: '',
  risk_level: 'low',
  identified: '',
  mitigations: '',
  impact: [],
  downtime: '',
  rollback: '',
  validation: [],
  notes: '',
  more: [],
  environments: [],
  runbooks: [],
};

/** A line for each entry; what is below another stands two spaces further in. */
export const textOf = (lines: readonly Line[], depth = 0): string =>
  lines
    .flatMap(({ text, lines: below = [] }) => [
      `${'  '.repeat(depth)}${text.replaceAll(/\s*\n\s*/g, ' ')}`,
      ...(below.length === 0 ? [] : [textOf(below, depth + 1)]),
    ])
    .join('\n');

interface Open {
  readonly text: string;
  readonly lines: Open[];
}

/** The entries of such a text. Empty lines and the marks of a list do not count. */
export function linesOf(text: string): Line[] {
  const top: Open[] = [];
  const open: { readonly indent: number; readonly lines: Open[] }[] = [{ indent: -1, lines: top }];
  for (const raw of text.replaceAll('\t', '  ').split('\n')) {
    const words = raw.trim().replace(/^[-*•]\s+/, '');
    if (words === '') continue;
    const indent = raw.length - raw.trimStart().length;
    while (open.length > 1 && (open.at(-1)?.indent ?? 0) >= indent) open.pop();
    const entry: Open = { text: words, lines: [] };
    open.at(-1)?.lines.push(entry);
    open.push({ indent, lines: entry.lines });
  }
  return top.map(closed);
}

const closed = ({ text, lines }: Open): Line => (lines.length === 0 ? { text } : { text, lines: lines.map(closed) });

export function draftOf(change: Change): Draft {
  const { scope, risk, impact, rollback, validation, more } = change;
  const { title, category, date, phase, requested_by, role, summary, downtime, notes, environments, runbooks } = change;
  return {
    ...{ title, category, date, phase, requested_by, role, summary, downtime, notes, environments, runbooks },
    scope_in: textOf(scope.in),
    scope_out: textOf(scope.out),
    out_note: scope.out_note ?? '',
    risk_level: risk.level,
    identified: textOf(risk.identified),
    mitigations: textOf(risk.mitigations),
    impact,
    rollback: textOf(rollback),
    validation: validation.map(draftCriterion),
    more,
  };
}

const draftCriterion = ({ text, check }: Criterion): DraftCriterion => ({
  ...NO_CRITERION,
  text,
  ...(check === undefined
    ? {}
    : {
        kind: check.kind,
        environment: check.environment ?? '',
        target: check.target ?? '',
        status: check.status ?? 'running',
        host: check.host ?? '',
        port: check.port === undefined ? '' : String(check.port),
      }),
});

/** The members of a change as the server takes them. */
export function bodyOf(draft: Draft): Readonly<Record<string, unknown>> {
  const { scope_in, scope_out, out_note, risk_level, identified, mitigations, rollback, validation, ...plain } = draft;
  return {
    ...plain,
    scope: {
      in: linesOf(scope_in),
      out: linesOf(scope_out),
      ...(out_note.trim() === '' ? {} : { out_note: out_note.trim() }),
    },
    risk: { level: risk_level, identified: linesOf(identified), mitigations: linesOf(mitigations) },
    rollback: linesOf(rollback),
    validation: validation.map(({ text, ...check }) => ({
      text,
      ...(check.kind === '' ? {} : { check: checkOf(check) }),
    })),
  };
}

function checkOf({ kind, environment, target, status, host, port }: Omit<DraftCriterion, 'text'>): object {
  if (kind === 'guest') return { kind, environment, target, status };
  if (kind === 'tcp') return { kind, host, ...(port.trim() === '' ? {} : { port: Number(port) }) };
  return { kind };
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** The members that a draft changes; the others are left as they are, also where the form cannot show them whole. */
export function changedBody(base: Draft, draft: Draft): Readonly<Record<string, unknown>> {
  const before = bodyOf(base);
  return Object.fromEntries(Object.entries(bodyOf(draft)).filter(([name, value]) => !same(value, before[name])));
}

const KEYS = Object.keys(EMPTY) as DraftKey[];

/** Fields that differ. */
export const differing = (a: Draft, b: Draft): DraftKey[] => KEYS.filter((key) => !same(a[key], b[key]));

/** What somebody else wrote meanwhile, with one's own words where one has written. */
export function rebased(base: Draft, draft: Draft, theirs: Draft): Draft {
  const mine = new Set(differing(base, draft));
  return Object.fromEntries(KEYS.map((key) => [key, mine.has(key) ? draft[key] : theirs[key]])) as unknown as Draft;
}

/** Which fields of the form the server's names belong to. */
const PLACES: readonly (readonly [prefix: string, key: DraftKey])[] = [
  ['scope.in', 'scope_in'],
  ['scope.out_note', 'out_note'],
  ['scope.out', 'scope_out'],
  ['risk.level', 'risk_level'],
  ['risk.identified', 'identified'],
  ['risk.mitigations', 'mitigations'],
  ['environment', 'environments'],
];

const within = (field: string, prefix: string): boolean => field === prefix || field.startsWith(`${prefix}.`);

/** The server's errors by field of the form; of lists and rows with the entry that is meant. */
export function placedErrors(errors: Readonly<Record<string, string>>): {
  readonly placed: Partial<Record<DraftKey, string>>;
  readonly leftover: readonly string[];
} {
  const placed: Partial<Record<DraftKey, string>> = {};
  const leftover: string[] = [];
  for (const [field, what] of Object.entries(errors)) {
    const [prefix, key] =
      PLACES.find(([name]) => within(field, name)) ??
      KEYS.map((name) => [name, name] as const).find(([name]) => within(field, name)) ??
      [];
    if (prefix === undefined || key === undefined) {
      leftover.push(`${field}: ${what}`);
      continue;
    }
    const words = `${entryWords(field.slice(prefix.length + 1))}${what}`;
    placed[key] = placed[key] === undefined ? words : `${placed[key]}; ${words}`;
  }
  return { placed, leftover };
}

/** `1.check.port` as "entry 2, check port: ". */
function entryWords(path: string): string {
  const [first, ...rest] = path.split('.');
  if (first === undefined || !/^\d+$/.test(first)) return '';
  const named = rest.filter((part) => part !== 'text' && part !== 'lines' && !/^\d+$/.test(part)).join(' ');
  return `entry ${Number(first) + 1}${named === '' ? '' : `, ${named}`}: `;
}
