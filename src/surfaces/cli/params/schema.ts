import type { JsonSchema } from '../model.ts';

/** A parameter as a flag: `cloudinit.ipconfig.N.ip`, where N stands for any name. */
export interface Flag {
  readonly name: string;
  readonly schema: JsonSchema;
  readonly required: boolean;
}

export const typesOf = (schema: JsonSchema): readonly string[] => {
  const branches = schema.anyOf ?? schema.oneOf;
  if (branches !== undefined) return [...new Set(branches.flatMap(typesOf))];
  return schema.type === undefined ? [] : [schema.type].flat();
};

const isObject = (schema: JsonSchema): boolean =>
  schema.properties !== undefined || typeof schema.additionalProperties === 'object';

/** All flags of an action's parameters, in the order of the schema; an object is its members. */
export function listFlags(schema: JsonSchema, prefix = '', needed = true): Flag[] {
  const required = new Set(needed ? schema.required : []);
  const members = Object.entries(schema.properties ?? {});
  if (typeof schema.additionalProperties === 'object') members.push(['N', schema.additionalProperties]);
  return members.flatMap(([key, member]) =>
    isObject(member)
      ? listFlags(member, `${prefix}${key}.`, required.has(key))
      : [{ name: prefix + key, schema: member, required: required.has(key) }],
  );
}

export interface Place {
  readonly path: readonly string[];
  readonly schema: JsonSchema;
}

/** The parameter that `a.b.c` names; `-` may be written for `_`. Undefined when there is none. */
export function findPlace(schema: JsonSchema, name: string): Place | undefined {
  let here = schema;
  const path: string[] = [];
  for (const part of name.split('.')) {
    const properties = here.properties ?? {};
    const key = [part, part.replaceAll('-', '_')].find((one) => Object.hasOwn(properties, one));
    const next = key === undefined ? here.additionalProperties : properties[key];
    // `__proto__` would name something else than a parameter.
    if (typeof next !== 'object' || part === '' || part === '__proto__') return undefined;
    path.push(key ?? part);
    here = next;
  }
  return { path, schema: here };
}

/** What a value may be, in a word or two: `integer`, `text`, `one of a, b`. */
export function kindOf(schema: JsonSchema): string {
  if (schema.writeOnly === true) return 'secret: env:NAME, file:PATH or -';
  if (schema.enum !== undefined) return `one of ${schema.enum.join(', ')}`;
  const types = typesOf(schema);
  if (types.includes('array')) return `${schema.items === undefined ? 'text' : kindOf(schema.items)}; may be repeated`;
  return (
    types.map((type) => (type === 'string' ? 'text' : type === 'boolean' ? 'yes or no' : type)).join(' or ') || 'JSON'
  );
}
