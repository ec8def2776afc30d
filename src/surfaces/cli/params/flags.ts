import { nearest } from '../../../kernel/nearest.ts';
import type { Context } from '../context.ts';
import type { JsonSchema } from '../model.ts';
import { usage } from '../problem.ts';
import { parseValue } from './parse.ts';
import { findPlace, listFlags, typesOf, type Place } from './schema.ts';
import { resolveSecrets, secretFromFlag } from './secrets.ts';

/** One flag as it was written; `text` is absent for a flag that stands alone. */
export interface Assignment extends Place {
  readonly flag: string;
  readonly text: string | undefined;
  readonly negated: boolean;
}

/**
 * Reads the flags of an action. Nothing is asked, read or sent here, so a mistyped flag costs nothing. Errors:
 * `VALIDATION_FAILED` with the nearest name; its text never repeats a value, which may be a secret.
 */
export async function parseFlags(tokens: readonly string[], action: string, schema: JsonSchema): Promise<Assignment[]> {
  const found: Assignment[] = [];
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index] ?? '';
    if (!/^--./.test(token))
      throw usage(
        `There is a word too many ${index === 0 ? `after ${action}` : `behind ${nameOf(tokens[index - 1] ?? '')}`}; parameters are given as --NAME VALUE.`,
      );
    const flag = nameOf(token);
    const assigned = token.includes('=') ? token.slice(token.indexOf('=') + 1) : undefined;
    const place = locate(schema, flag.slice(2));
    if (place === undefined) throw await unknownFlag(flag, action, schema);
    const next = tokens[index + 1];
    const takes = assigned === undefined && next !== undefined && !place.negated && takesNext(place.schema, next);
    if (takes) index++;
    const text = takes ? next : assigned;
    if (place.negated && text !== undefined) throw usage(`${flag} stands alone.`);
    found.push({ ...place, flag, text });
  }
  return found;
}

const nameOf = (token: string): string => token.split('=')[0] ?? '';

const isBoolean = (schema: JsonSchema): boolean => typesOf(schema).join() === 'boolean';

function takesNext(schema: JsonSchema, next: string): boolean {
  if (isBoolean(schema)) return /^(true|false)$/.test(next);
  // A secret may be asked for, so its flag can stand alone before another one.
  return schema.writeOnly !== true || !next.startsWith('--');
}

function locate(schema: JsonSchema, written: string): (Place & { negated: boolean }) | undefined {
  // `params.` in front tells a parameter from an option of `plan` with the same name, such as `reason`.
  const name = written.startsWith('params.') ? written.slice('params.'.length) : written;
  const place = findPlace(schema, name);
  if (place !== undefined) return { ...place, negated: false };
  const positive = name.startsWith('no-') ? findPlace(schema, name.slice(3)) : undefined;
  return positive !== undefined && isBoolean(positive.schema) ? { ...positive, negated: true } : undefined;
}

async function unknownFlag(flag: string, action: string, schema: JsonSchema): Promise<Error> {
  const own = ['target', 'params', 'reason', 'change', 'dry-run', 'file', 'environment', 'server', 'json'];
  const known = [...listFlags(schema).map(({ name }) => name), ...own].map((name) => `--${name}`);
  const hint = nearest(flag.replaceAll(/\.\d+(?=\.|$)/g, '.N').replaceAll('_', '-'), known) ?? nearest(flag, known);
  return usage(
    `${action} has no flag ${flag}.${hint === undefined ? '' : ` Did you mean ${hint}?`}`,
    `Nothing was sent. \`proxmox-agent actions ${action}\` lists its parameters.`,
  );
}

/**
 * Adds the values of the flags to `params`, which they win over. A repeated flag of a list adds to it. Errors:
 * `VALIDATION_FAILED`, also for a secret that stands on the command line.
 */
export async function assignFlags(
  params: Record<string, unknown>,
  assignments: readonly Assignment[],
  context: Context,
): Promise<void> {
  const begun = new Set<string>();
  for (const { flag, path, schema, text, negated } of assignments) {
    const lists = typesOf(schema).includes('array');
    const value = await flagValue({ flag, schema, text, negated }, context);
    const key = path.join('.');
    if (begun.has(key) && !lists) throw usage(`${flag} is given twice.`);
    const before = begun.has(key) ? (get(params, path) as unknown[]) : [];
    set(params, path, lists ? [...before, ...[value].flat()] : value);
    begun.add(key);
  }
}

async function flagValue(
  { flag, schema, text, negated }: Pick<Assignment, 'flag' | 'schema' | 'text' | 'negated'>,
  context: Context,
): Promise<unknown> {
  if (negated) return false;
  if (schema.writeOnly === true) return secretFromFlag(flag, text, context);
  if (text === undefined && isBoolean(schema)) return true;
  if (text === undefined) throw usage(`${flag} needs a value.`);
  const value = parseValue(flag, text, schema);
  return resolveSecrets(value, schema, { where: flag, literals: false }, context);
}

const get = (params: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((here, part) => (here as Record<string, unknown> | undefined)?.[part], params);

function set(params: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [key = '', ...rest] = path;
  if (rest.length === 0) {
    params[key] = value;
    return;
  }
  const inner = params[key];
  const next = typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>) : {};
  params[key] = next;
  set(next, rest, value);
}
