import { loadSchema, type Properties } from './schema.ts';

const TRUE = /^(?:1|on|yes|true)$/i;
const FALSE = /^(?:0|off|no|false)$/i;

/**
 * `local:2,format=qcow2` as fields, in the order given; aliases and `virtio=MAC` are resolved, booleans are `1` or `0`.
 * What cannot be taken apart at all gives PVE's words for it instead.
 */
export function parsePropertyString(properties: Properties, text: string): Record<string, string> | string {
  const out: Record<string, string> = {};
  const defaultKey = Object.keys(properties).find((name) => properties[name]?.default_key);
  for (const part of text.split(',')) {
    if (/^\s*$/.test(part)) continue;
    const found = /^([^=]+)=(.+)$/s.exec(part);
    let key = found?.[1];
    let value = found?.[2];
    if (key === undefined || value === undefined) {
      if (part.includes('=')) return 'missing key in comma-separated list property\n';
      if (defaultKey === undefined) return 'value without key, but schema does not define a default key\n';
      [key, value] = [defaultKey, part];
    }
    const { alias, keyAlias } = properties[key] ?? {};
    if (keyAlias !== undefined) out[keyAlias] = key;
    if (alias !== undefined) key = alias;
    if (out[key] !== undefined) return `duplicate key in comma-separated list property: ${key}\n`;
    out[key] = properties[key]?.type === 'boolean' ? (TRUE.test(value) ? '1' : FALSE.test(value) ? '0' : value) : value;
  }
  return out;
}

/** Fields as PVE writes them back: the default key first and bare, then the others in alphabetical order. */
export function printPropertyString(properties: Properties, fields: Readonly<Record<string, string>>): string {
  const defaultKey = Object.keys(properties).find((name) => properties[name]?.default_key);
  const aliased = Object.entries(properties).find(
    ([, { keyAlias }]) => keyAlias !== undefined && fields[keyAlias] !== undefined,
  )?.[1];
  const parts: string[] = [];
  const skip = new Set<string>();
  if (defaultKey !== undefined && fields[defaultKey] !== undefined) {
    // `virtio=MAC`: the value of the key alias is written as a key of what it stands for.
    const partner = aliased?.keyAlias === defaultKey ? aliased.alias : undefined;
    const joined = partner === undefined ? undefined : fields[partner];
    parts.push(joined === undefined ? fields[defaultKey] : `${fields[defaultKey]}=${joined}`);
    skip.add(defaultKey);
    if (joined !== undefined && partner !== undefined) skip.add(partner);
  }
  for (const key of Object.keys(fields).toSorted()) if (!skip.has(key)) parts.push(`${key}=${fields[key]}`);
  return parts.join(',');
}

/** The fields of a value that is known to be well formed, such as one that stands in a configuration; else none. */
export function fieldsOf(format: string | Properties, text: string): Record<string, string> {
  const properties = typeof format === 'string' ? loadSchema().formats[format] : format;
  const parsed = properties === undefined ? 'unknown format' : parsePropertyString(properties, text);
  return typeof parsed === 'string' ? {} : parsed;
}
