import { z } from 'zod';
import { AgentError } from '../../kernel/errors.ts';

export type Values = Readonly<Record<string, string | number>>;

/** What is asked for when a run starts. */
export interface Parameter {
  readonly name: string;
  readonly description: string;
  readonly type: 'text' | 'integer';
  /** Regular expression for the whole value. */
  readonly pattern?: string | undefined;
  /** A value that fits; the runbook is checked with it. */
  readonly example: string | number;
  /** Taken when nothing is given; one without it has to be given. */
  readonly default?: string | number | undefined;
}

/**
 * No value can be Markdown, YAML, a line of its own or another placeholder, whatever the pattern of a parameter allows:
 * it stands inside text and fields and changes nothing else of them.
 */
const SAFE = /^[\p{L}\p{N}][\p{L}\p{N} .,:@/+=_~()-]{0,999}$/u;

const value = z.union([z.string(), z.number()]);
export const parametersSchema = z.record(
  z.string().regex(/^[a-z][a-z0-9_]{0,31}$/, 'must be lower-case letters, digits and "_"'),
  z.strictObject({
    description: z.string().trim().min(3).max(300),
    type: z.enum(['text', 'integer']).default('text'),
    pattern: z.string().max(300).refine(compiles, 'is not a regular expression').optional(),
    example: value,
    default: value.optional(),
  }),
);

function compiles(pattern: string): boolean {
  try {
    return expression(pattern) !== undefined;
  } catch {
    return false;
  }
}
const expression = (pattern: string): RegExp => new RegExp(`^(?:${pattern})$`, 'u');

/** What is wrong with a value; undefined when nothing is. */
export function misfit({ type, pattern }: Parameter, given: string | number): string | undefined {
  const text = String(given);
  if (type === 'integer' && !/^(0|-?[1-9]\d{0,14})$/.test(text)) return 'must be a whole number';
  if (type === 'text' && !SAFE.test(text))
    return 'must be one line that begins with a letter or digit and has letters, digits, spaces and . , : @ / + = _ ~ ( ) - only';
  if (pattern !== undefined && !expression(pattern).test(text)) return `must match ${pattern}`;
  return undefined;
}

const typed = ({ type }: Parameter, given: string | number): string | number =>
  type === 'integer' ? Number(given) : String(given);

/** The values of a run: what was given over the defaults. Errors: `VALIDATION_FAILED` naming each that is wrong. */
export function readValues(parameters: readonly Parameter[], given: Values): Values {
  const errors: Record<string, string> = {};
  const values: Record<string, string | number> = {};
  for (const name of Object.keys(given))
    if (!parameters.some((one) => one.name === name))
      errors[`parameters.${name}`] = 'is not a parameter of this runbook';
  for (const parameter of parameters) {
    const own = Object.hasOwn(given, parameter.name) ? given[parameter.name] : parameter.default;
    const wrong = own === undefined ? `is missing: ${parameter.description}` : misfit(parameter, own);
    if (wrong !== undefined) errors[`parameters.${parameter.name}`] = wrong;
    else if (own !== undefined) values[parameter.name] = typed(parameter, own);
  }
  if (Object.keys(errors).length === 0) return values;
  throw new AgentError('VALIDATION_FAILED', 'The parameters of the runbook are not complete and right.', { errors });
}

export const exampleValues = (parameters: readonly Parameter[]): Values =>
  Object.fromEntries(parameters.map((parameter) => [parameter.name, typed(parameter, parameter.example)]));

const PLACE = /\{\{\s*([^{}]*?)\s*\}\}/g;
const WHOLE = /^\{\{\s*([^{}]*?)\s*\}\}$/;

/** Names of the parameters that stand in a text. */
export const placesIn = (text: string): string[] => [...text.matchAll(PLACE)].map(([, name = '']) => name);

export const fillText = (text: string, values: Values): string =>
  text.replace(PLACE, (place, name: string) => (Object.hasOwn(values, name) ? String(values[name]) : place));

/** Puts values into the strings of a field, never into its keys; a string that is one place alone becomes the value. */
export function fill(field: unknown, values: Values): unknown {
  if (typeof field === 'string') {
    const [, name] = WHOLE.exec(field) ?? [];
    return name !== undefined && Object.hasOwn(values, name) ? values[name] : fillText(field, values);
  }
  if (Array.isArray(field)) return field.map((one) => fill(one, values));
  if (field === null || typeof field !== 'object') return field;
  return Object.fromEntries(Object.entries(field).map(([key, one]) => [key, fill(one, values)]));
}
