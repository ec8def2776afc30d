import { loadSchema, type Method } from '../schema/schema.ts';

interface Branch {
  readonly fixed: Map<string, Branch>;
  parameter?: Branch;
  readonly methods: Map<string, { method: Method; names: readonly string[] }>;
}

export interface Match {
  readonly method: Method;
  readonly values: Record<string, string>;
}

const branch = (): Branch => ({ fixed: new Map(), methods: new Map() });

/** Finds the method of a path. Built once from the schema; empty segments (`//nodes//pve1`) are skipped as PVE does. */
export class Router {
  readonly #root = branch();

  constructor(methods: readonly Method[]) {
    for (const method of methods) this.#add(method);
  }

  #add(method: Method): void {
    let at = this.#root;
    const names: string[] = [];
    for (const segment of method.path.split('/').filter(Boolean)) {
      const name = /^\{(.+)\}$/.exec(segment)?.[1];
      if (name === undefined) {
        let next = at.fixed.get(segment);
        if (next === undefined) at.fixed.set(segment, (next = branch()));
        at = next;
      } else {
        names.push(name);
        at = at.parameter ??= branch();
      }
    }
    at.methods.set(method.method, { method, names });
  }

  /** Undefined when there is no such method. A malformed percent-encoding counts as no such path. */
  match(verb: string, path: string): Match | undefined {
    const found = this.#walk(path);
    const entry = found?.at.methods.get(verb);
    if (found === undefined || entry === undefined) return undefined;
    const values: Record<string, string> = {};
    for (const [index, name] of entry.names.entries()) values[name] = found.values[index] ?? '';
    return { method: entry.method, values };
  }

  #walk(path: string): { at: Branch; values: string[] } | undefined {
    let at = this.#root;
    const values: string[] = [];
    const segments = path.split('/').filter(Boolean);
    for (const [index, segment] of segments.entries()) {
      const next = at.fixed.get(segment);
      if (next !== undefined) {
        at = next;
        continue;
      }
      if (at.parameter === undefined) return undefined;
      at = at.parameter;
      // A volume id holds slashes, and PVE takes the rest of the path for it where it stands last.
      const greedy = [...at.methods.values()].some(({ names }) => names.at(-1) === 'volume');
      const value = decode(greedy ? segments.slice(index).join('/') : segment);
      if (value === undefined) return undefined;
      values.push(value);
      if (greedy) break;
    }
    return { at, values };
  }

  /** The names below a folder, for index calls; undefined when the path is no folder. */
  children(path: string): string[] | undefined {
    const found = this.#walk(path);
    return found === undefined ? undefined : [...found.at.fixed.keys()].toSorted();
  }
}

function decode(text: string): string | undefined {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

let compiled: Router | undefined;

/** The router over PVE's whole schema; immutable, shared by all simulators of the process. */
export const router = (): Router => (compiled ??= new Router(loadSchema().methods));
