import {
  Environment,
  EvaluationError,
  ParseError,
  TypeError as CelTypeError,
  type ASTNode,
  type ObjectSchema,
  type ParseResult,
} from '@marcbachmann/cel-js';
import { findAction, parseSize } from '../../actions/index.ts';
import { DECLARATION, LISTS, NULLABLE, type FieldType, type Scope } from './declaration.ts';
import { ExpressionError, type CelScope, type Expression } from './expression.ts';
import { celParams, secretNames, sharedShape, type ParamsShape } from './params.ts';

/** The only file that knows the library that expressions are made with; loaded when there are rules. */

/** A number of hours that may not be known. */
class Hours {
  readonly hours: number | null;
  constructor(hours: number | null) {
    this.hours = hours;
  }
}

/** A variable's values, by the names that its type declares; or none, of which every field is an error. */
interface Values {
  readonly known: boolean;
}
type ValuesClass = new (fields: object | null) => Values;
const valuesClass = (): ValuesClass =>
  class implements Values {
    readonly #known: boolean;
    constructor(fields: object | null) {
      this.#known = fields !== null;
      Object.assign(this, fields);
    }
    get known(): boolean {
      return this.#known;
    }
  };
/** One class for each type: the library tells types by their classes. */
const CLASSES = Object.fromEntries(Object.keys(DECLARATION).map((name) => [name, valuesClass()])) as Record<
  string,
  ValuesClass
>;

const typeName = (variable: string): string => `${variable[0]?.toUpperCase() ?? ''}${variable.slice(1)}`;
const celType = (type: FieldType): string => (type === 'hours' ? 'Hours' : type);

function declare(): Environment {
  // What a person writes as a rule fits by far; what does not is a mistake or an attack.
  const env = new Environment({ limits: { maxAstNodes: 1000, maxDepth: 50 } }).registerType('Hours', {
    ctor: Hours,
    fields: {},
  });
  for (const [name, fields] of Object.entries(DECLARATION))
    env.registerType(typeName(name), {
      ctor: CLASSES[name] as ValuesClass,
      fields: Object.fromEntries(Object.entries(fields).map(([field, type]) => [field, celType(type)])),
    });
  for (const name of Object.keys(DECLARATION)) env.registerVariable(name, typeName(name));
  for (const [name, of] of Object.entries(LISTS)) env.registerVariable(name, `list<${typeName(of)}>`);
  // Equal with null is what these types have; "not equal" follows from it.
  for (const name of NULLABLE)
    env.registerOperator(`${typeName(name)} == null`, ({ known: isKnown }: Values) => !isKnown);
  env.registerOperator('Hours == null', ({ hours }: Hours) => hours === null);
  for (const [sign, holds] of Object.entries(COMPARISONS))
    for (const type of ['int', 'double'])
      env.registerOperator(`Hours ${sign} ${type}`, ({ hours }: Hours, other: bigint | number) =>
        holds(known(hours), Number(other)),
      );
  env.registerFunction('gib(string): double', gib);
  return env;
}

const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};

const withoutParams = declare();
const withParams = new Map<string, Environment>();

/** Where `params` are those that all of the actions have; an expression of no actions has none. */
function environmentFor(actions: readonly string[]): Environment {
  if (actions.length === 0) return withoutParams;
  const key = [...actions].sort().join(' ');
  const found = withParams.get(key) ?? withoutParams.clone();
  if (!withParams.has(key))
    withParams.set(key, found.registerVariable('params', { schema: schemaOf(sharedShape(actions)) }));
  return found;
}

/** A copy: the library keeps what it is given. */
const schemaOf = (shape: ParamsShape): ObjectSchema =>
  Object.fromEntries(
    Object.entries(shape).map(([name, type]) => [name, typeof type === 'string' ? type : schemaOf(type)]),
  );

/** `40G` as 40: sizes are text, which compares letter by letter. */
function gib(size: string): number {
  try {
    return parseSize(size) / 2 ** 30;
  } catch {
    throw new ExpressionError(`"${size}" is not a size such as 40G`);
  }
}

function known(hours: number | null): number {
  if (hours === null) throw new ExpressionError('the number of hours is not known; compare it with null first');
  return hours;
}

/**
 * `actions` are those whose parameters it may read. Errors: `ExpressionError` for text that is no expression, reads
 * what is not declared, or is not true or false.
 */
export function compileExpression(text: string, actions: readonly string[] = []): Expression {
  try {
    const environment = environmentFor(actions);
    const parsed = environment.parse(text);
    const type = typeIn(environment, text, parsed, actions);
    if (type !== 'bool') throw new ExpressionError(`must be true or false, and this is ${type ?? 'neither'}`, 0);
    const reads = [...new Set(readsOf(parsed.ast).map(({ name }) => name))];
    const readsParams = reads.some((name) => name.split('.')[0] === 'params');
    return {
      evaluate: (scope) => {
        if (readsParams && scope['params'] === null) throw new ExpressionError(NO_PARAMS);
        return run(() => parsed(scope) as unknown) === true;
      },
      reads,
    };
  } catch (error) {
    throw asExpressionError(error, actions);
  }
}

