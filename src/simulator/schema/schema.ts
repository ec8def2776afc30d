import { readFileSync } from 'node:fs';

/** One parameter, or one key of a property string, as PVE describes it. */
export interface Property {
  readonly type?: string;
  readonly optional?: number;
  readonly format?: string | Readonly<Record<string, Property>>;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly default?: unknown;
  readonly requires?: string;
  readonly items?: Property;
  readonly alias?: string;
  readonly keyAlias?: string;
  readonly default_key?: number;
}

export type Properties = Readonly<Record<string, Property>>;

export interface Method {
  readonly method: string;
  /** With placeholders: `/nodes/{node}/qemu/{vmid}/config`. */
  readonly path: string;
  readonly params: Properties;
  /** What applies to these values: where parameters depend on another one, only those of its value. */
  paramsFor(values: Readonly<Record<string, unknown>>): Properties;
  /** Answered by the node that the path names, not by the one that was asked. */
  readonly proxied: boolean;
  /** Not for API tokens: a ticket is needed (FACTS 17). */
  readonly ticketOnly: boolean;
  /** The key of an entry where the method lists what lies below its path. */
  readonly indexKey: string;
  /** PVE's own tree of checks; null means root@pam only. */
  readonly permissions: Permissions | null;
}

/** How a list of what lies below a path may name its entries other than `subdir`, by the flag that stands for it. */
export const INDEX_KEYS = { i: 'name', d: 'id', m: 'method', y: 'type' } as const;

export interface Permissions {
  readonly user?: 'all' | 'world';
  readonly check?: readonly unknown[];
}

interface Table {
  readonly properties: readonly Property[];
  readonly formats: Readonly<Record<string, Properties>>;
  readonly methods: readonly [
    method: string,
    path: string,
    flags: string,
    permissions: Permissions | null,
    params: Readonly<Record<string, number>>,
    indexMax: Readonly<Record<string, number>>,
    variants?: Variants,
  ][];
}

/** Parameters that are there for one value of `property` only. */
interface Variants {
  readonly property: string;
  readonly byType: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export interface Schema {
  readonly methods: readonly Method[];
  /** Named property strings such as `pve-qm-ide`. */
  readonly formats: Readonly<Record<string, Properties>>;
}

let loaded: Schema | undefined;

/** The table of all methods; read from its file on first use (about 3 ms), immutable and shared afterwards. */
export function loadSchema(): Schema {
  return (loaded ??= readSchema());
}

function readSchema(): Schema {
  const table = JSON.parse(readFileSync(new URL('./methods.generated.json', import.meta.url), 'utf8')) as Table;
  const methods = table.methods.map(([method, path, flags, permissions, params, indexMax, variants]): Method => {
    let expanded: Properties | undefined;
    const byType = new Map<string, Properties>();
    return {
      method,
      path,
      permissions,
      proxied: flags.includes('n'),
      ticketOnly: flags.includes('t'),
      indexKey: Object.entries(INDEX_KEYS).find(([flag]) => flags.includes(flag))?.[1] ?? 'subdir',
      get params(): Properties {
        return (expanded ??= expand(params, indexMax, table.properties));
      },
      paramsFor(values): Properties {
        const type = String(variants === undefined ? '' : values[variants.property]);
        if (variants === undefined || !Object.hasOwn(variants.byType, type)) return this.params;
        let own = byType.get(type);
        if (own === undefined)
          byType.set(type, (own = expand(namesFor(params, variants, type), indexMax, table.properties)));
        return own;
      },
    };
  });
  return { methods, formats: table.formats };
}

/** Those of all types, and this type's own. */
function namesFor(
  params: Readonly<Record<string, number>>,
  { byType }: Variants,
  type: string,
): Readonly<Record<string, number>> {
  const dependent = new Set(Object.values(byType).flatMap((names) => Object.keys(names)));
  const common = Object.entries(params).filter(([name]) => !dependent.has(name));
  return { ...Object.fromEntries(common), ...byType[type] };
}

/** `net[n]` stands for net0 … net31. */
function expand(
  params: Readonly<Record<string, number>>,
  indexMax: Readonly<Record<string, number>>,
  properties: readonly Property[],
): Properties {
  const out: Record<string, Property> = {};
  for (const [name, at] of Object.entries(params)) {
    const property = properties[at] ?? {};
    const last = indexMax[name];
    if (last === undefined) out[name] = property;
    else for (let n = 0; n <= last; n++) out[name.replace('[n]', String(n))] = property;
  }
  return out;
}

const patterns = new Map<string, RegExp>();

/**
 * In the pattern of OCI references (`oci-registry-pull`, `query-oci-repo-tags`) a separator may be nothing at all, so a name
 * of n characters can be cut in 2^n ways, and a long one that does not fit would be looked at for ever. What fits is the
 * same with a separator that is there.
 */
const ENDLESS = ['(?:[._]|__|[-]*)', '(?:[._]|__|[-]+)'] as const;

/** PVE anchors every pattern at both ends. `(?i)` in front is how the generator writes a case-insensitive one. */
export function compilePattern(pattern: string): RegExp {
  let compiled = patterns.get(pattern);
  if (compiled === undefined) {
    const insensitive = pattern.startsWith('(?i)');
    const source = (insensitive ? pattern.slice(4) : pattern).replaceAll(...ENDLESS);
    compiled = new RegExp(`^(?:${source})$`, insensitive ? 'i' : '');
    patterns.set(pattern, compiled);
  }
  return compiled;
}
