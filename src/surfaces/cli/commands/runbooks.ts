import { basename } from 'node:path';
import { parseRunbook } from '../../../changes/index.ts';
import type { Context } from '../context.ts';
import type { RunbookBody, RunbookRow } from '../model_runbook.ts';
import { readFileText } from '../params/source.ts';
import { runbookLines } from '../render/runbook.ts';
import { table } from '../render/table.ts';

export const runbookPath = (id: string): string => `/v1/runbooks/${encodeURIComponent(id)}`;

export async function listRunbooks(context: Context): Promise<void> {
  const answer = await context.api.get<{ runbooks: RunbookRow[] }>('/v1/runbooks');
  await context.show(answer, async ({ runbooks }) => {
    if (runbooks.length === 0) return ['No runbooks.'];
    const rows = runbooks.map(({ id, version, title }) => [id, version, title]);
    return table(['RUNBOOK', 'VERSION', 'TITLE'], rows, context);
  });
}

export async function showRunbook(context: Context, _options: object, id: string): Promise<void> {
  await context.show(await context.api.get<RunbookBody>(runbookPath(id)), (body) => runbookLines(body, context));
}

/** Errors: `RUNBOOK_INVALID` with the line of everything that is wrong. */
export async function lint(context: Context, _options: object, files: readonly string[]): Promise<void> {
  const read = files.map((file) => parseRunbook(basename(file), readFileText(file, 'runbook lint')));
  if (context.json)
    context.print(
      JSON.stringify({ runbooks: read.map(({ id, version, steps }) => ({ id, version, steps: steps.length })) }),
    );
  else context.print(read.map(({ id, steps }) => `${id}: ${steps.length} steps, nothing wrong.`));
}
