import { z } from 'zod';
import { isAgentError } from '../../kernel/errors.ts';
import { hasSecret } from '../../kernel/secret.ts';
import { readRequest } from '../requests.ts';
import { exampleValues, fill, misfit, parametersSchema, placesIn, type Parameter, type Values } from './parameters.ts';
import { Problems } from './problems.ts';
import { requestOf, stepSchema, type StepSpec } from './steps.ts';
import { splitRunbook, type StepText } from './split.ts';
import { YamlPiece } from './yaml.ts';

export interface RunbookStep {
  /** From 1, without gaps. */
  readonly number: number;
  readonly title: string;
  /** Markdown. */
  readonly text: string;
  /** The fields of its block with the places still in them. */
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface Runbook {
  readonly id: string;
  readonly title: string;
  readonly version: string;
  readonly summary: string;
  readonly parameters: readonly Parameter[];
  /** Markdown before the first step. */
  readonly introduction: string;
  readonly steps: readonly RunbookStep[];
}

const headSchema = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9-]{0,63}$/, 'must be lower-case letters, digits and hyphens'),
  title: z.string().trim().min(3).max(120),
  version: z
    .union([z.string(), z.number()])
    .transform(String)
    .pipe(z.string().regex(/^\d+(\.\d+){0,2}$/, 'must be such as 1 or 1.2')),
  summary: z.string().trim().min(3).max(500),
  parameters: parametersSchema.default({}),
});

/**
 * Reads a runbook: front matter, an introduction, numbered steps, each with one fenced `step` block. It is checked with
 * the examples of its parameters as if it were started with them, down to the parameters of its actions.
 * Errors: `RUNBOOK_INVALID` with the line of everything that is wrong.
 */
export function parseRunbook(file: string, text: string): Runbook {
  const problems = new Problems(file);
  const { head, introduction, steps } = splitRunbook(text, problems);
  const piece = new YamlPiece(head.text, head.line, problems);
  const front = piece.value === undefined ? undefined : piece.parse(headSchema);
  const parameters = Object.entries(front?.parameters ?? {}).map(([name, rest]): Parameter => ({ name, ...rest }));
  checkParameters(parameters, piece, problems);
  if (front !== undefined) checkPlaces(text, parameters, piece, problems);
  const read = problems.any ? [] : steps.map((step) => readStep(step, exampleValues(parameters), problems));
  problems.throwIfAny();
  return { ...(front as NonNullable<typeof front>), parameters, introduction, steps: read };
}

function checkParameters(parameters: readonly Parameter[], piece: YamlPiece, problems: Problems): void {
  for (const parameter of parameters)
    for (const field of ['example', 'default'] as const) {
      const value = parameter[field];
      const wrong = value === undefined ? undefined : misfit(parameter, value);
      const path = ['parameters', parameter.name, field];
      if (wrong !== undefined) problems.add(piece.lineOf(path), `${path.join('.')}: ${wrong}`);
    }
}

/** Every place has its parameter and every parameter its place; a typing mistake in either shows itself here. */
function checkPlaces(text: string, parameters: readonly Parameter[], piece: YamlPiece, problems: Problems): void {
  const used = new Set<string>();
  text.split('\n').forEach((line, index) => {
    for (const name of placesIn(line)) {
      used.add(name);
      if (!parameters.some((one) => one.name === name))
        problems.add(index + 1, `{{${name}}} is not among the parameters of the front matter`);
    }
    if (/\{\{/.test(line.replace(/\{\{[^{}]*\}\}/g, '')))
      problems.add(index + 1, 'a placeholder is not closed on its line');
  });
  for (const { name } of parameters)
    if (!used.has(name)) problems.add(piece.lineOf(['parameters', name]), `the parameter ${name} is used nowhere`);
}

function readStep({ number, title, text, line, block }: StepText, examples: Values, problems: Problems): RunbookStep {
  const piece = new YamlPiece(block?.text ?? '', block?.line ?? line, problems);
  const fields = piece.value ?? {};
  const spec = piece.value === undefined ? undefined : piece.parse(stepSchema, fill(fields, examples));
  if (spec !== undefined)
    for (const [path, what] of misfitsOf(spec))
      problems.add(piece.lineOf(path), `${path.join('.') || 'step'}: ${what}`);
  return { number, title, text, fields };
}

/** What the fields alone do not show: unknown actions, parameters that the action does not take, secrets. */
export function misfitsOf(spec: StepSpec): readonly (readonly [path: readonly string[], what: string])[] {
  if (spec.kind !== 'action' && spec.kind !== 'host') return [];
  try {
    const { items } = readRequest(requestOf(spec));
    // A run keeps its steps in the clear, and a runbook is a file that people share.
    if (items.some(({ params }) => hasSecret(params)))
      return [[['params'], 'a secret has no place in a runbook; plan this change by hand in a manual step']];
    return [];
  } catch (error) {
    if (!isAgentError(error)) throw error;
    const errors = Object.entries(error.details.errors ?? {});
    if (errors.length === 0) return [[[spec.kind === 'host' ? 'command' : 'action'], error.message]];
    return errors.map(([field, what]) => [pathOf(field, spec.kind), what]);
  }
}

/** A host step is a `host.run` in other words; its fields are named as they stand in the file. */
function pathOf(field: string, kind: 'action' | 'host'): string[] {
  const path = field.split('.');
  if (kind === 'action') return path;
  return path[0] === 'params' ? path.slice(1) : path[0] === 'target' ? ['node'] : path;
}
