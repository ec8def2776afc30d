import { isoTime } from '../../kernel/clock.ts';
import type { Actor } from '../../store/index.ts';
import type { Attempt, Run, RunStep } from './run.ts';

const STATES: Readonly<Record<RunStep['state'], string>> = {
  pending: 'not begun',
  running: 'under way',
  done: 'done',
  failed: 'failed',
  skipped: 'skipped',
};

/** Everything of a run, as a document that stands alone. `now` is when it was written. */
export function renderReport(run: Run, now: number): string {
  const { run_id, runbook_id, state, change_id, created_at, ended_at, created_by, body } = run;
  const facts = [
    ['Runbook', `${runbook_id}, version ${body.version}`],
    ['Run', run_id],
    ...(change_id === null ? [] : [['Change record', change_id]]),
    ['State', state],
    ['Started', `${isoTime(created_at)} by ${nameOf(created_by)}`],
    ...(ended_at === null ? [] : [['Ended', isoTime(ended_at)]]),
    ['Report of', isoTime(now)],
    ...Object.entries(body.parameters).map(([name, value]) => [`Parameter ${name}`, String(value)]),
  ];
  const lines = [
    `# ${oneLine(body.title)}`,
    '',
    oneLine(body.summary),
    '',
    '| | |',
    '|---|---|',
    ...facts.map(([name = '', value = '']) => `| ${cell(name)} | ${cell(value)} |`),
    '',
    ...(body.notes.length === 0 ? [] : notesOf(run)),
    '## Steps',
    '',
    ...body.steps.flatMap(stepLines),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

const notesOf = ({ body }: Run): string[] => [
  '## Interruptions',
  '',
  ...body.notes.map(
    ({ what, by, at, reason }) =>
      `- ${isoTime(at)}: ${what} by ${nameOf(by)}${reason === undefined ? '' : `: ${inline(reason)}`}`,
  ),
  '',
];

function stepLines({ number, title, spec, state, attempts }: RunStep): string[] {
  return [
    `### ${number}. ${oneLine(title)}`,
    '',
    `${STATES[state]} (${spec.kind})`,
    '',
    ...(spec.kind === 'manual' ? [`Asked: ${inline(spec.check)}`, ''] : []),
    ...(spec.kind === 'approval' ? [`Asked: ${inline(spec.question)}`, ''] : []),
    ...(spec.kind === 'action'
      ? [`Change: ${inline(`${spec.action} ${spec.target} in ${spec.environment}`)}`, '']
      : []),
    ...(spec.kind === 'host'
      ? [`Change: ${inline(`${spec.command} on ${spec.node} in ${spec.environment}`)}`, '']
      : []),
    ...attempts.flatMap(attemptLines),
    ...(attempts.length === 0 ? [] : ['']),
  ];
}

function attemptLines(attempt: Attempt, index: number): string[] {
  const { begun_by, begun_at, ended_by, ended_at, outcome, plan_id, operation_id, evidence, reason } = attempt;
  const more = [
    ...(plan_id === undefined ? [] : [`plan ${plan_id}`]),
    ...(operation_id === undefined ? [] : [`operation ${operation_id}`]),
    ...(reason === undefined ? [] : [`why: ${inline(reason)}`]),
    ...(evidence === undefined ? [] : [`evidence: ${inline(evidence)}`]),
  ];
  const end = ended_at === undefined ? 'not ended' : `${outcome} ${isoTime(ended_at)}${by(ended_by)}`;
  return [
    `- try ${index + 1}: begun ${isoTime(begun_at)}${by(begun_by)}; ${end}`,
    ...more.map((line) => `  - ${line}`),
  ];
}

const nameOf = ({ id, name, class: kind }: Actor): string => inline(`${name ?? id} (${kind})`);
const by = (actor: Actor | undefined): string => (actor === undefined ? '' : ` by ${nameOf(actor)}`);
const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();

/** What people typed stays text: it makes no heading, link, picture or HTML of its own. */
const inline = (text: string): string => oneLine(text).replace(/[\\`*_[\]<>|#!]/g, '\\$&');
const cell = inline;