const NO_PARAMS = 'the parameters of the plan were not kept; make the plan again';

/** The type of an expression. What it reads inside `has()` the library does not look at, so it is looked at here. */
function typeIn(
  environment: Environment,
  text: string,
  parsed: ParseResult,
  actions: readonly string[],
): string | undefined {
  const { valid, type, error } = parsed.check();
  if (!valid) throw error ?? new ExpressionError('is not valid');
  for (const { start, end } of readsOf(parsed.ast)) {
    const inner = environment.parse(text.slice(start, end)).check();
    if (inner.error !== undefined)
      throw new ExpressionError(plainWords(inner.error.summary, actions), start + (inner.error.range?.start ?? 0));
  }
  return type;
}

function run(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    throw asExpressionError(error);
  }
}

function asExpressionError(error: unknown, actions: readonly string[] = []): unknown {
  if (error instanceof ParseError || error instanceof CelTypeError || error instanceof EvaluationError)
    return new ExpressionError(plainWords(error.summary, actions), error.range?.start);
  return error;
}

/** The library's words as ours: capital letters and inner names of types are not for people. */
const plainWords = (text: string, actions: readonly string[]): string =>
  text
    .replace(/^No such key: (.+)$/, (_, name: string) => noField(name, actions))
    .replace(/^has\(\) invalid argument$/, 'has() takes a field, as in has(params.cores)')
    .replace(/^Unknown variable: params$/, 'params are those of an action: name it, as in `actions: [vm.configure]`')
    .replace(/^Unknown variable: (.+)$/, 'there is no "$1"')
    .replace(/\$(params[\w.]*)/g, '$1');

function noField(name: string, actions: readonly string[]): string {
  const secret = actions.filter((action) => secretNames(findAction(action)).includes(name));
  return secret.length > 0
    ? `there is no field "${name}": it is a secret of ${secret.join(', ')}, and rules never read those`
    : `there is no field "${name}"`;
}

interface Reading {
  readonly name: string;
  /** Where it stands in the text. */
  readonly start: number;
  readonly end: number;
}

/** The dotted names that an expression reads: the longest chains that begin with a declared variable. */
function readsOf(node: unknown): Reading[] {
  if (Array.isArray(node)) return node.flatMap(readsOf);
  if (typeof node !== 'object' || node === null || !('op' in node)) return [];
  const name = chainOf(node);
  if (name === undefined) return readsOf((node as { args?: unknown }).args);
  const { start, end } = (node as ASTNode).range;
  return [{ name, start, end }];
}

const isVariable = (name: unknown): name is string =>
  typeof name === 'string' && (name in DECLARATION || name in LISTS || name === 'params');

function chainOf(node: object): string | undefined {
  const { op, args } = node as { op: string; args: unknown };
  if (op === 'id') return isVariable(args) ? args : undefined;
  if (!Array.isArray(args)) return undefined;
  const [of, field] = args as [object, unknown];
  const name = op === '.' ? field : op === '[]' ? literalOf(field) : undefined;
  const inner = typeof name === 'string' ? chainOf(of) : undefined;
  return inner === undefined ? undefined : `${inner}.${String(name)}`;
}

/** The text in `params["cores"]`. */
const literalOf = (node: unknown): unknown => {
  const { op, args } = node as { op?: string; args?: unknown };
  return op === 'value' ? args : undefined;
};

/** Plain values as the library wants them: whole numbers are BigInt there. */
export function celScope(scope: Scope): CelScope {
  const out: Record<string, unknown> = {};
  for (const [name, fields] of Object.entries(DECLARATION))
    out[name] = held(name, fields, scope[name as keyof typeof DECLARATION]);
  for (const [name, of] of Object.entries(LISTS))
    out[name] = (scope[name as 'actions'] as readonly object[]).map((one) => held(of, DECLARATION[of], one));
  const { params, action } = scope;
  out['params'] = params === null ? null : celParams(findAction(action.name), params);
  return out;
}

function held(name: string, fields: Readonly<Record<string, FieldType>>, values: object | null): object {
  const Fields = CLASSES[name] as ValuesClass;
  if (values === null) return new Fields(null);
  const typed = Object.entries(fields).map(([field, type]) => {
    const value = (values as Record<string, unknown>)[field];
    if (type === 'hours') return [field, new Hours(value as number | null)];
    return [field, type === 'int' ? BigInt(value as number) : value];
  });
  return new Fields(Object.fromEntries(typed) as object);
}
