import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compilePattern, loadSchema, type Property } from '../src/simulator/schema/schema.ts';
import { SHARED } from './golden-replay.ts';

/** PVE's own description: the data that our table was made from, read here without the tool that made it. */
interface Described {
  readonly type?: string;
  readonly optional?: number | string | boolean;
  readonly format?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number | string;
  readonly maximum?: number | string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly default?: unknown;
  readonly requires?: string;
  readonly items?: Described;
}
interface Parameters {
  readonly properties?: Readonly<Record<string, Described>>;
  readonly allOf?: readonly Parameters[];
  readonly oneOf?: readonly Parameters[];
  /** Which parameter says which of `oneOf` holds, and what it may be. */
  readonly 'type-property'?: string;
  readonly 'type-property-schema'?: Described;
  readonly 'instance-type'?: string;
}
interface DescribedMethod {
  readonly method: string;
  readonly path: string;
  readonly parameters: Parameters;
  readonly permissions?: unknown;
  readonly allowtoken?: number;
  readonly proxyto?: string;
  readonly indexMax?: Readonly<Record<string, number>>;
}

const FILE = join(SHARED, 'pve', 'api-schema.json');
const there = existsSync(FILE);
const described = there ? (JSON.parse(readFileSync(FILE, 'utf8')) as DescribedMethod[]) : [];

/** All parameters that any form of a call takes; those of one of several forms are optional. */
function allParameters(parameters: Parameters, optional = false): Map<string, Described> {
  const { properties, allOf = [], oneOf = [], 'type-property': chooser, 'type-property-schema': choice } = parameters;
  const out = new Map<string, Described>();
  const add = (more: Map<string, Described>): void => {
    for (const [name, one] of more) if (!out.has(name)) out.set(name, one);
  };
  add(new Map(Object.entries(properties ?? {}).map(([name, one]) => [name, optional ? { ...one, optional: 1 } : one])));
  if (chooser !== undefined && choice !== undefined) add(new Map([[chooser, choice]]));
  for (const part of allOf) add(allParameters(part, optional));
  for (const part of oneOf) add(allParameters(part, true));
  return out;
}

/** Names with their numbers: `net[n]` up to the last one that PVE has. */
function numbered(
  parameters: Map<string, Described>,
  last: Readonly<Record<string, number>> = {},
): Map<string, Described> {
  const out = new Map<string, Described>();
  for (const [name, one] of parameters) {
    const max = last[name];
    if (max === undefined) out.set(name, one);
    else for (let n = 0; n <= max; n++) out.set(name.replace('[n]', String(n)), one);
  }
  return out;
}

const number = (value: number | string | undefined): number | undefined =>
  value === undefined ? undefined : Number(value);
const filled = <T>(value: T | null | undefined): T | undefined => value ?? undefined;

/** What differs between a parameter of ours and PVE's, as text; undefined when nothing does. */
function difference(own: Property | undefined, theirs: Described): string | undefined {
  if (own === undefined) return 'missing';
  const pairs: [string, unknown, unknown][] = [
    ['type', own.type, filled(theirs.type)],
    ['optional', own.optional ?? 0, Number(theirs.optional ?? 0)],
    ['enum', own.enum, filled(theirs.enum)],
    ['minimum', own.minimum, number(filled(theirs.minimum))],
    ['maximum', own.maximum, number(filled(theirs.maximum))],
    ['minLength', own.minLength, filled(theirs.minLength)],
    ['maxLength', own.maxLength, filled(theirs.maxLength)],
    ['requires', own.requires, filled(theirs.requires)],
    ['pattern', own.pattern === undefined, filled(theirs.pattern) === undefined],
    ['format', typeof own.format, typeof filled(theirs.format)],
  ];
  if (typeof theirs.format === 'string') pairs.push(['format', own.format, theirs.format]);
  for (const [what, a, b] of pairs) if (JSON.stringify(a) !== JSON.stringify(b)) return `${what}: ${JSON.stringify(a)}`;
  return theirs.items === undefined ? undefined : difference(own.items, theirs.items);
}

const table = new Map(loadSchema().methods.map((method) => [`${method.method} ${method.path}`, method]));

describe.runIf(there)('the table of methods', () => {
  it('has every method of PVE and no other', () => {
    const names = described.map(({ method, path }) => `${method} ${path}`);
    expect([...table.keys()].toSorted()).toEqual(names.toSorted());
    expect(names).toHaveLength(661);
  });

  it('has every parameter as PVE describes it, and no other', () => {
    const wrong: string[] = [];
    let compared = 0;
    for (const { method, path, parameters, indexMax } of described) {
      const own = table.get(`${method} ${path}`)?.params ?? {};
      const theirs = numbered(allParameters(parameters), indexMax);
      for (const [name, one] of theirs) {
        compared++;
        const words = difference(own[name], one);
        if (words !== undefined) wrong.push(`${method} ${path} ${name}: ${words}`);
      }
      for (const name of Object.keys(own)) if (!theirs.has(name)) wrong.push(`${method} ${path} ${name}: not PVE's`);
    }
    expect(wrong).toEqual([]);
    expect(compared).toBeGreaterThan(5_000);
  });

  it('knows who may call, who answers, and what tokens may not do', () => {
    for (const { method, path, permissions, allowtoken, proxyto } of described) {
      const own = table.get(`${method} ${path}`);
      expect(own?.permissions ?? null, path).toEqual(permissions ?? null);
      expect(own?.ticketOnly, path).toBe(allowtoken === 0);
      expect(own?.proxied, path).toBe(proxyto !== undefined && proxyto !== null);
    }
  });

  it('has only patterns that can be compiled', () => {
    const patterns = new Set<string>();
    const collect = (property: Property): void => {
      if (property.pattern !== undefined) patterns.add(property.pattern);
      if (property.items !== undefined) collect(property.items);
      if (typeof property.format === 'object') for (const one of Object.values(property.format)) collect(one);
    };
    for (const { params } of table.values()) for (const one of Object.values(params)) collect(one);
    for (const pattern of patterns) expect(compilePattern(pattern)).toBeInstanceOf(RegExp);
    expect(patterns.size).toBeGreaterThan(50);
  });

  it('tells parameters of one form of a call from those of another', () => {
    const withForms = described.flatMap(({ method, path, parameters }) => {
      const part = parameters.allOf?.find((one) => one['type-property-schema'] !== undefined);
      return part === undefined ? [] : [{ method, path, part }];
    });
    expect(withForms.length).toBeGreaterThan(0);
    for (const { method, path, part } of withForms) {
      const ours = loadSchema().methods.find((one) => one.method === method && one.path === path);
      const all = new Set(part.oneOf?.flatMap(({ properties = {} }) => Object.keys(properties)));
      for (const { 'instance-type': type = '', properties = {} } of part.oneOf ?? []) {
        const own = ours?.paramsFor({ [part['type-property'] ?? '']: type }) ?? {};
        expect(Object.keys(own).filter((name) => all.has(name))).toEqual(Object.keys(properties));
        for (const [name, { optional }] of Object.entries(properties))
          expect(Boolean(own[name]?.optional)).toBe(Boolean(Number(optional ?? 0)));
      }
    }
  });
});
