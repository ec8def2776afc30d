import { neverSent, type Answer } from '../api.ts';
import type { Context } from '../context.ts';
import { Outage } from '../follow.ts';
import type { Operation, Plan } from '../model.ts';
import { jsonObject } from '../params/parse.ts';
import { resolveSecrets } from '../params/secrets.ts';
import { readSource } from '../params/source.ts';
import { isPassing, RemoteProblem } from '../problem.ts';
import { scheduleLines } from '../render/schedule.ts';
import { fetchActions, pickAction } from './catalogue.ts';
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
    const answer = await context.api.post<Plan>('/v1/actions/apply', { ...body, when });
    await context.show(answer, (plan) => [`Plan ${plan_id} is scheduled.`, ...scheduleLines(plan, context)]);
    return 0;
  }
  const begun = await begin(context, body);
  if (wait === false) {
    await context.show(begun, (operation) => [
      ...begunLines(operation),
      `  proxmox-agent op watch ${operation.operation_id}`,
    ]);
    return 0;
  }
  return followToEnd(context, begun.body);
}

/** The same key however often it is sent: a lost answer must not begin anything twice, nor be taken for a refusal. */
async function begin(context: Context, body: object): Promise<Answer<Operation>> {
  const headers = { 'Idempotency-Key': (await context.ids()).uuid() };
  const outage = new Outage(context.clock, { say: (text) => context.note(text) });
  for (let sent = false; ;) {
    try {
      const answer = await context.api.post<Operation>('/v1/actions/apply', body, { headers });
      outage.answered();
      return answer;
    } catch (error) {
      if (!isPassing(error) || (!sent && isFinal(error))) throw error;
      sent = true;
      await outage.wait(error);
    }
  }
}

/**
 * Of a first attempt: a refusal is an answer, and where no server was from the start nobody waits for one. Later the
 * server may say that it is still at work on the first attempt (`TARGET_BUSY`).
 */
const isFinal = (error: unknown): boolean => error instanceof RemoteProblem || neverSent(error);

async function readRequest(context: Context, option: string): Promise<unknown> {
  const { text, inline } = await readSource('--request', option, context);
  const request = jsonObject('--request', text);
  if (typeof request['action'] !== 'string') return request;
  const { params } = await pickAction((await fetchActions(context)).body.actions, request['action']);
  return resolveSecrets(request, { properties: { params } }, { where: '--request', literals: !inline }, context);
}
