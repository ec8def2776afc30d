import type { Context } from '../context.ts';
import type { Operation, Plan } from '../model.ts';
import { jsonObject } from '../params/parse.ts';
import { resolveSecrets } from '../params/secrets.ts';
import { readSource } from '../params/source.ts';
import { scheduleLines } from '../render/schedule.ts';
import { fetchActions, pickAction } from './catalogue.ts';
import { postOnce } from './once.ts';
import { begunLines, followToEnd } from './operations.ts';

interface ApplyOptions {
  /** False with `--no-wait`. */
  readonly wait?: boolean;
  readonly request?: string;
  /** `window`, or a time. */
  readonly when?: string;
}

/** Begins the one apply of a plan and follows it; the exit code is how it ended. */
export async function apply(context: Context, { wait, request, when }: ApplyOptions, plan_id: string): Promise<number> {
  const body = { plan_id, ...(request === undefined ? {} : { request: await readRequest(context, request) }) };
  if (when !== undefined) {
    const answer = await postOnce<Plan>(context, '/v1/actions/apply', { ...body, when });
    await context.show(answer, (plan) => [`Plan ${plan_id} is scheduled.`, ...scheduleLines(plan, context)]);
    return 0;
  }
  const begun = await postOnce<Operation>(context, '/v1/actions/apply', body);
  if (wait === false) {
    await context.show(begun, (operation) => [
      ...begunLines(operation),
      `  proxmox-agent op watch ${operation.operation_id}`,
    ]);
    return 0;
  }
  return followToEnd(context, begun.body);
}

async function readRequest(context: Context, option: string): Promise<unknown> {
  const { text, inline } = await readSource('--request', option, context);
  const request = jsonObject('--request', text);
  if (typeof request['action'] !== 'string') return request;
  const { params } = await pickAction((await fetchActions(context)).body.actions, request['action']);
  return resolveSecrets(request, { properties: { params } }, { where: '--request', literals: !inline }, context);
}
