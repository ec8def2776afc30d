import type { Context } from '../context.ts';
import { follow } from '../follow.ts';
import type { Operation } from '../model.ts';
import { LineProgress, silentProgress } from '../progress.ts';
import { exitOf, operationLines } from '../render/operation.ts';
import { table } from '../render/table.ts';
import { instant } from '../render/values.ts';
import { fetchList } from './list.ts';
import { postOnce } from './once.ts';

const path = (operation_id: string, verb = ''): string => `/v1/operations/${encodeURIComponent(operation_id)}${verb}`;

export const begunLines = ({ operation_id, plan_id }: Operation): string[] => [
  `Operation ${operation_id} applies plan ${plan_id}.`,
];

/** Shows an operation until its end; the exit code is how it ended. */
export async function followToEnd(context: Context, operation: Operation): Promise<number> {
  const view = context.json ? silentProgress(context) : new LineProgress(context);
  if (!context.json) context.print(begunLines(operation));
  if (context.canAsk) context.note('It runs on the server: Ctrl-C only stops watching.');
  const end = await follow(context, operation.operation_id, view);
  if (context.json) context.print(end.text.trimEnd());
  else view.end(end.body);
  return exitOf(end.body);
}

export async function listOperations(
  context: Context,
  { active, all }: { readonly active?: boolean; readonly all?: boolean },
): Promise<void> {
  const query = { active: active === true ? '1' : undefined };
  const list = await fetchList<'operations', Operation>(context, '/v1/operations', 'operations', query, all === true);
  await context.show(list, async ({ operations, next }) => {
    if (operations.length === 0) return ['No operations.'];
    const rows = operations.map(({ operation_id, state, environment = '', created_at, started_at, targets = [] }) => [
      operation_id,
      state.replaceAll('_', ' '),
      environment,
      instant(started_at ?? created_at),
      targets.join(', '),
    ]);
    const lines = await table(['OPERATION', 'STATE', 'ENV', 'STARTED', 'TARGETS'], rows, context);
    return next ? [...lines, 'There are more; add --all.'] : lines;
  });
}

export async function showOperation(context: Context, _options: object, operation_id: string): Promise<void> {
  await context.show(await context.api.get<Operation>(path(operation_id)), (operation) =>
    operationLines(operation, context),
  );
}

export async function watchOperation(context: Context, _options: object, operation_id: string): Promise<number> {
  const { body } = await context.api.get<Operation>(path(operation_id));
  return followToEnd(context, body);
}

export async function cancelOperation(context: Context, _options: object, operation_id: string): Promise<void> {
  const answer = await postOnce<Operation>(context, path(operation_id, '/cancel'));
  await context.show(answer, ({ state }) => [
    state === 'canceled' ? 'Canceled.' : `Cancel is asked for; the operation is ${state.replaceAll('_', ' ')}.`,
    `  proxmox-agent op watch ${operation_id}`,
  ]);
}

export async function resumeOperation(context: Context, _options: object, operation_id: string): Promise<void> {
  const answer = await postOnce<Operation>(context, path(operation_id, '/resume'));
  await context.show(answer, ({ state }) => [
    `The operation goes on; it is ${state.replaceAll('_', ' ')}.`,
    `  proxmox-agent op watch ${operation_id}`,
  ]);
}
