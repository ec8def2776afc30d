import { writeFileSync } from 'node:fs';
import type { Context } from '../context.ts';
import type { Change, ChangeMetrics } from '../model.ts';
import { readFileText, readYaml } from '../params/source.ts';
import { printable } from '../printable.ts';
import { usage } from '../problem.ts';
import { changeLines } from '../render/change.ts';
import { pairs, table } from '../render/table.ts';
import { count, duration, percent } from '../render/values.ts';
import type { Answer } from '../api.ts';
import { fetchList } from './list.ts';
import { postOnce } from './once.ts';

export const changePath = (id: string, verb = ''): string => `/v1/changes/${encodeURIComponent(id)}${verb}`;

export const showChangeAnswer = (context: Context, answer: Answer<Change>): Promise<void> =>
  context.show(answer, (body) => changeLines(body, context));

interface Written {
  readonly title?: string;
  readonly file?: string;
  readonly category?: string;
}

export async function newChange(context: Context, options: Written): Promise<void> {
  const content = await contentOf(context, options);
  if (content['title'] === undefined) throw usage('A change needs a --title, or a --file that has one.');
  const { environment } = context.options;
  const where = environment === undefined ? {} : { environments: [environment] };
  const answer = await postOnce<Change>(context, '/v1/changes', { ...where, ...content });
  await context.show(answer, ({ id }) => [`${id} is planned.`, `  proxmox-agent change show ${id}`]);
}

export async function editChange(
  context: Context,
  { hash, ...options }: Written & { readonly hash?: string },
  id: string,
): Promise<void> {
  const content = await contentOf(context, options, id);
  if (Object.keys(content).length === 0) throw usage('What is new? Add --file, --title or --category.');
  const digest = hash === undefined ? {} : { digest: hash };
  await showChangeAnswer(context, await context.api.patch<Change>(changePath(id), { ...content, ...digest }));
}

/** What a file and the options say of a change. A document of another change is refused. */
async function contentOf(
  context: Context,
  { title, file, category }: Written,
  id?: string,
): Promise<Record<string, unknown>> {
  const given = { ...(title === undefined ? {} : { title }), ...(category === undefined ? {} : { category }) };
  if (file === undefined) return given;
  if (!/\.(md|markdown)$/i.test(file)) return { ...(await readYaml(context, file, '--file')), ...given };
  const { readChange } = await import('../../../changes/index.ts');
  const read = readChange(readFileText(file, '--file'));
  if (id !== undefined && read.id !== undefined && read.id !== id)
    throw usage(`--file: this is the document of ${read.id}, not of ${id}.`);
  return { ...read.content, ...(read.category === undefined ? {} : { category: read.category }), ...given };
}

export async function listChanges(
  context: Context,
  { status, overdue, all }: { readonly status?: string; readonly overdue?: boolean; readonly all?: boolean },
): Promise<void> {
  const query = { status, overdue: overdue === true ? '1' : undefined };
  const list = await fetchList<'changes', Change>(context, '/v1/changes', 'changes', query, all === true);
  await context.show(list, async ({ changes, next }) => {
    if (changes.length === 0) return ['No changes.'];
    const rows = changes.map(({ id, status: stands, category, risk, review, title }) => [
      id,
      `${stands.replaceAll('_', ' ')}${review?.overdue === true ? ', review overdue' : ''}`,
      category,
      risk?.level ?? '',
      title,
    ]);
    const lines = await table(['CHANGE', 'STATUS', 'CATEGORY', 'RISK', 'WHAT'], rows, context);
    return next ? [...lines, 'There are more; add --all.'] : lines;
  });
}

export async function showChange(context: Context, _options: object, id: string): Promise<void> {
  await showChangeAnswer(context, await context.api.get<Change>(changePath(id)));
}

export async function importChange(context: Context, _options: object, file: string): Promise<void> {
  const markdown = file === '-' ? await context.stdin('change import') : readFileText(file, 'change import');
  const answer = await postOnce<Change>(context, '/v1/changes/import', { markdown });
  await context.show(answer, ({ id, status, status_note }) => [
    `${id} is ${status.replaceAll('_', ' ')}${status_note === '' ? '' : `: ${status_note}`}.`,
    `  proxmox-agent change show ${id}`,
  ]);
}

export async function exportChange(context: Context, _options: object, id: string, file = '-'): Promise<void> {
  const pieces: Uint8Array[] = [];
  for await (const piece of await context.api.open(changePath(id, '/export'), 'text/markdown')) pieces.push(piece);
  const text = Buffer.concat(pieces).toString('utf8');
  if (file === '-') {
    context.print((context.io.isTTY ? printable(text) : text).replace(/\n$/, ''));
    return;
  }
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw usage(`The file ${file} cannot be written: ${(error as Error).message}.`);
  }
  context.print(context.json ? JSON.stringify({ file }) : `${id} is in ${file}.`);
}

const UNITS: Readonly<Record<string, number>> = { h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 };

export async function showMetrics(context: Context, { since }: { readonly since?: string }): Promise<void> {
  const [, number, unit = ''] = /^(\d{1,5})([hdw])$/.exec(since ?? '') ?? [];
  if (since !== undefined && number === undefined) throw usage('--since must be like 12h, 90d or 26w.');
  const from = context.clock.now() - Number(number) * (UNITS[unit] ?? 0);
  const query = number === undefined ? {} : { since: new Date(from).toISOString() };
  const answer = await context.api.get<ChangeMetrics>('/v1/changes/metrics', { query });
  await context.show(answer, (body) => pairs(metricsRows(body), context.style));
}

const orNone = (value: number | null, show: (value: number) => string): string =>
  value === null ? 'nothing to tell yet' : show(value);

const metricsRows = (metrics: ChangeMetrics): [string, string][] => [
  ['changes', `${count(metrics.total, 'change')}, ${metrics.ended} ended`],
  ['failed', orNone(metrics.failure_rate, (share) => `${percent(share)} of those that ended were rolled back`)],
  ['lead time', orNone(metrics.lead_time_seconds, (seconds) => `${duration(seconds)} from writing to the end, median`)],
  ['emergencies', orNone(metrics.emergency_share, (share) => `${percent(share)} of all`)],
  ['restored in', orNone(metrics.time_to_restore_seconds, (seconds) => `${duration(seconds)}, median of emergencies`)],
  ['reviews overdue', String(metrics.reviews_overdue)],
];
