import type { Answer } from '../api.ts';
import type { Context } from '../context.ts';
import type { Plan } from '../model.ts';
import { RemoteProblem, usage } from '../problem.ts';
import { postOnce } from './once.ts';
import { showPlanAnswer } from './plan.ts';
import { codeOf } from './session.ts';

interface ApproveOptions {
  readonly hash?: string;
  readonly comment?: string;
  readonly code?: string;
  readonly yes?: boolean;
  readonly factor?: string;
  readonly confirm?: string;
}

const path = (plan_id: string, verb = ''): string => `/v1/plans/${encodeURIComponent(plan_id)}${verb}`;
const noted = (comment: string | undefined): { comment?: string } => (comment === undefined ? {} : { comment });

/**
 * Sends a person's yes to the plan that was read: the hash of the plan on the screen, or the one that was given.
 * Exit code 6 when the person said no.
 */
export async function approve(
  context: Context,
  { hash, comment, yes, factor, confirm }: ApproveOptions,
  plan_id: string,
): Promise<number> {
  const plan_hash = hash === undefined ? await readAndAsk(context, plan_id, yes === true) : fullHash(hash);
  if (plan_hash === undefined) {
    context.note('Not approved; nothing was sent.');
    return 6;
  }
  const body = { plan_hash, ...noted(comment) };
  const proof = await proofOf(context, { factor, confirm });
  const answer = await sendApproval<Plan>(context, { to: path(plan_id, '/approve'), mark: 'hash' }, body, proof);
  await context.show(answer, ({ state, decision, approvals = [] }) =>
    state === 'approved'
      ? ['Approved.', `  proxmox-agent apply ${plan_id}`]
      : [
          `Your approval is recorded: ${approvals.length} of ${decision?.approvals_required ?? 1}. The plan is ${state.replaceAll('_', ' ')}.`,
        ],
  );
  return 0;
}

export interface Proof {
  readonly factor?: string;
  readonly confirm?: string;
}

/** What the options say of a second factor; `-` reads the code from the standard input. */
export async function proofOf(
  context: Context,
  { factor, confirm }: { readonly factor?: string | undefined; readonly confirm?: string | undefined },
): Promise<Proof> {
  const code = factor === undefined ? {} : { factor: (await codeOf(context, factor)).trim() };
  return { ...code, ...(confirm === undefined ? {} : { confirm }) };
}

/**
 * Sends an approval; what the server asks for besides is asked on a terminal, and sent with it the second time. `mark` is
 * what the digits that are asked for are the beginning of.
 */
export async function sendApproval<T>(
  context: Context,
  { to, mark }: { readonly to: string; readonly mark: 'hash' | 'digest' },
  body: object,
  proof: Proof,
): Promise<Answer<T>> {
  try {
    return await postOnce<T>(context, to, { ...body, ...proof });
  } catch (error) {
    if (!(error instanceof RemoteProblem) || error.problem.code !== 'SECOND_FACTOR_REQUIRED' || !context.canAsk)
      throw error;
    const { factor, confirm } = error.problem.errors ?? {};
    // What was given and refused all the same is not asked for once more.
    if ((factor !== undefined && proof.factor !== undefined) || (factor === undefined && confirm === undefined))
      throw error;
    context.note(error.message);
    const more = {
      ...(factor === undefined ? {} : { factor: await context.prompt.secret('Code of your authenticator?') }),
      ...(confirm === undefined ? {} : { confirm: await context.prompt.text(`First 8 digits of the ${mark}?`) }),
    };
    return postOnce<T>(context, to, { ...body, ...proof, ...more });
  }
}

function fullHash(hash: string): string {
  if (/^[0-9a-f]{64}$/.test(hash)) return hash;
  throw usage('--hash must be the whole plan_hash, 64 hex digits, so that what is approved is what was read.');
}

async function readAndAsk(context: Context, plan_id: string, yes: boolean): Promise<string | undefined> {
  if (!context.canAsk) {
    throw usage(
      'Without a terminal --hash with the whole plan_hash is needed, so that what is approved is what was read.',
      `Nothing was sent. \`proxmox-agent plan show ${plan_id}\` shows the plan and its hash.`,
    );
  }
  const plan = await context.api.get<Plan>(path(plan_id));
  await showPlanAnswer(context, plan);
  context.print('');
  return yes || (await context.prompt.confirm('Approve this plan?')) ? plan.body.plan_hash : undefined;
}

export async function reject(
  context: Context,
  { comment }: { readonly comment?: string },
  plan_id: string,
): Promise<void> {
  const answer = await postOnce<Plan>(context, path(plan_id, '/reject'), noted(comment));
  await context.show(answer, ({ state }) => [`Rejected; the plan is ${state}.`]);
}

export async function cancelPlan(
  context: Context,
  { comment }: { readonly comment?: string },
  plan_id: string,
): Promise<void> {
  const answer = await postOnce<Plan>(context, path(plan_id, '/cancel'), noted(comment));
  await context.show(answer, ({ state }) => [`Taken back; the plan is ${state}.`]);
}
