/**
 * Writes src/simulator/schema/methods.generated.json: what PVE's 661 methods take and who may call them, as facts only
 * (names, types, ranges, enumerations, formats, permissions). Equal descriptions of a parameter are stored once.
 *
 *   sh bin/node tools/generate-methods.ts [--check]
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { INDEX_KEYS } from '../src/simulator/schema/schema.ts';

interface SourceMethod {
  readonly method: string;
  readonly path: string;
  readonly allowtoken?: number;
  readonly protected?: number;
  readonly proxyto?: string;
  readonly permissions?: unknown;
  readonly indexMax?: Readonly<Record<string, number>>;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly returns?: { readonly links?: readonly { readonly href: string }[] };
}

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const shared = process.env.PVE_SHARED ?? join(root, '..', 'shared');
const target = join(root, 'src/simulator/schema/methods.generated.json');

/** Perl's inline groups as JavaScript's; the few case-insensitive ones make the whole pattern so. */
function translatePattern(pattern: string): string {
  const insensitive = pattern.includes('(?^i:');
  const text = pattern.replaceAll(/\(\?\^[ui]*:/g, '(?:');
  return insensitive ? `(?i)${text}` : text;
}

function translate(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(translate);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      // A default with a blank in it is a sentence about what happens, and not a value.
      .filter(([key, item]) => item !== null && !(key === 'default' && typeof item === 'string' && item.includes(' ')))
      .map(([key, item]) => {
        if (key === 'pattern' && typeof item === 'string') return [key, translatePattern(item)];
        if (/^(?:minimum|maximum|optional)$/.test(key)) return [key, Number(item)];
        return [key, translate(item)];
      }),
  );
}

type Properties = Record<string, Record<string, unknown>>;

/** `allOf` and `oneOf` unite to one flat list; what only one alternative asks for is optional. */
function flatten(parameters: Readonly<Record<string, unknown>>, optional = false): Properties {
  const out: Properties = {};
  const add = (more: Properties): void => {
    for (const [name, property] of Object.entries(more)) out[name] ??= property;
  };
  for (const [name, property] of Object.entries((parameters.properties ?? {}) as Properties)) {
    out[name] = optional ? { ...property, optional: 1 } : property;
  }
  for (const part of (parameters.allOf ?? []) as Record<string, unknown>[]) add(flatten(part, optional));
  for (const part of (parameters.oneOf ?? []) as Record<string, unknown>[]) add(flatten(part, true));
  return out;
}

interface Variants {
  readonly property: string;
  readonly schema: Record<string, unknown>;
  readonly byType: ReadonlyMap<string, Properties>;
}

/** Parameters that depend on the value of another one, as those of HA rules on `type`. */
function variantsOf(parameters: Readonly<Record<string, unknown>>): Variants | undefined {
  const found = ((parameters.allOf ?? []) as Record<string, unknown>[]).find((part) => 'type-property-schema' in part);
  if (found === undefined) return undefined;
  const parts = (found.oneOf ?? []) as { 'instance-type': string; properties: Properties }[];
  return {
    property: String(found['type-property']),
    schema: found['type-property-schema'] as Record<string, unknown>,
    byType: new Map(parts.map((part) => [part['instance-type'], part.properties])),
  };
}

function generate(): string {
  const read = (name: string): unknown => JSON.parse(readFileSync(join(shared, 'pve', name), 'utf8'));
  const properties: string[] = [];
  const known = new Map<string, number>();
  const intern = (value: unknown): number => {
    const text = JSON.stringify(value);
    const found = known.get(text);
    if (found !== undefined) return found;
    known.set(text, properties.length);
    return properties.push(text) - 1;
  };
  const methods = (read('api-schema.json') as SourceMethod[]).map((source) => {
    const flat = flatten(source.parameters);
    const variants = variantsOf(source.parameters);
    if (variants !== undefined) flat[variants.property] = variants.schema;
    const interned = (all: Properties): Record<string, number> =>
      Object.fromEntries(Object.entries(all).map(([name, property]) => [name, intern(translate(property))]));
    const params = interned(flat);
    const byType = [...(variants?.byType ?? [])].map(([type, all]) => [type, interned(all)] as const);
    const hrefs = source.returns?.links?.map(({ href }) => href) ?? [];
    const named = Object.entries(INDEX_KEYS).find(([, key]) => hrefs.includes(`{${key}}`));
    const flags =
      (source.protected ? 'p' : '') +
      (source.proxyto ? 'n' : '') +
      (source.allowtoken === 0 ? 't' : '') +
      (named?.[0] ?? '');
    return JSON.stringify([
      source.method,
      source.path,
      flags,
      source.permissions ?? null,
      params,
      source.indexMax ?? {},
      ...(variants === undefined ? [] : [{ property: variants.property, byType: Object.fromEntries(byType) }]),
    ]);
  });
  const formats = translate(read('formats.json')) as Record<string, { properties: unknown }>;
  const formatLines = Object.entries(formats).map(
    ([name, { properties: body }]) => `${JSON.stringify(name)}:${JSON.stringify(body)}`,
  );
  return `{"properties":[\n${properties.join(',\n')}\n],\n"formats":{\n${formatLines.join(',\n')}\n},\n"methods":[\n${methods.join(',\n')}\n]}\n`;
}

const text = generate();
if (process.argv.includes('--check')) {
  // The formatter has its own mind about the layout.
  if (!isDeepStrictEqual(JSON.parse(readFileSync(target, 'utf8')), JSON.parse(text))) {
    process.stderr.write('methods.generated.json is not what the schema says; run tools/generate-methods.ts\n');
    process.exitCode = 1;
  }
} else {
  writeFileSync(target, text);
}
