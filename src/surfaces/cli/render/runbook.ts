import type { RunBody, RunbookBody, RunStepRow } from '../model_runbook.ts';
import { hanging, type Style } from './text.ts';

interface View {
  readonly width: number;
  readonly style: Style;
}

/** A runbook as people read it before they start it. */
export function runbookLines(runbook: RunbookBody, { width, style }: View): string[] {
  const { id, title, version, summary, introduction, parameters, steps } = runbook;
  const about = parameters.flatMap(({ name, description, example, default: given }) => {
    const hint = given === undefined ? `such as ${example}` : `${given} when left out`;
    return hanging(`  ${style.bold(name)}  `, `${description} (${hint})`, width, 6);
  });
  return [
    `${style.bold(title)} (${id}, version ${version})`,
    ...hanging('', summary, width),
    ...(introduction === '' ? [] : ['', introduction]),
    ...(about.length === 0 ? [] : ['', 'Parameters:', ...about]),
    ...steps.flatMap(({ number, title: name, text, kind }) => [
      '',
      style.bold(`${number}. ${name}`) + style.dim(` (${kind})`),
      ...(text === '' ? [] : ['', text]),
    ]),
  ];
}

const MARKS: Readonly<Record<string, string>> = { done: '✓', skipped: '-', failed: '✗', running: '…', pending: ' ' };

/** A run with what became of its steps, and the command that brings it on. */
export function runLines(run: RunBody, { width, style }: View): string[] {
  const { title, state, run_id, change_id, steps } = run;
  return [
    `${style.bold(title)}: ${state}${change_id === undefined ? '' : ` (${change_id})`}`,
    style.dim(`run ${run_id}`),
    '',
    ...steps.flatMap((step) => stepLines(step, width, style)),
    '',
    ...nextLines(run),
  ];
}

function stepLines({ number, title, state, kind, attempts }: RunStepRow, width: number, style: Style): string[] {
  const colour = state === 'done' ? style.green : state === 'failed' ? style.red : style.dim;
  const { evidence, reason, ended_by } = attempts.at(-1) ?? {};
  const by = ended_by === undefined || ended_by.id === 'system' ? '' : `${ended_by.name ?? ended_by.id}: `;
  const said = [reason, evidence === reason ? undefined : evidence].filter((words) => words !== undefined).join('; ');
  return [
    `${colour(MARKS[state] ?? ' ')} ${String(number).padStart(2)}. ${title}${style.dim(` (${kind})`)}`,
    ...(said === '' ? [] : hanging('      ', `${by}${said}`, width, 6)),
  ];
}

/** What can be done now, as commands. */
export function nextLines({ run_id, current, next, state, steps }: RunBody): string[] {
  const step = `  proxmox-agent runbook step ${run_id} ${current}`;
  const { check, question, attempts = [] } = steps.find(({ number }) => number === current) ?? {};
  const { plan_id } = attempts.at(-1) ?? {};
  switch (next) {
    case 'answer':
      return [check ?? '', `${step} --answer yes --evidence TEXT`];
    case 'approve':
      return [question ?? '', `${step} --approve`];
    case 'run':
      return state === 'waiting' && plan_id !== undefined
        ? [
            `Plan ${plan_id} waits for its approval or its apply.`,
            `  proxmox-agent approve ${plan_id}`,
            `${step} --run`,
          ]
        : [`${step} --run`];
    case 'retry':
      return [`${step} --retry`];
    case 'resume':
      return [`  proxmox-agent runbook resume ${run_id}`];
    case 'wait':
      return ['Its operation is under way.'];
    default:
      return [`  proxmox-agent runbook report ${run_id}`];
  }
}
