import type { Context } from '../context.ts';
import type { Operation } from '../model.ts';
import type { RunBody, RunbookBody } from '../model_runbook.ts';
import { RemoteProblem, usage } from '../problem.ts';
import { runLines } from '../render/runbook.ts';
import { postOnce } from './once.ts';
import { followToEnd } from './operations.ts';
import { runPath } from './runbook_runs.ts';
import { runbookPath } from './runbooks.ts';

interface StartOptions {
  readonly param?: readonly string[];
  readonly change?: string;
  /** False with `--no-walk`. */
  readonly walk?: boolean;
}

/** Starts a run; on a terminal a person is asked for what is missing and led through the steps. */
export async function start(context: Context, { param = [], change, walk }: StartOptions, id: string): Promise<void> {
  const given = Object.fromEntries(param.map(readParam));
  const parameters = context.canAsk ? await askParameters(context, id, given) : given;
  const body = { runbook: id, parameters, ...(change === undefined ? {} : { change_id: change }) };
  const answer = await postOnce<RunBody>(context, '/v1/runbook-runs', body);
  if (context.canAsk && walk !== false) return lead(context, answer.body);
  await context.show(answer, (run) => runLines(run, context));
}

export async function walkOn(context: Context, _options: object, run_id: string): Promise<void> {
  if (!context.canAsk) throw usage('runbook walk asks on a terminal; use runbook step without one.');
  await lead(context, (await context.api.get<RunBody>(runPath(run_id))).body);
}

function readParam(text: string): [string, string] {
  const [, name = '', value = ''] = /^([a-z][a-z0-9_]*)=(.*)$/s.exec(text) ?? [];
  if (name === '') throw usage('--param is NAME=VALUE.');
  return [name, value];
}

async function askParameters(
  context: Context,
  id: string,
  given: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  const { parameters } = (await context.api.get<RunbookBody>(runbookPath(id))).body;
  const all: Record<string, string> = { ...given };
  for (const { name, description, example, default: usual } of parameters)
    if (all[name] === undefined && usual === undefined)
      all[name] = await context.prompt.text(`${name}: ${description} (such as ${example})?`);
  return all;
}

/** What a person may type at a step, beside `q`. */
const CHOICES: Readonly<Record<string, string>> = {
  answer: 'y or n, with what you saw after it; s REASON skips',
  approve: 'y, with a comment after it; s REASON skips',
  run: 'r runs it; s REASON skips',
  retry: 'r tries again; s REASON skips',
  resume: 'r resumes',
};

/** One step after the other until the run ends or the person leaves; the run stays on the server either way. */
async function lead(context: Context, first: RunBody): Promise<void> {
  let run = first;
  if (run.introduction !== '') context.print([run.introduction, '']);
  for (let shown = 0; run.next !== undefined;) {
    if (shown !== run.current) context.print(stepText(run));
    shown = run.current ?? 0;
    if (run.next === 'wait') {
      run = await waitFor(context, run);
      continue;
    }
    const typed = await context.prompt.text(`${questionOf(run)} (${CHOICES[run.next]}; q leaves)?`);
    if (typed === 'q') break;
    const sent = sendFor(run.next, typed);
    if (sent === undefined) context.note(`"${typed.slice(0, 40)}" is not among the answers.`);
    else run = await send(context, run, sent);
  }
  context.print(['', ...runLines(run, context)]);
}

function stepText({ steps, current, steps_total }: RunBody): string[] {
  const { title = '', text = '' } = steps.find(({ number }) => number === current) ?? {};
  return ['', `Step ${current} of ${steps_total}: ${title}`, ...(text === '' ? [] : ['', text]), ''];
}

function questionOf(run: RunBody): string {
  const { check, question, attempts = [], title } = run.steps.find(({ number }) => number === run.current) ?? {};
  const { reason, plan_id, outcome } = attempts.at(-1) ?? {};
  if (run.next === 'resume') return 'The run is paused';
  if (run.next === 'retry') return `It failed: ${reason}`;
  if (run.next === 'run' && plan_id !== undefined && outcome === undefined)
    return `Plan ${plan_id} waits; approve it first (proxmox-agent approve ${plan_id})`;
  return check ?? question ?? title ?? '';
}

interface Sent {
  /** Of the run itself instead of its step. */
  readonly verb?: 'resume';
  readonly body: object;
}

/** What is sent for what was typed; undefined when it says nothing that fits. */
export function sendFor(next: string, typed: string): Sent | undefined {
  const [, letter = '', rest = ''] = /^([yYnNrRsS])(?:es|o)?(?:[\s,:]+(.*))?$/s.exec(typed) ?? [];
  const key = letter.toLowerCase();
  if (next === 'resume') return key === 'r' ? { verb: 'resume', body: {} } : undefined;
  if (key === 's' && rest !== '') return { body: { do: 'skip', reason: rest } };
  if (next === 'answer' && (key === 'y' || key === 'n'))
    return { body: { do: 'answer', passed: key === 'y', ...(rest === '' ? {} : { evidence: rest }) } };
  if (next === 'approve' && key === 'y') return { body: { do: 'approve', ...(rest === '' ? {} : { comment: rest }) } };
  if (key === 'r' && next === 'run') return { body: { do: 'run' } };
  return key === 'r' && next === 'retry' ? { body: { do: 'retry' } } : undefined;
}

/** A refusal is shown and the step asked again: evidence that is missing, a plan that is not approved yet. */
async function send(context: Context, run: RunBody, { verb, body }: Sent): Promise<RunBody> {
  const path = runPath(run.run_id, verb === undefined ? `/steps/${run.current}` : `/${verb}`);
  try {
    return (await postOnce<RunBody>(context, path, body)).body;
  } catch (error) {
    if (!(error instanceof RemoteProblem)) throw error;
    context.note(error.message);
    return (await context.api.get<RunBody>(runPath(run.run_id))).body;
  }
}

async function waitFor(context: Context, run: RunBody): Promise<RunBody> {
  const { operation_id = '' } = run.steps.find(({ number }) => number === run.current)?.attempts.at(-1) ?? {};
  const operation = await context.api.get<Operation>(`/v1/operations/${encodeURIComponent(operation_id)}`);
  await followToEnd(context, operation.body);
  return (await context.api.get<RunBody>(runPath(run.run_id))).body;
}
