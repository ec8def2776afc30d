import { Environment, EvaluationError, ParseError, TypeError as CelTypeError } from '@marcbachmann/cel-js';
import { DECLARATION, LISTS, NULLABLE, type FieldType, type Scope } from './declaration.ts';
import { ExpressionError, type CelScope, type Expression } from './expression.ts';

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
  return env;
}

const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};

const environment = declare();

function known(hours: number | null): number {
  if (hours === null) throw new ExpressionError('the number of hours is not known; compare it with null first');
  return hours;
}

/** Errors: `ExpressionError` for text that is no expression, reads what is not declared, or is not true or false. */
export function compileExpression(text: string): Expression {
  try {
    const parsed = environment.parse(text);
    const { valid, type, error } = parsed.check();
    if (!valid) throw error ?? new ExpressionError('is not valid');
    if (type !== 'bool') throw new ExpressionError(`must be true or false, and this is ${type ?? 'neither'}`, 0);
    return {
      evaluate: (scope) => run(() => parsed(scope) as unknown) === true,
      reads: [...new Set(readsOf(parsed.ast))],
    };
  } catch (error) {
    throw asExpressionError(error);
  }
}

function run(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    throw asExpressionError(error);
  }
}

function asExpressionError(error: unknown): unknown {
  if (error instanceof ParseError || error instanceof CelTypeError || error instanceof EvaluationError)
    return new ExpressionError(plainWords(error.summary), error.range?.start);
  return error;
}

/** The library's words as ours: capital letters and inner names of types are not for people. */
const plainWords = (text: string): string =>
  text.replace(/^No such key: (.+)$/, 'there is no field "$1"').replace(/^Unknown variable: (.+)$/, 'there is no "$1"');

/** The dotted names that an expression reads: the longest chains that begin with a declared variable. */
function readsOf(node: unknown): string[] {
  if (Array.isArray(node)) return node.flatMap(readsOf);
  if (typeof node !== 'object' || node === null || !('op' in node)) return [];
  const chain = chainOf(node);
  return chain === undefined ? readsOf((node as { args?: unknown }).args) : [chain];
}

function chainOf(node: object): string | undefined {
  const { op, args } = node as { op: string; args: unknown };
  if (op === 'id') return typeof args === 'string' && (args in DECLARATION || args in LISTS) ? args : undefined;
  if (op !== '.' || !Array.isArray(args)) return undefined;
  const [of, field] = args as [object, string];
  const inner = chainOf(of);
  return inner === undefined ? undefined : `${inner}.${field}`;
}

/** Plain values as the library wants them: whole numbers are BigInt there. */
export function celScope(scope: Scope): CelScope {
  const out: Record<string, unknown> = {};
  for (const [name, fields] of Object.entries(DECLARATION))
    out[name] = held(name, fields, scope[name as keyof typeof DECLARATION]);
  for (const [name, of] of Object.entries(LISTS))
    out[name] = (scope[name as 'actions'] as readonly object[]).map((one) => held(of, DECLARATION[of], one));
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
