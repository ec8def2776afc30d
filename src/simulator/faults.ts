/** A disturbance, for tests: matched against calls as they come. */
export interface Fault {
  readonly match: {
    readonly method?: string;
    /** Below /api2/json. With `*` for any text; when it starts with `^` it is a regular expression. */
    readonly path?: string;
    /** The first call that is hit, counted from 1. Default 1. */
    readonly nth?: number;
    /** How many calls are hit from then on; 0 means all. Default 1. */
    readonly times?: number;
  };
  readonly kind: 'cut-before' | 'cut-after' | 'delay' | 'status' | 'task-fail' | 'task-vanish';
  /** For `status`; 500 when absent. */
  readonly status?: number;
  /** For `delay`. */
  readonly delay_ms?: number;
  /** For `status`: PVE's words. */
  readonly message?: string;
  /** For `task-fail`: how the task ends. */
  readonly exitstatus?: string;
}

interface Armed {
  readonly fault: Fault;
  readonly path: RegExp | undefined;
  seen: number;
}

const KINDS: ReadonlySet<string> = new Set(['cut-before', 'cut-after', 'delay', 'status', 'task-fail', 'task-vanish']);

function compile(path: string): RegExp {
  if (path.startsWith('^')) return new RegExp(path);
  return new RegExp(`^${path.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll('*', '.*')}$`);
}

export class Faults {
  readonly #armed: Armed[] = [];

  add(fault: Fault): void {
    if (!KINDS.has(fault.kind)) throw new RangeError(`unknown kind of fault '${fault.kind}'`);
    this.#armed.push({ fault, path: fault.match.path === undefined ? undefined : compile(fault.match.path), seen: 0 });
  }

  clear(): void {
    this.#armed.length = 0;
  }

  /** The faults that hit this call; each counts it. */
  hit(method: string, path: string): Fault[] {
    const out: Fault[] = [];
    for (const armed of this.#armed) {
      const { match } = armed.fault;
      if (match.method !== undefined && match.method !== method) continue;
      if (armed.path !== undefined && !armed.path.test(path)) continue;
      armed.seen++;
      const first = match.nth ?? 1;
      const times = match.times ?? 1;
      if (armed.seen >= first && (times === 0 || armed.seen < first + times)) out.push(armed.fault);
    }
    return out;
  }
}
