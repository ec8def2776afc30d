import { createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AgentError } from '../../../kernel/errors.ts';
import type { AuditVerdict } from '../../../record/index.ts';
import type { Context } from '../context.ts';
import { readFileText } from '../params/source.ts';
import { unlessClosed } from '../pipe.ts';
import { usage } from '../problem.ts';
import { table } from '../render/table.ts';
import { cell, count, instant, who } from '../render/values.ts';

interface AuditRow {
  readonly seq: number;
  readonly at: number | string;
  readonly actor: unknown;
  readonly environment?: string | null;
  readonly event: string;
  readonly ids?: Readonly<Record<string, unknown>>;
}

export async function listAudit(context: Context, { last }: { readonly last: string }): Promise<void> {
  if (!/^[1-9]\d{0,4}$/.test(last)) throw usage('--last must be a whole number of 1 or more.');
  const answer = await context.api.get<{ records: AuditRow[] }>('/v1/audit', { query: { last } });
  await context.show(answer, async ({ records }) => {
    const rows = records.map(({ seq, at, actor, environment, event, ids = {} }) => [
      String(seq),
      instant(at),
      who(actor),
      cell(environment),
      event,
      Object.values(ids).map(cell).join(' '),
    ]);
    const lines = await table(['SEQ', 'TIME', 'WHO', 'ENV', 'EVENT', 'IDS'], rows, context);
    return lines.length === 0 ? ['No records.'] : lines;
  });
}

const openExport = (context: Context): Promise<AsyncIterable<Uint8Array>> =>
  context.api.open('/v1/audit/export', 'application/jsonl, application/x-ndjson, */*');

/** JSON Lines to a file, or to the standard output, piece by piece: a log may be larger than memory. */
export async function exportAudit(context: Context, _options: object, file?: string): Promise<void> {
  const stream = await openExport(context);
  if (file === undefined || file === '-') {
    await pipeline(Readable.from(stream), context.io.stdout, { end: false }).catch(unlessClosed);
    return;
  }
  const target = createWriteStream(file, { mode: 0o600 });
  try {
    await pipeline(Readable.from(stream), target);
  } catch (error) {
    if (error instanceof AgentError) throw error;
    throw usage(`The file ${file} cannot be written: ${(error as Error).message}.`);
  }
  if (context.json) context.print(JSON.stringify({ file, bytes: target.bytesWritten }));
  else
    context.print(
      `Written to ${file} (${target.bytesWritten} bytes). Check it with: proxmox-agent audit verify --export ${file}`,
    );
}

/** The PEM of `{public_key}`, or of a text that is one. */
function pemOf(text: string): string {
  if (!text.trimStart().startsWith('{')) return text;
  const { public_key } = JSON.parse(text) as { public_key?: unknown };
  return typeof public_key === 'string' ? public_key : '';
}

export async function showKey(context: Context): Promise<void> {
  const answer = await context.api.get<object>('/v1/audit/key');
  await context.show(answer, () => [pemOf(answer.text).trimEnd()]);
}

interface VerifyOptions {
  readonly export?: string;
  readonly key?: string;
}

/** With both files no server is asked. Exit code 1 and the first bad record where the log is not whole. */
export async function verifyAudit(context: Context, options: VerifyOptions): Promise<number> {
  const key =
    options.key === undefined
      ? pemOf((await context.api.get<object>('/v1/audit/key')).text)
      : pemOf(readFileText(options.key, '--key'));
  const bytes =
    options.export === undefined ? Readable.from(await openExport(context)) : await fileStream(options.export);
  const { verifyExport } = await import('../../../record/index.ts');
  const verdict = await verifyExport(linesOf(bytes), key);
  // Anybody can make a chain that fits together; only a signature says whose it is.
  const unsigned = verdict.records > 0 && verdict.checkpoints === 0;
  if (context.json) {
    context.print(JSON.stringify(verdict));
    return verdict.ok && !unsigned ? 0 : 1;
  }
  if (verdict.firstBad !== undefined) {
    const { seq, reason } = verdict.firstBad;
    throw new AgentError(
      'AUDIT_INVALID',
      `The first bad record is ${seq}: ${reason}. ${count(verdict.records, 'record')} before it ${verdict.records === 1 ? 'is' : 'are'} good.`,
    );
  }
  if (unsigned)
    throw new AgentError(
      'AUDIT_INVALID',
      `The ${count(verdict.records, 'record')} fit together, but none is signed: without a checkpoint this could be anybody's log.`,
    );
  context.print(goodLines(verdict, options.key === undefined));
  return 0;
}

/** A file that cannot be read is told before anything is checked. */
async function fileStream(path: string): Promise<Readable> {
  try {
    return (await open(path)).createReadStream();
  } catch {
    throw usage(`--export: the file ${path} cannot be read.`);
  }
}

/** Line by line; `readline` ends at an error of its input without a word, so that is passed on here. */
async function* linesOf(input: Readable): AsyncGenerator<string, void, undefined> {
  let broken: Error | undefined;
  const lines = createInterface({ input, crlfDelay: Infinity });
  input.on('error', (error) => {
    broken = error;
    lines.close();
  });
  yield* lines;
  if (broken !== undefined) throw broken;
}

function goodLines({ records, checkpoints, notes }: AuditVerdict, keyOfServer: boolean): string[] {
  return [
    `The audit log is whole: ${count(records, 'record')}, ${count(checkpoints, 'signed checkpoint')}.`,
    ...notes.map((note) => `  ${note}`),
    ...(keyOfServer ? ['  The key came from the server itself; an auditor keeps a copy and gives it with --key.'] : []),
  ];
}
