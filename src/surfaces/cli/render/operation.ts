import type { Effect, Operation } from '../model.ts';
import { hanging, type Style } from './text.ts';
import { duration, instant, millis, show, who } from './values.ts';

interface View {
  readonly width: number;
  readonly style: Style;
}

export const ENDED: ReadonlySet<string> = new Set(['applied', 'failed', 'canceled', 'needs_attention']);

/** Exit code of an operation that came to its end, or to a stop. */
export function exitOf({ state }: Operation): number {
  return { applied: 0, canceled: 6, needs_attention: 8 }[state] ?? 1;
}

/** An operation with all its steps. */
export function operationLines(operation: Operation, view: View): string[] {
  const {
    operation_id,
    plan_id,
    environment,
    state,
    started_by,
    started_at,
    created_at,
    attempt,
    effects = [],
  } = operation;
  const { style } = view;
  const waiting = ENDED.has(state) ? undefined : waitingFor(operation);
  return [
    `${style.bold('Operation')} ${operation_id}  ${stateText(state, style)}`,
    `  plan         ${plan_id}`,
    ...(environment === undefined ? [] : [`  environment  ${environment}`]),
    ...(started_by === undefined ? [] : [`  started by   ${who(started_by)}, ${instant(started_at ?? created_at)}`]),
    ...(attempt === undefined || attempt <= 1 ? [] : [`  attempt      ${attempt}`]),
    ...(waiting === undefined ? [] : hanging('  waits for    ', waiting, view.width)),
    '',
    ...effects.flatMap((effect) => effectLines(effect, effects.length, view)),
    ...endLines(operation, view),
  ];
}

export function stateText(state: string, style: Style): string {
  const colour =
    state === 'applied' ? style.green : /^(failed|needs_attention)$/.test(state) ? style.red : style.yellow;
  return colour(state.replaceAll('_', ' '));
}

/** What it waits for, in words. */
export function waitingFor({ waiting_for }: Operation): string | undefined {
  if (waiting_for === undefined || waiting_for === null) return undefined;
  if (typeof waiting_for === 'string') return waiting_for;
  const { why, ...rest } = waiting_for as { why?: unknown };
  return [why, ...Object.values(rest)]
    .filter((part) => part !== undefined && part !== null)
    .map(show)
    .join(', ');
}

/** One step: its place, state, title, how long it took, and what went wrong. */
export function effectLines(effect: Effect, total: number, { width, style }: View): string[] {
  const { seq, title, state, started_at, ended_at, upid, in_doubt, error } = effect;
  const colours: Readonly<Record<string, (text: string) => string>> = {
    done: style.green,
    failed: style.red,
    running: style.cyan,
    sent: style.cyan,
  };
  const took = started_at && ended_at ? `  ${duration((millis(ended_at) - millis(started_at)) / 1000)}` : '';
  const doubt = in_doubt?.settled_by === undefined ? '' : `  (the answer was lost; settled by ${in_doubt.settled_by})`;
  const place = `${String(seq).padStart(String(total).length)}/${total}`;
  const lines = hanging(`  ${place} ${(colours[state] ?? style.dim)(state.padEnd(7))} `, title + took + doubt, width);
  if (state === 'running' && upid) lines.push(`        ${style.dim(upid)}`);
  if (error !== undefined && error !== null) lines.push(...hanging('        ', errorText(error), width));
  return lines;
}

export function errorText(error: unknown): string {
  if (typeof error !== 'object' || error === null) return show(error);
  const { code, message, detail } = error as { code?: string; message?: string; detail?: string };
  const words = message ?? detail ?? '';
  return code === undefined ? words || show(error) : `${code}: ${words}`;
}

/** What stands at the end: checks, what was taken back, results, and the verdict. */
export function endLines(operation: Operation, view: View): string[] {
  const { width, style } = view;
  const { verification, compensation, results, state, error } = operation;
  if (!ENDED.has(state)) return [];
  const marks: Readonly<Record<string, string>> = {
    pass: style.green('pass'),
    warn: style.yellow('warn'),
    fail: style.red('fail'),
  };
  const lines: string[] = [];
  if (verification && verification.length > 0) {
    lines.push('', style.bold('Verified'));
    for (const { check, result, detail } of verification)
      lines.push(...hanging(`  ${marks[result] ?? result}  `, `${check}${detail ? `: ${detail}` : ''}`, width));
  }
  if (compensation && compensation.length > 0)
    lines.push('', style.bold('Taken back'), ...compensation.flatMap((entry) => undoneLines(entry, view)));
  const found = Object.values(results ?? {}).flatMap((result) =>
    typeof result === 'object' && result !== null ? Object.entries(result) : [],
  );
  if (state === 'applied' && found.length > 0)
    lines.push(
      '',
      style.bold('Result'),
      ...found.flatMap(([name, value]) => hanging(`  ${name}  `, resultText(value), width)),
    );
  lines.push('', verdict(operation, style));
  if (error !== undefined && error !== null) lines.push(...hanging('  ', errorText(error), width));
  return [...lines, ...advice(operation)];
}

/** What an action answered; addresses as they are written elsewhere: `10.0.0.5/24 (eth0)`. */
function resultText(value: unknown): string {
  if (!Array.isArray(value) || value.length === 0) return show(value);
  return value
    .map((entry: unknown) => {
      const { address, prefix, interface: at, ...rest } = (entry ?? {}) as Readonly<Record<string, unknown>>;
      if (typeof address !== 'string' || Object.keys(rest).length > 0) return show(entry);
      return `${address}${prefix === undefined ? '' : `/${show(prefix)}`}${at === undefined ? '' : ` (${show(at)})`}`;
    })
    .join(', ');
}

function undoneLines(
  { title, state, why }: NonNullable<Operation['compensation']>[number],
  { width, style }: View,
): string[] {
  const words: Readonly<Record<string, string>> = {
    undone: style.green('undone'),
    left: style.red('LEFT'),
    failed: style.red('NOT UNDONE'),
    nothing: style.dim('nothing to do'),
  };
  return hanging(`  ${words[state] ?? state}  `, `${title}${why === undefined ? '' : `: ${why}`}`, width);
}

function verdict({ state, started_at, ended_at }: Operation, style: Style): string {
  const took = started_at && ended_at ? ` after ${duration((millis(ended_at) - millis(started_at)) / 1000)}` : '';
  if (state === 'applied') return style.green(`Applied and verified${took}.`);
  if (state === 'canceled') return style.yellow(`Canceled${took}.`);
  return style.red(state === 'failed' ? `FAILED${took}.` : 'NEEDS ATTENTION: a person has to decide.');
}

function advice({ state, operation_id, compensation }: Operation): string[] {
  if (state === 'needs_attention')
    return [`  proxmox-agent op resume ${operation_id}`, `  proxmox-agent op cancel ${operation_id}`];
  const left = (compensation ?? []).filter((entry) => entry.state === 'left' || entry.state === 'failed');
  return left.length === 0
    ? []
    : [`  ${left.length} of the steps above ${left.length === 1 ? 'was' : 'were'} not taken back; look at the lab.`];
}
