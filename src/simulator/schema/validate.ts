import { checkNamedFormat } from './formats.ts';
import { parsePropertyString } from './property-string.ts';
import { compilePattern, loadSchema, type Properties, type Property } from './schema.ts';

export type Errors = Record<string, string>;
export type Value = string | number | readonly (string | number)[];
export type Values = Record<string, Value>;

const MISSING = 'property is missing and it is not optional';
const UNKNOWN = 'property is not defined in schema and the schema does not allow additional properties';

/**
 * Checks all fields and collects what is wrong with each (FACTS 14): nothing is reported one at a time. `prefix` names
 * the property string that the fields stand in, as PVE does (`net0.model`).
 */
export function checkObject(properties: Properties, values: Values, errors: Errors, prefix = ''): void {
  for (const name of requiredOf(properties)) if (values[name] === undefined) errors[prefix + name] ??= MISSING;
  // A guest's configuration has some 500 keys, of which a call names a few: those are looked at, not all.
  for (const name of Object.keys(values)) {
    const value = values[name];
    // A name may be one that every object has.
    const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (property === undefined) errors[prefix + name] = UNKNOWN;
    else if (value !== undefined) {
      checkProperty(property, value, prefix + name, errors);
      const required = property.requires;
      if (required !== undefined && values[required] === undefined)
        errors[prefix + required] ??= `missing property required by '${prefix}${name}'`;
    }
  }
}

const requiredNames = new WeakMap<Properties, readonly string[]>();

/** Names that must be given; looked up once for each set of properties, which never changes. */
function requiredOf(properties: Properties): readonly string[] {
  let names = requiredNames.get(properties);
  if (names === undefined) {
    names = Object.keys(properties).filter(
      (name) => !properties[name]?.optional && properties[name]?.alias === undefined,
    );
    requiredNames.set(properties, names);
  }
  return names;
}

function typeMatches(type: string, value: string): boolean {
  switch (type) {
    case 'integer':
      return /^[+-]?\d+$/.test(value);
    case 'number':
      return /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/.test(value);
    case 'boolean':
      return /^[01]$/.test(value);
    default:
      return true;
  }
}

function checkProperty(property: Property, value: Value, path: string, errors: Errors): void {
  const type = property.type ?? 'string';
  if (typeof value === 'object') {
    if (type === 'array') {
      for (const [at, item] of value.entries()) checkProperty(property.items ?? {}, item, `${path}[${at}]`, errors);
    } else if (!(type === 'string' && typeof property.format === 'string' && property.format.endsWith('-list'))) {
      errors[path] = `type check ('${type}') failed - got ARRAY`;
    }
    return;
  }
  if (type === 'array') return checkProperty(property.items ?? {}, value, `${path}[0]`, errors);
  const text = String(value);
  if (!typeMatches(type, text)) {
    errors[path] = `type check ('${type}') failed - got '${text}'`;
    return;
  }
  const wrong = checkFormat(property.format, text, path) ?? checkLimits(property, type, text);
  if (wrong !== undefined) errors[path] = wrong;
}

function checkFormat(format: Property['format'], text: string, path: string): string | undefined {
  if (format === undefined) return undefined;
  const properties = typeof format === 'string' ? loadSchema().formats[format] : format;
  if (properties === undefined) {
    const wrong = checkNamedFormat(format as string, text);
    return wrong === undefined ? undefined : `invalid format - ${wrong}`;
  }
  const parsed = parsePropertyString(properties, text);
  if (typeof parsed === 'string') return `invalid format - ${parsed}`;
  const errors: Errors = {};
  checkObject(properties, parsed, errors, `${path}.`);
  const lines = Object.entries(errors).map(([key, words]) => `${key}: ${words}\n`);
  return lines.length === 0 ? undefined : `invalid format - format error\n${lines.join('')}`;
}

/** The order matters: a value that fails two of these gets the first one's words. */
function checkLimits(property: Property, type: string, text: string): string | undefined {
  const { pattern, minLength, maxLength, minimum, maximum } = property;
  if (pattern !== undefined && !compilePattern(pattern).test(text)) return 'value does not match the regex pattern';
  if (type === 'integer' || type === 'number') {
    if (minimum !== undefined && Number(text) < minimum) return `value must have a minimum value of ${minimum}`;
    if (maximum !== undefined && Number(text) > maximum) return `value must have a maximum value of ${maximum}`;
  } else {
    if (minLength !== undefined && text.length < minLength)
      return `value must be at least ${minLength} characters long`;
    if (maxLength !== undefined && text.length > maxLength) return `value may only be ${maxLength} characters long`;
  }
  if (property.enum !== undefined && !property.enum.map(String).includes(text)) {
    return `value '${text}' does not have a value in the enumeration '${property.enum.join(', ')}'`;
  }
  return undefined;
}

/** The value in PVE's own type: numbers for integer, number and boolean, text for the rest, repeated lists joined. */
export function coerce(property: Property | undefined, value: Value): Value {
  switch (property?.type) {
    case 'integer':
    case 'number':
    case 'boolean':
      return Number(value);
    case 'array':
      return typeof value === 'object' ? value : [value];
    default:
      return typeof value === 'object' ? value.join(',') : String(value);
  }
}
