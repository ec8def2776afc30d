import { z } from 'zod';
import { findAction, paramsSchema, type AnyAction } from '../../actions/index.ts';
import { AgentError } from '../../kernel/errors.ts';
import { fieldErrors, fit } from '../../kernel/fit.ts';
import { Secret } from '../../kernel/secret.ts';

/** Types of parameters by their names: a type of CEL, or the fields of a group such as `disk`. Secrets are not in it. */
export interface ParamsShape {
  readonly [name: string]: string | ParamsShape;
}

interface Schema {
  readonly type?: unknown;
  readonly writeOnly?: boolean;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly anyOf?: readonly Schema[];
}

const shapes = new Map<string, ParamsShape>();

/** What rules may read of an action's parameters, from the same schema that callers are held to. */
export function paramsShape(action: AnyAction): ParamsShape {
  const known = shapes.get(action.name);
  if (known !== undefined) return known;
  const shape = fieldsOf(paramsSchema(action));
  shapes.set(action.name, shape);
  return shape;
}

const fieldsOf = ({ properties = {} }: Schema): ParamsShape =>
  Object.fromEntries(
    Object.entries(properties)
      .filter(([, schema]) => schema.writeOnly !== true)
      .map(([name, schema]) => [name, typeOf(schema)]),
  );

function typeOf(schema: Schema): string | ParamsShape {
  const { type, properties, items, additionalProperties, anyOf } = schema;
  if (properties !== undefined) return fieldsOf(schema);
  if (type === 'object')
    return typeof additionalProperties === 'object' ? `map<string, ${plain(additionalProperties)}>` : 'dyn';
  if (type === 'array') return `list<${plain(items ?? {})}>`;
  if (anyOf !== undefined) {
    const [first, ...others] = new Set(anyOf.map(plain));
    return first !== undefined && others.length === 0 ? first : 'dyn';
  }
  return SCALARS[String(type)] ?? 'dyn';
}

const SCALARS: Readonly<Record<string, string>> = {
  string: 'string',
  integer: 'int',
  number: 'double',
  boolean: 'bool',
};

/** Groups have no type by themselves inside lists and maps: what is in them is looked at when a rule is asked. */
function plain(schema: Schema): string {
  const type = typeOf(schema);
  return typeof type === 'string' ? type : 'dyn';
}

/** Names of parameters that are secret, at any depth: for words about why they cannot be read. */
export const secretNames = (action: AnyAction): string[] => secretsIn(paramsSchema(action));
const secretsIn = ({ properties = {} }: Schema): string[] =>
  Object.entries(properties).flatMap(([name, schema]) => (schema.writeOnly === true ? [name] : secretsIn(schema)));

/** What all of the actions have, with one type. */
export function sharedShape(names: readonly string[]): ParamsShape {
  const [first = {}, ...others] = names.map((name) => paramsShape(findAction(name)));
  return others.reduce(shared, first);
}

function shared(a: ParamsShape, b: ParamsShape): ParamsShape {
  return Object.fromEntries(
    Object.entries(a).flatMap(([name, type]) => {
      const other = Object.hasOwn(b, name) ? b[name] : undefined;
      if (typeof type === 'object' && typeof other === 'object') return [[name, shared(type, other)]];
      return type === other ? [[name, type]] : [];
    }),
  );
}

/** Parameters without what rules may not read, as they are kept with a plan. */
export function readableParams(action: AnyAction, params: unknown): Readonly<Record<string, unknown>> {
  return pick(paramsShape(action), params, (_, value) => bare(value));
}

/** The same as the expression library wants them: whole numbers are BigInt there. */
export function celParams(action: AnyAction, params: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return pick(paramsShape(action), params, (type, value) =>
    type === 'double' ? value : whole(value, type.startsWith('map<string, double>')),
  );
}

function pick(
  shape: ParamsShape,
  value: unknown,
  leaf: (type: string, value: unknown) => unknown,
): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(
    Object.entries(shape).flatMap(([name, type]) => {
      const given = (value as Readonly<Record<string, unknown>>)[name];
      if (given === undefined) return [];
      return [[name, typeof type === 'string' ? leaf(type, given) : pick(type, given, leaf)]];
    }),
  );
}

/** Schemas declare no secrets inside lists and maps; one that came there all the same is left out. */
function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((one) => !(one instanceof Secret)).map(bare);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([, one]) => one !== undefined && !(one instanceof Secret));
  return Object.fromEntries(kept.map(([name, one]) => [name, bare(one)]));
}

function whole(value: unknown, asDoubles: boolean): unknown {
  if (typeof value === 'number') return Number.isSafeInteger(value) && !asDoubles ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map((one) => whole(one, asDoubles));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, whole(one, asDoubles)]));
}

/**
 * Parameters of an example, which may leave out what the action needs: each that is given is checked, and defaults are
 * filled in. Errors: `VALIDATION_FAILED` by field.
 */
export function exampleParams(
  action: AnyAction,
  given: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const { shape } = action.params as unknown as z.ZodObject<Record<string, z.ZodType>>;
  const names = z.strictObject(Object.fromEntries(Object.keys(shape).map((name) => [name, z.unknown().optional()])));
  const named = fit(names, given);
  const errors: Record<string, string> = named.success ? {} : fieldErrors(named.misfits, 'params');
  const params: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(shape)) {
    const parsed = fit(schema, given[name]);
    if (parsed.success) params[name] = parsed.data;
    else if (given[name] !== undefined) Object.assign(errors, fieldErrors(parsed.misfits, `params.${name}`));
  }
  if (Object.keys(errors).length === 0) return readableParams(action, params);
  const words = Object.entries(errors).map(([field, what]) => `${field} ${what}`);
  throw new AgentError('VALIDATION_FAILED', `The parameters of ${action.name} are not valid: ${words.join('; ')}`, {
    errors,
  });
}
