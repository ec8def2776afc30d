import type { Context } from '../context.ts';
import type { RunBody, RunRow } from '../model_runbook.ts';
import { printable } from '../printable.ts';
import { usage } from '../problem.ts';
import { runLines } from '../render/runbook.ts';
import { table } from '../render/table.ts';
import { instant } from '../render/values.ts';
import { fetchList } from './list.ts';
import { postOnce } from './once.ts';

export const runPath = (run_id: string, verb = ''): string => `/v1/runbook-runs/${encodeURIComponent(run_id)}${verb}`;

export async function listRuns(
  context: Context,
  { state, all }: { readonly state?: string; readonly all?: boolean },
): Promise<void> {
  const list = await fetchList<'runs', RunRow>(context, '/v1/runbook-runs', 'runs', { state }, all === true);
  await context.show(list, async ({ runs, next }) => {
    if (runs.length === 0) return ['No runs.'];
    const rows = runs.map(({ run_id, state: now, steps_done, steps_total, created_at, title }) => [
      run_id,
      now,
      `${steps_done}/${steps_total}`,
      instant(created_at),
      title,
    ]);
    const lines = await table(['RUN', 'STATE', 'STEPS', 'STARTED', 'TITLE'], rows, context);
    return next ? [...lines, 'There are more; add --all.'] : lines;
  });
}

export async function showRun(context: Context, _options: object, run_id: string): Promise<void> {
  await context.show(await context.api.get<RunBody>(runPath(run_id)), (run) => runLines(run, context));
}

export interface StepOptions {
  readonly answer?: string;
  readonly evidence?: string;
  readonly approve?: boolean;
  readonly comment?: string;
  readonly run?: boolean;
  readonly skip?: string;
  readonly retry?: boolean;
}

/** What the options say, as the API takes it. Errors: `VALIDATION_FAILED` unless exactly one thing is said. */
function actOf({ answer, evidence, approve, comment, run, skip, retry }: StepOptions): object {
  if (answer !== undefined && answer !== 'yes' && answer !== 'no') throw usage('--answer must be yes or no.');
  if (evidence !== undefined && answer === undefined) throw usage('--evidence goes with --answer.');
  if (comment !== undefined && approve !== true) throw usage('--comment goes with --approve.');
  const said = [
    ...(answer === undefined
      ? []
      : [{ do: 'answer', passed: answer === 'yes', ...(evidence === undefined ? {} : { evidence }) }]),
    ...(approve === true ? [{ do: 'approve', ...(comment === undefined ? {} : { comment }) }] : []),
    ...(run === true ? [{ do: 'run' }] : []),
    ...(skip === undefined ? [] : [{ do: 'skip', reason: skip }]),
    ...(retry === true ? [{ do: 'retry' }] : []),
  ];
  const [only, ...others] = said;
  if (only === undefined || others.length > 0)
    throw usage('Say one of --answer yes|no, --approve, --run, --skip REASON and --retry.');
  return only;
}

export async function sayToStep(context: Context, options: StepOptions, run_id: string, number: string): Promise<void> {
  const act = actOf(options);
  if (!/^[1-9]\d{0,2}$/.test(number)) throw usage('The step is named by its number.');
  const answer = await postOnce<RunBody>(context, runPath(run_id, `/steps/${number}`), act);
  await context.show(answer, (run) => runLines(run, context));
}

const control =
  (verb: 'pause' | 'resume' | 'abort') =>
  async (context: Context, options: { readonly reason?: string }, run_id: string): Promise<void> => {
    const body = options.reason === undefined ? {} : { reason: options.reason };
    const answer = await postOnce<RunBody>(context, runPath(run_id, `/${verb}`), body);
    await context.show(answer, (run) => runLines(run, context));
  };

export const pause = control('pause');
export const resume = control('resume');
export const abort = control('abort');

/** Markdown on the standard output, as it is. */
export async function report(context: Context, _options: object, run_id: string): Promise<void> {
  const pieces = await context.api.open(runPath(run_id, '/report'), 'text/markdown');
  const chunks: Uint8Array[] = [];
  for await (const piece of pieces) chunks.push(piece);
  const text = printable(Buffer.concat(chunks).toString('utf8'));
  context.print(context.json ? JSON.stringify({ run_id, report: text }) : text.trimEnd());
}
