import { resolve } from 'node:path';
import type { Context } from '../context.ts';
import { readSecretFile } from '../credentials.ts';
import type { JsonSchema } from '../model.ts';
import { usage } from '../problem.ts';

const WHY = 'Everyone on this machine can see the command line of a running program, and shells keep it.';
const HOW =
  'Nothing was sent. Write env:NAME, file:PATH or - (standard input); on a terminal leave the value out to be asked.';

/** The text behind `env:NAME` or `file:PATH`; undefined for anything else. Errors: `VALIDATION_FAILED`. */
export function reference(where: string, text: string, env: Context['io']['env']): string | undefined {
  const [, kind, name = ''] = /^(env|file):(.+)$/s.exec(text) ?? [];
  if (kind === undefined) return undefined;
  if (kind === 'file') return notEmpty(where, readSecretFile(resolve(name), where));
  return notEmpty(`${where}: the environment variable ${name}`, env[name] ?? '');
}

function notEmpty(where: string, text: string): string {
  if (text === '') throw usage(`${where} is empty.`);
  return text;
}

/** The value of a secret's flag. Errors: `VALIDATION_FAILED` for a value on the command line; it is not repeated. */
export async function secretFromFlag(flag: string, text: string | undefined, context: Context): Promise<string> {
  if (text === undefined || text === '') {
    if (!context.canAsk) throw usage(`${flag} needs a value.`, HOW);
    return context.prompt.secret(`Value for ${flag}`);
  }
  if (text === '-') return notEmpty('the standard input', (await context.stdin(flag)).replace(/\r?\n$/, ''));
  const value = reference(flag, text, context.io.env);
  if (value === undefined) throw usage(`${flag} is a secret and is not taken from the command line. ${WHY}`, HOW);
  return value;
}

interface Source {
  readonly where: string;
  /** Whether a secret may stand there as it is: in a file, but not on the command line. */
  readonly literals: boolean;
}

/** A copy in which references stand no more where the schema says secret. Errors as `secretFromFlag`. */
export function resolveSecrets(value: unknown, schema: JsonSchema, source: Source, context: Context): unknown {
  if (typeof value === 'string') return isSecret(schema) ? secretText(value, source, context) : value;
  if (Array.isArray(value))
    return value.map((item: unknown) =>
      inBranches(
        item,
        [schema, ...branches(schema)].flatMap(({ items }) => items ?? []),
        source,
        context,
      ),
    );
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([key, item]) => {
    const schemas = [schema, ...branches(schema)].flatMap(({ properties = {}, additionalProperties }) => {
      const member = Object.hasOwn(properties, key) ? properties[key] : additionalProperties;
      return typeof member === 'object' ? [member] : [];
    });
    return [key, inBranches(item, schemas, { ...source, where: `${source.where}: ${key}` }, context)] as const;
  });
  return Object.fromEntries(members);
}

const branches = ({ anyOf = [], oneOf = [] }: JsonSchema): readonly JsonSchema[] => [...anyOf, ...oneOf];

const isSecret = (schema: JsonSchema): boolean => schema.writeOnly === true || branches(schema).some(isSecret);

const inBranches = (value: unknown, schemas: readonly JsonSchema[], source: Source, context: Context): unknown =>
  resolveSecrets(value, { anyOf: schemas }, source, context);

function secretText(text: string, { where, literals }: Source, context: Context): string {
  const value = reference(where, text, context.io.env);
  if (value !== undefined) return value;
  if (!literals) throw usage(`${where} is a secret and is not taken from the command line. ${WHY}`, HOW);
  return text;
}
