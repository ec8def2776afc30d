import type { Context } from '../context.ts';
import type { Change } from '../model.ts';
import { usage } from '../problem.ts';
import { criterionLines } from '../render/change.ts';
import { changePath, showChangeAnswer } from './changes.ts';
import { proofOf, sendApproval } from './decide.ts';
import { postOnce } from './once.ts';

const noted = (name: string, text: string | undefined): Record<string, string> =>
  text === undefined ? {} : { [name]: text };
const words = (status: string): string => status.replaceAll('_', ' ');

interface ApproveOptions {
  readonly hash?: string;
  readonly comment?: string;
  readonly yes?: boolean;
  readonly factor?: string;
  readonly confirm?: string;
}

/** A person's yes to the change that was read: its digest is sent with it. Exit code 6 when the person said no. */
export async function approve(
  context: Context,
  { hash, comment, yes, factor, confirm }: ApproveOptions,
  id: string,
): Promise<number> {
  const digest = hash ?? (await readAndAsk(context, id, yes === true));
  if (digest === undefined) {
    context.note('Not approved; nothing was sent.');
    return 6;
  }
  const body = { digest, ...noted('comment', comment) };
  const proof = await proofOf(context, { factor, confirm });
  const answer = await sendApproval<Change>(context, { to: changePath(id, '/approve'), mark: 'digest' }, body, proof);
  await context.show(answer, ({ status }) =>
    status === 'approved'
      ? ['Approved.', `  proxmox-agent change status ${id} in_progress`]
      : [`Your approval is recorded; ${id} stays ${words(status)}.`, `  proxmox-agent change status ${id} approved`],
  );
  return 0;
}

async function readAndAsk(context: Context, id: string, yes: boolean): Promise<string | undefined> {
  if (!context.canAsk)
    throw usage(
      'Without a terminal --hash with the digest is needed, so that what is approved is what was read.',
      `Nothing was sent. \`proxmox-agent change show ${id}\` shows the change and its digest.`,
    );
  const change = await context.api.get<Change>(changePath(id));
  await showChangeAnswer(context, change);
  context.print('');
  return yes || (await context.prompt.confirm('Approve this change?')) ? change.body.digest : undefined;
}

export async function reject(context: Context, { note }: { readonly note: string }, id: string): Promise<void> {
  const answer = await postOnce<Change>(context, changePath(id, '/reject'), { note });
  await context.show(answer, () => [`${id} is rejected.`]);
}

export async function setStatus(
  context: Context,
  { note }: { readonly note?: string },
  id: string,
  status: string,
): Promise<void> {
  const body = { status: status.replaceAll(/[- ]/g, '_'), ...noted('note', note) };
  const answer = await postOnce<Change>(context, changePath(id, '/status'), body);
  await context.show(answer, (after) => [
    `${id} is ${words(after.status)}.`,
    ...(after.review === undefined || after.review.done !== undefined
      ? []
      : [`  It is to be reviewed by ${after.review.due_at}: proxmox-agent change review ${id} --text …`]),
  ]);
}

/** Exit code 1 when a check did not pass. */
export async function check(context: Context, _options: object, id: string): Promise<number> {
  const answer = await postOnce<Change>(context, changePath(id, '/check'));
  const checked = answer.body.validation.filter((criterion) => criterion.check !== undefined);
  await context.show(answer, () =>
    checked.length === 0
      ? [`No criterion of ${id} has a check; a person says of them: change criterion ${id} N passed --evidence …`]
      : checked.flatMap((criterion) => criterionLines(criterion, context)),
  );
  return checked.every(({ result }) => result === 'passed') ? 0 : 1;
}

export async function judge(
  context: Context,
  { evidence }: { readonly evidence: string },
  id: string,
  number: string,
  result: string,
): Promise<void> {
  if (!/^[1-9]\d{0,2}$/.test(number)) throw usage('The criterion is named by its number, from 1.');
  if (result !== 'passed' && result !== 'failed') throw usage('A criterion has passed or failed; write one of these.');
  const answer = await postOnce<Change>(context, changePath(id, `/criteria/${number}`), { result, evidence });
  await context.show(answer, ({ validation }) => {
    const open = validation.filter((criterion) => criterion.result !== 'passed').length;
    return [
      ...validation.filter(({ n }) => n === Number(number)).flatMap((criterion) => criterionLines(criterion, context)),
      open === 0 ? 'All criteria have passed.' : `${open} of ${validation.length} criteria have not passed.`,
    ];
  });
}

export async function review(context: Context, { text }: { readonly text: string }, id: string): Promise<void> {
  const answer = await postOnce<Change>(context, changePath(id, '/review'), { text });
  await context.show(answer, () => [`${id} is reviewed.`]);
}

export async function addEvidence(context: Context, _options: object, id: string, text: string): Promise<void> {
  const answer = await postOnce<Change>(context, changePath(id, '/evidence'), { text });
  await context.show(answer, ({ evidence }) => [`${id} has ${evidence.length} piece(s) of evidence.`]);
}
