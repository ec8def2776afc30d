import type { Answer } from '../api.ts';
import type { Context } from '../context.ts';
import type { ActionRow, Plan } from '../model.ts';
import { assignFlags, parseFlags } from '../params/flags.ts';
import { jsonObject } from '../params/parse.ts';
import { readPlanFile } from '../params/plan_file.ts';
import { resolveSecrets } from '../params/secrets.ts';
import { readSource } from '../params/source.ts';
import { usage } from '../problem.ts';
import { planLines } from '../render/plan.ts';
import { fetchActions, pickAction } from './catalogue.ts';
import { postOnce } from './once.ts';

export interface PlanOptions {
  readonly target?: string;
  readonly params?: string;
  readonly reason?: string;
  readonly change?: string;
  readonly dryRun?: boolean;
  readonly file?: string;
}

/** Plans one action with its flags, or several from a file; shows the plan. Exit code 3 when policy denies it. */
export async function plan(
  context: Context,
  options: PlanOptions,
  action: string | undefined,
  tokens: readonly string[],
): Promise<number> {
  const answer =
    options.file === undefined
      ? await planOne(context, options, action, tokens)
      : await planFile(context, options, action);
  return planned(context, answer);
}

/** Plans what another plan was for once more. Exit code as `plan`. */
export async function planAgain(context: Context, _: unknown, plan_id: string): Promise<number> {
  return planned(context, await postOnce<Plan>(context, `/v1/plans/${encodeURIComponent(plan_id)}/replan`));
}

async function planned(context: Context, answer: Answer<Plan>): Promise<number> {
  await showPlanAnswer(context, answer);
  return answer.body.state === 'denied' ? 3 : 0;
}

export const showPlanAnswer = (context: Context, answer: Answer<Plan>): Promise<void> =>
  context.show(answer, (body) =>
    planLines(body, { width: context.width, style: context.style, now: context.clock.now() }),
  );

async function planOne(
  context: Context,
  options: PlanOptions,
  name: string | undefined,
  tokens: readonly string[],
): Promise<Answer<Plan>> {
  if (name === undefined || name.startsWith('-'))
    throw usage(
      'Which action? `proxmox-agent plan ACTION --target TARGET`, or --file FILE.',
      '`proxmox-agent actions` lists what can be done.',
    );
  const { actions } = (await fetchActions(context)).body;
  const action = await pickAction(actions, name, ['list', 'show', 'cancel']);
  const assignments = await parseFlags(tokens, action.name, action.params);
  const target = options.target ?? (action.target === 'cluster' ? 'cluster' : undefined);
  if (target === undefined)
    throw usage(`${action.name} needs --target, such as --target ${action.example?.target ?? `${action.target}/…`}.`);
  const params = options.params === undefined ? {} : await baseParams(context, action, options.params);
  await assignFlags(params, assignments, context);
  const environment = await context.environment();
  return postOnce(context, '/v1/actions/plan', {
    environment,
    action: name,
    target,
    params,
    ...(options.dryRun === true ? { dry_run: true } : {}),
    ...notes(options),
  });
}

async function baseParams(
  context: Context,
  { params: schema }: ActionRow,
  option: string,
): Promise<Record<string, unknown>> {
  const { text, inline } = await readSource('--params', option, context);
  return resolveSecrets(
    jsonObject('--params', text),
    schema,
    { where: '--params', literals: !inline },
    context,
  ) as Record<string, unknown>;
}

async function planFile(context: Context, options: PlanOptions, action: string | undefined): Promise<Answer<Plan>> {
  const { file = '', target, params, dryRun } = options;
  if (action !== undefined || target !== undefined || params !== undefined)
    throw usage('With --file the actions, targets and parameters stand in the file.');
  if (dryRun === true)
    throw usage(
      '--dry-run is for a single action. Planning never changes anything; a plan that is not wanted is canceled with `plan cancel`.',
    );
  const { actions } = (await fetchActions(context)).body;
  const body = await readPlanFile(context, file, (name) => pickAction(actions, name));
  return postOnce(context, '/v1/plans', { ...body, ...notes(options) });
}

const notes = ({ reason, change }: PlanOptions): Record<string, string> => ({
  ...(reason === undefined ? {} : { reason }),
  ...(change === undefined ? {} : { change_id: change }),
});
