import type { Change, Criterion, Line } from '../model.ts';
import { hanging, type Style } from './text.ts';
import { instant, who } from './values.ts';

interface View {
  readonly width: number;
  readonly style: Style;
}

const words = (name: string): string => name.replaceAll('_', ' ');

/** A change with every field that it has, readable at 80 columns. */
export function changeLines(change: Change, view: View): string[] {
  const { summary, scope, risk, impact, downtime, rollback, notes, more = [], validation } = change;
  const { style, width } = view;
  const outside = scope.out_note === undefined ? 'Out of scope' : `Out of scope (${scope.out_note})`;
  const sections: [string, string[]][] = [
    ['Summary', prose(summary, view)],
    ['In scope', list(scope.in, view)],
    [outside, list(scope.out, view)],
    ['Risks', list(risk.identified, view)],
    ['Mitigations', list(risk.mitigations, view)],
    ['Impact', impactLines(impact, downtime, view)],
    ['Rollback plan', list(rollback, view)],
    ['Validation criteria', validation.flatMap((criterion) => criterionLines(criterion, view))],
    ...more.map(({ heading, text }): [string, string[]] => [heading, prose(text, view)]),
    ['Notes', prose(notes, view)],
    ['Plans', change.plans.map((plan) => `  ${plan.plan_id}  ${words(plan.state)}  ${plan.environment}`)],
    ['Evidence', change.evidence.flatMap(({ at, by, text }) => told(`${instant(at)} ${who(by)}: ${text}`, view))],
    ['Approvals', approvalLines(change, view)],
    ['Review', reviewLines(change, view)],
    ['History', historyLines(change, view)],
  ];
  const shown = sections.filter(([, lines]) => lines.length > 0);
  return [
    ...head(change, view),
    ...shown.flatMap(([title, lines]) => ['', style.bold(title), ...lines]),
    '',
    ...hanging(`${style.bold('Digest')}  `, change.digest, width),
    ...next(change, view),
  ];
}

function head(change: Change, { width, style }: View): string[] {
  const { id, status, status_note, category, title, risk, proposed_category: proposed } = change;
  const colour = /^(rejected|rolled_back)$/.test(status)
    ? style.red
    : /^(approved|completed)$/.test(status)
      ? style.green
      : style.yellow;
  const asks = proposed === null || proposed === undefined || proposed.proposed === category ? undefined : proposed;
  const facts: [string, string | undefined][] = [
    ['why', status_note],
    ['category', `${category}${asks === undefined ? '' : `; its plans ask for ${asks.proposed}: ${asks.why}`}`],
    ['risk', risk.level],
    ['date', change.date],
    ['phase', change.phase],
    ['requested by', change.requested_by],
    ['role', change.role],
    ['environments', change.environments.length === 0 ? 'all' : change.environments.join(', ')],
    ['runbooks', change.runbooks.join(', ')],
    ['written', `${instant(change.created_at)} by ${who(change.created_by)}`],
    ['changed', instant(change.updated_at)],
  ];
  return [
    `${style.bold(id)}  ${colour(words(status))}`,
    ...hanging('  ', title, width),
    ...facts.flatMap(([name, value]) =>
      value === undefined || value === '' ? [] : hanging(`  ${name.padEnd(13)}`, value, width),
    ),
  ];
}

const prose = (text: string, { width }: View): string[] => (text === '' ? [] : hanging('  ', text, width));
const told = (text: string, { width }: View): string[] => hanging('  ', text, width, 4);

const list = (lines: readonly Line[], view: View, indent = '  '): string[] =>
  lines.flatMap(({ text, lines: below = [] }) => [
    ...hanging(`${indent}- `, text, view.width),
    ...list(below, view, `${indent}  `),
  ]);

const impactLines = (impact: Change['impact'], downtime: string, { width }: View): string[] => [
  ...impact.flatMap(({ on, effect }) => hanging(`  ${on}: `, effect, width, 4)),
  ...(downtime === '' ? [] : hanging('  Downtime expected: ', downtime, width, 4)),
];

/** `1. passed  It answers`, how it is found out, and what was found. */
export function criterionLines({ n, text, result, how, by, at, evidence, check }: Criterion, view: View): string[] {
  const { width, style } = view;
  const colour = result === 'passed' ? style.green : result === 'failed' ? style.red : style.yellow;
  const source = how === 'check' ? 'checked' : `said by ${who(by)}`;
  return [
    ...hanging(`  ${n}. ${colour(result)}  `, text, width, 6),
    ...(check === undefined ? [] : hanging('      ', style.dim(checkText(check)), width)),
    ...(how === undefined ? [] : hanging('      ', `${source} ${instant(at)}: ${evidence ?? ''}`, width)),
  ];
}

function checkText({ kind, ...check }: NonNullable<Criterion['check']>): string {
  if (kind === 'plan') return 'check: every plan of this change was applied and verified';
  if (kind === 'guest') return `check: ${check.target ?? ''} in ${check.environment ?? ''} is ${check.status ?? ''}`;
  return `check: ${check.host ?? ''}:${check.port ?? ''} answers`;
}

const LAPSED = { rewritten: 'before it was rewritten', may_not_approve: 'counts no more: may not approve any more' };

const approvalLines = ({ approvals }: Change, view: View): string[] =>
  approvals.flatMap(({ by, at, comment, method, lapsed }) =>
    told(
      [`${who(by)} ${instant(at)}`, method, comment, lapsed === undefined ? '' : LAPSED[lapsed]]
        .filter(Boolean)
        .join(', '),
      view,
    ),
  );

const historyLines = ({ history }: Change, view: View): string[] =>
  history.flatMap(({ status, at, by, note }) =>
    told(`${instant(at)} ${words(status)} by ${who(by)}${note === '' ? '' : `: ${note}`}`, view),
  );

function reviewLines({ review }: Change, view: View): string[] {
  if (review === undefined) return [];
  const { due_at, overdue, done } = review;
  if (done !== undefined) return told(`${instant(done.at)} by ${who(done.by)}: ${done.text}`, view);
  const due = `due by ${instant(due_at)}`;
  return [`  ${overdue ? view.style.red(`OVERDUE, ${due}`) : due}`];
}

function next({ id, status, digest, category, review }: Change, { style }: View): string[] {
  const step =
    status === 'planned' && category !== 'standard'
      ? `change approve ${id} --hash ${digest}`
      : review !== undefined && review.done === undefined
        ? `change review ${id} --text …`
        : undefined;
  return step === undefined ? [] : [style.bold('Next'), `  proxmox-agent ${step}`];
}
