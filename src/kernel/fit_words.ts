import { z } from 'zod';
import { nearest } from './nearest.ts';

type Issue = z.core.$ZodRawIssue;
type Of<Code extends Issue['code']> = Extract<Issue, { code: Code }>;

/** What does not fit, in plain words. They name what the schema asks for, never what was given. */
export function misfitWords(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return typeWords(issue);
    case 'invalid_value':
      return (issue.input === undefined ? 'is missing; it ' : '') + oneOf(issue.values);
    case 'too_small':
    case 'too_big':
      return sizeWords(issue);
    case 'invalid_format':
      return formatWords(issue);
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`;
    case 'unrecognized_keys':
      return issue.keys.map((key) => `${key} ${notKnown(key, fieldsOf(issue.inst))}`).join(', ');
    case 'invalid_union':
      return unionWords(issue);
    case 'invalid_key':
      return `its name ${first(issue.issues)}`;
    case 'invalid_element':
      return `has an entry that ${first(issue.issues)}`;
    case 'custom':
      return 'is not valid';
    default:
      // A newer version of the library may know more.
      issue satisfies never;
      return 'is not valid';
  }
}

/** Names that an object schema has; none for another one. */
export const fieldsOf = (schema: unknown): readonly string[] =>
  schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];

/** Of a name that is none of `names`. */
export function notKnown(key: string, names: readonly string[]): string {
  const hint = nearest(key, names);
  return hint === undefined ? 'is not known here' : `is not known here; did you mean ${hint}?`;
}

const first = ([issue]: readonly z.core.$ZodIssue[]): string => issue?.message ?? 'is not valid';

const KINDS: Readonly<Record<string, string>> = {
  string: 'must be text',
  boolean: 'must be true or false',
  bigint: 'must be a whole number',
  date: 'must be a date',
  array: 'must be a list',
  tuple: 'must be a list',
  set: 'must be a list',
  object: 'must be an object with named fields',
  record: 'must be an object with named fields',
  map: 'must be an object with named fields',
  null: 'must be null',
  file: 'must be a file',
};

function typeWords({ expected, input, schema }: Of<'invalid_type'>): string {
  if (expected === 'never' || expected === 'undefined' || expected === 'void') return 'must be left out';
  if (input === undefined || expected === 'nonoptional') return 'is missing';
  if (expected === 'number' || expected === 'int') return numberWords(limitsOf(schema), expected === 'int');
  return KINDS[expected] ?? 'is not of the right kind';
}

const MOST_SHOWN = 20;

function oneOf(values: readonly z.core.util.Primitive[]): string {
  const words = values.map(String);
  if (words.length === 1) return `must be ${words[0]}`;
  const shown = words.slice(0, MOST_SHOWN).join(', ');
  return `must be one of ${shown}${words.length > MOST_SHOWN ? ` and ${words.length - MOST_SHOWN} others` : ''}`;
}

/** What a schema says of the size of its values. */
interface Limits {
  readonly least?: number | bigint | undefined;
  readonly most?: number | bigint | undefined;
  readonly above?: number | bigint | undefined;
  readonly below?: number | bigint | undefined;
  readonly whole?: boolean;
}

/** One rule of a schema, as the library keeps it. */
interface Rule {
  readonly check?: string;
  readonly value?: number | bigint;
  readonly inclusive?: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly format?: string;
}

function limitsOf(schema: unknown): Limits {
  if (!(schema instanceof z.ZodType)) return {};
  const { def } = schema;
  const rules = [def, ...(def.checks ?? []).map((check) => check['_zod'].def)] as readonly Rule[];
  const all = rules.map(({ check, value, inclusive, minimum, maximum, format }): Limits => {
    if (check === 'greater_than') return inclusive === true ? { least: value } : { above: value };
    if (check === 'less_than') return inclusive === true ? { most: value } : { below: value };
    if (check === 'min_length' || check === 'min_size') return { least: minimum };
    if (check === 'max_length' || check === 'max_size') return { most: maximum };
    return check === 'number_format' ? { whole: format?.includes('int') === true } : {};
  });
  return Object.assign({}, ...all) as Limits;
}

function numberWords({ least, most, above, below, whole = false }: Limits, int = false): string {
  const kind = whole || int ? 'must be a whole number' : 'must be a number';
  if (least !== undefined && most !== undefined) return `${kind} from ${least} to ${most}`;
  const ends = [
    ...(above === undefined ? [] : [`more than ${above}`]),
    ...(least === undefined ? [] : [`${least} or more`]),
    ...(below === undefined ? [] : [`less than ${below}`]),
    ...(most === undefined ? [] : [`${most} or less`]),
  ];
  return ends.length === 0 ? kind : `${kind}, ${ends.join(' and ')}`;
}

const UNITS: Readonly<Record<string, readonly [one: string, many: string]>> = {
  string: ['character', 'characters'],
  file: ['byte', 'bytes'],
  array: ['entry', 'entries'],
  set: ['entry', 'entries'],
  map: ['entry', 'entries'],
};

function sizeWords(issue: Of<'too_small'> | Of<'too_big'>): string {
  const small = issue.code === 'too_small';
  const bound = issue.code === 'too_small' ? issue.minimum : issue.maximum;
  const { origin, inclusive = true, exact = false, schema } = issue;
  const units = UNITS[origin];
  const limits = limitsOf(schema);
  if (units !== undefined) return countWords({ bound, small, inclusive, exact }, limits, units);
  if (origin === 'date') {
    const date = new Date(Number(bound)).toISOString();
    return small ? `must not be before ${date}` : `must not be after ${date}`;
  }
  const own: Limits = small
    ? inclusive
      ? { least: bound }
      : { above: bound }
    : inclusive
      ? { most: bound }
      : { below: bound };
  return numberWords({ ...limits, ...own }, origin === 'int' || origin === 'bigint');
}

interface Bound {
  readonly bound: number | bigint;
  readonly small: boolean;
  readonly inclusive: boolean;
  readonly exact: boolean;
}

function countWords(
  { bound, small, inclusive, exact }: Bound,
  limits: Limits,
  units: readonly [string, string],
): string {
  const unit = (count: number | bigint): string => `${count} ${units[Number(count) === 1 ? 0 : 1]}`;
  if (exact) return `must have exactly ${unit(bound)}`;
  const count = inclusive ? Number(bound) : Number(bound) + (small ? 1 : -1);
  if (small && count === 1) return 'must not be empty';
  const { least = small ? count : 0, most = small ? undefined : count } = limits;
  if (Number(least) > 1 && most !== undefined) return `must have ${least} to ${unit(most)}`;
  return `must have at ${small ? 'least' : 'most'} ${unit(count)}`;
}

const FORMATS: Readonly<Record<string, string>> = {
  email: 'must be an email address',
  url: 'must be an address such as https://host.example',
  uuid: 'must be a UUID',
  guid: 'must be a UUID',
  datetime: 'must be a time such as 2026-12-20T18:00:00Z',
  date: 'must be a date such as 2026-12-20',
  time: 'must be a time of day such as 18:00:00',
  duration: 'must be a duration such as PT1H30M',
  ipv4: 'must be an IPv4 address',
  ipv6: 'must be an IPv6 address',
  cidrv4: 'must be an IPv4 network such as 10.0.0.0/24',
  cidrv6: 'must be an IPv6 network such as fd00::/64',
  mac: 'must be a MAC address such as BC:24:11:00:00:01',
  base64: 'must be Base64',
  base64url: 'must be Base64 for URLs',
  json_string: 'must be JSON',
  lowercase: 'must be in lower case',
  uppercase: 'must be in upper case',
};

function formatWords(issue: Of<'invalid_format'>): string {
  if (issue.format === 'starts_with') return `must begin with ${String(issue['prefix'])}`;
  if (issue.format === 'ends_with') return `must end with ${String(issue['suffix'])}`;
  if (issue.format === 'includes') return `must contain ${String(issue['includes'])}`;
  const known = FORMATS[issue.format];
  if (known !== undefined) return known;
  return issue.format === 'regex' && issue.pattern !== undefined
    ? `must fit the pattern ${issue.pattern}`
    : 'is not written as it has to be';
}

/** The words of the forms that were most likely meant: those of the right kind, and of these the ones with least to mend. */
function unionWords({ errors, options, input, inclusive, discriminator }: Of<'invalid_union'>): string {
  if (input === undefined) return 'is missing';
  if (Array.isArray(options) && options.length > 0) {
    const given = discriminator === undefined ? undefined : (input as Readonly<Record<string, unknown>>)[discriminator];
    return (given === undefined ? 'is missing; it ' : '') + oneOf(options as z.core.util.Primitive[]);
  }
  if (inclusive === false) return 'fits more than one of its forms; say which is meant';
  const right = errors.filter((issues) => !issues.some((issue) => isOtherKind(issue, input)));
  const meant = right.length > 0 ? right : errors;
  const least = Math.min(...meant.map(({ length }) => length));
  const words = new Set(
    meant.filter(({ length }) => length === least).map((issues) => issues.map(inside).join(' and ')),
  );
  const [one, ...others] = [...words];
  if (one === undefined) return 'is not valid';
  return [one, ...others.map((other) => (one.startsWith('must be ') ? other.replace(/^must be /, '') : other))].join(
    ' or ',
  );
}

function isOtherKind({ code, path, ...issue }: z.core.$ZodIssue, input: unknown): boolean {
  if (path.length > 0) return false;
  if (code === 'invalid_value')
    return !(issue as Of<'invalid_value'>).values.some((one) => typeof one === typeof input);
  return code === 'invalid_type';
}

const inside = ({ path, message }: z.core.$ZodIssue): string =>
  path.length === 0 ? message : `${path.map(String).join('.')} ${message}`;
