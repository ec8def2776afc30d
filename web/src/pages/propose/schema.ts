import type { JsonSchema } from '../../api/types.ts';
import { oneLine } from '../../parts/format.ts';

/** How a parameter is asked for. */
export type Kind = 'text' | 'long' | 'secret' | 'number' | 'boolean' | 'choice' | 'choices' | 'list' | 'json';

export interface Param {
  readonly name: string;
  readonly kind: Kind;
  readonly required: boolean;
  readonly schema: JsonSchema;
  /** For `choice` and `choices`. */
  readonly options: readonly string[];
}

/** The parameters of an action: the required ones first, else in the order of the schema. */
export function paramsOf(schema: JsonSchema): Param[] {
  const required = new Set(schema.required ?? []);
  const params = Object.entries(schema.properties ?? {}).map(([name, schema]): Param => {
    const kind = kindOf(schema);
    const options = optionsOf(kind === 'choices' ? (schema.items ?? {}) : schema) ?? [];
    return { name, kind, required: required.has(name), schema, options };
  });
  return [...params.filter(({ required }) => required), ...params.filter(({ required }) => !required)];
}

/** The only values that are allowed, when all are texts or numbers. */
function optionsOf({ enum: values, anyOf, oneOf, const: only }: JsonSchema): string[] | undefined {
  if (values !== undefined) return values.map(oneLine);
  if (only !== undefined) return [oneLine(only)];
  const branches = (anyOf ?? oneOf)?.map(optionsOf);
  if (branches === undefined || !branches.every((branch) => branch !== undefined)) return undefined;
  return branches.flat();
}

function typeOf(schema: JsonSchema): string | undefined {
  if (typeof schema.type === 'string') return schema.type;
  const branches = schema.anyOf ?? schema.oneOf;
  if (branches !== undefined) {
    const types = new Set(branches.map(typeOf));
    return types.size === 1 ? [...types][0] : undefined;
  }
  return undefined;
}

const LONG_TEXT = 1_000;

function kindOf(schema: JsonSchema): Kind {
  if (schema.writeOnly === true) return 'secret';
  const type = typeOf(schema);
  if (type === 'boolean') return 'boolean';
  if (optionsOf(schema) !== undefined) return 'choice';
  if (type === 'integer' || type === 'number') return 'number';
  if (type === 'string') return (schema.maxLength ?? 0) > LONG_TEXT ? 'long' : 'text';
  if (type === 'array' && schema.items !== undefined) {
    if (optionsOf(schema.items) !== undefined) return 'choices';
    if (typeOf(schema.items) === 'string') return 'list';
  }
  return 'json';
}

/** What stands in the form: one text for each parameter; the empty text means "left out". */
export type Values = Readonly<Record<string, string>>;

/** A value as it stands in its field. */
export function toText({ kind }: Param, value: unknown): string {
  if (value === undefined) return '';
  if ((kind === 'list' || kind === 'choices') && Array.isArray(value)) return value.join('\n');
  if (kind === 'json') return JSON.stringify(value, null, 2);
  return oneLine(value);
}

/**
 * One entry a line. Commas part entries as well where all stands on one line and the comma is followed by no blank
 * within an entry, so that `web, prod` are two tags and an SSH key with a comma in its comment stays one.
 */
function entries(text: string): string[] {
  const lines = text.split('\n');
  const parts = lines.length === 1 && !/^\S+ \S+/.test(text.replaceAll(/,\s+/g, ',')) ? text.split(',') : lines;
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

export interface Collected {
  readonly params: Record<string, unknown>;
  /** What cannot be sent at all, by `params.NAME`; everything else is for the server to judge. */
  readonly errors: Record<string, string>;
}

/** The parameters as they are sent. */
export function collect(params: readonly Param[], values: Values): Collected {
  const result: Collected = { params: {}, errors: {} };
  for (const param of params) {
    const { name, kind } = param;
    const text = values[name] ?? '';
    if (text.trim() === '') continue;
    if (kind === 'number') {
      if (Number.isFinite(Number(text))) result.params[name] = Number(text);
      else result.errors[`params.${name}`] = `“${text}” is not a number.`;
    } else if (kind === 'boolean') result.params[name] = text === 'true';
    else if (kind === 'choices') result.params[name] = text.split('\n').filter((part) => part !== '');
    else if (kind === 'list') result.params[name] = entries(text);
    else if (kind === 'json') {
      try {
        result.params[name] = JSON.parse(text);
      } catch (error) {
        result.errors[`params.${name}`] = `This is not JSON: ${error instanceof Error ? error.message : String(error)}`;
      }
    } else if (kind === 'choice') result.params[name] = typeOf(param.schema) === 'integer' ? Number(text) : text;
    else result.params[name] = kind === 'text' ? text.trim() : text;
  }
  return result;
}

/**
 * The server's field errors by field of the form, `target` or `params.name`; an action may well have a parameter that is
 * called `target`. What belongs to no field is left over, as text.
 */
export function placeErrors(errors: Readonly<Record<string, string>>, fields: readonly string[]) {
  const placed: Record<string, string> = {};
  const leftover: string[] = [];
  for (const [path, what] of Object.entries(errors)) {
    const inside = (field: string): boolean => path === field || path.startsWith(`${field}.`);
    const field =
      fields.find(inside) ??
      fields.find((field) => `params.${path}`.startsWith(`${field}.`) || `params.${path}` === field);
    if (field === undefined) {
      leftover.push(`${path}: ${what}`);
      continue;
    }
    const rest = (inside(field) ? path : `params.${path}`).slice(field.length + 1);
    const text = rest === '' ? what : `${rest}: ${what}`;
    placed[field] = placed[field] === undefined ? text : `${placed[field]}; ${text}`;
  }
  return { placed, leftover };
}
