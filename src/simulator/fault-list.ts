import { compilePath, FAULT_KINDS, type Fault } from './faults.ts';

/** Faults as they come from a file or over the control endpoint, and what their draws come from. */
export interface FaultList {
  readonly seed: string;
  readonly faults: readonly Fault[];
}

/** A list of faults that is not valid; the message names the entry and what is wrong with it. */
export class FaultError extends Error {
  override readonly name = 'FaultError';
}

type Check = (value: unknown) => string | undefined;

/** One hour: no client waits longer for an answer. */
const MAX_DELAY_MS = 3_600_000;
const MAX_COUNT = 1_000_000_000;
/** A year. */
const MAX_AGE_MS = 31_622_400_000;

const text: Check = (value) => (typeof value === 'string' ? undefined : 'is a text');
const number =
  (from: number, to: number, whole = true): Check =>
  (value) =>
    typeof value === 'number' && value >= from && value <= to && (!whole || Number.isInteger(value))
      ? undefined
      : `is a${whole ? ' whole' : ''} number from ${from} to ${to}`;
const oneOf =
  (values: readonly string[]): Check =>
  (value) =>
    values.includes(value as string) ? undefined : `is one of ${values.join(', ')}`;

/** A regular expression of a person's own may be wrong in many ways. */
const path: Check = (value) => {
  if (typeof value !== 'string') return 'is a text';
  try {
    compilePath(value);
    return undefined;
  } catch {
    return 'is not a regular expression';
  }
};

const MATCH: Readonly<Record<string, Check>> = {
  method: oneOf(['GET', 'POST', 'PUT', 'DELETE']),
  path,
  nth: number(1, MAX_COUNT),
  times: number(0, MAX_COUNT),
};

const FAULT: Readonly<Record<string, Check>> = {
  match: (value) => (isObject(value) ? undefined : 'is an object'),
  kind: oneOf(FAULT_KINDS),
  probability: number(0, 1, false),
  // What is less is no error, and what is more is no status.
  status: number(400, 599),
  delay_ms: number(0, MAX_DELAY_MS, false),
  message: text,
  exitstatus: text,
  stale_ms: number(0, MAX_AGE_MS, false),
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function check(fields: Readonly<Record<string, unknown>>, checks: Readonly<Record<string, Check>>, at: string): void {
  for (const [name, value] of Object.entries(fields)) {
    const known = Object.hasOwn(checks, name) ? checks[name] : undefined;
    if (known === undefined) throw new FaultError(`${at}: unknown field '${name}'`);
    const wrong = known(value);
    if (wrong !== undefined) throw new FaultError(`${at}: \`${name}\` ${wrong}`);
  }
}

function parseFault(value: unknown, index: number): Fault {
  const at = `fault ${index + 1}`;
  if (!isObject(value)) throw new FaultError(`${at} is no object`);
  check(value, FAULT, at);
  if (value.kind === undefined) throw new FaultError(`${at}: \`kind\` is missing`);
  const { match = {} } = value;
  check(match as Record<string, unknown>, MATCH, `${at}, match`);
  return { ...value, match } as Fault;
}

/** Reads `{seed?, faults: [...]}`. Throws `FaultError`; then no fault of the list is to be used. */
export function parseFaults(value: unknown): FaultList {
  if (!isObject(value)) throw new FaultError('it is no object');
  const unknown = Object.keys(value).find((name) => name !== 'seed' && name !== 'faults');
  if (unknown !== undefined) throw new FaultError(`unknown field '${unknown}'`);
  const { seed = '', faults } = value;
  if (typeof seed !== 'string' && typeof seed !== 'number') throw new FaultError('`seed` is a text or a number');
  if (!Array.isArray(faults)) throw new FaultError('`faults` is a list');
  return { seed: String(seed), faults: faults.map(parseFault) };
}
