import { createHash } from 'node:crypto';

/** A disturbance, for tests: matched against calls as they come. */
export interface Fault {
  readonly match: {
    readonly method?: string;
    /** Below /api2/json. With `*` for any text; when it starts with `^` it is a regular expression. */
    readonly path?: string;
    /** The first call that is hit, counted from 1. Default 1. */
    readonly nth?: number;
    /** How many calls are hit from then on; 0 means all. Default 1, with a `probability` 0. */
    readonly times?: number;
  };
  readonly kind: (typeof FAULT_KINDS)[number];
  /** Share of the matching calls that is hit, 0 to 1; drawn from the seed. Absent: every one. */
  readonly probability?: number;
  /** For `status`; 500 when absent. */
  readonly status?: number;
  /** For `delay`. */
  readonly delay_ms?: number;
  /** For `status`: PVE's words. */
  readonly message?: string;
  /** For `task-fail`: how the task ends. */
  readonly exitstatus?: string;
  /** For `stale`: how old the answer is, virtual ms; absent: of the moment before the last change. */
  readonly stale_ms?: number;
}

/** `stale` hits what only reads, and is not counted for other calls. */
export const FAULT_KINDS = ['cut-before', 'cut-after', 'delay', 'status', 'task-fail', 'task-vanish', 'stale'] as const;

interface Armed {
  readonly fault: Fault;
  readonly path: RegExp | undefined;
  /** What its draws come from. */
  readonly seed: string;
  seen: number;
  hits: number;
  /** Reads and changes are drawn apart: a replay of the changes alone then meets the same faults. */
  readonly drawn: { reads: number; changes: number };
}

/** The expression of a fault's path. Throws `SyntaxError` for a regular expression that is none. */
export function compilePath(path: string): RegExp {
  if (path.startsWith('^')) return new RegExp(path);
  return new RegExp(`^${path.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll('*', '.*')}$`);
}

/** 0 or more, less than 1: the same for the same text. */
const draw = (text: string): number => createHash('sha256').update(text).digest().readUIntBE(0, 6) / 2 ** 48;

const timesOf = ({ match, probability }: Fault): number => match.times ?? (probability === undefined ? 1 : 0);

const isSpent = ({ fault, hits }: Armed): boolean => timesOf(fault) !== 0 && hits >= timesOf(fault);

/** The faults that are armed, in the order in which they came. */
export class Faults {
  #armed: Armed[] = [];

  /** `seed` is what `probability` draws from: the same seed, faults and calls meet the same disturbances. */
  add(fault: Fault, seed: string): void {
    const path = fault.match.path === undefined ? undefined : compilePath(fault.match.path);
    const own = `${seed}:${this.#armed.length}`;
    this.#armed.push({ fault, path, seed: own, seen: 0, hits: 0, drawn: { reads: 0, changes: 0 } });
  }

  clear(): void {
    this.#armed = [];
  }

  /** What `stale` faults may still ask for: the state before the last change, and the greatest age, ms. */
  wanted(): { readonly lastChange: boolean; readonly age: number } {
    const open = this.#armed.filter((armed) => armed.fault.kind === 'stale' && !isSpent(armed));
    return {
      lastChange: open.some(({ fault }) => fault.stale_ms === undefined),
      age: Math.max(0, ...open.map(({ fault }) => fault.stale_ms ?? 0)),
    };
  }

  /** The faults that hit this call; each counts it. */
  hit(method: string, path: string): Fault[] {
    return this.#armed.filter((armed) => hits(armed, method, path)).map(({ fault }) => fault);
  }
}

function hits(armed: Armed, method: string, path: string): boolean {
  const { fault } = armed;
  const { match, kind, probability } = fault;
  if (match.method !== undefined && match.method !== method) return false;
  if (kind === 'stale' && method !== 'GET') return false;
  if (armed.path !== undefined && !armed.path.test(path)) return false;
  armed.seen++;
  if (armed.seen < (match.nth ?? 1) || isSpent(armed)) return false;
  if (probability !== undefined) {
    const lot = method === 'GET' ? 'reads' : 'changes';
    armed.drawn[lot]++;
    if (draw(`${armed.seed}:${lot}:${armed.drawn[lot]}`) >= probability) return false;
  }
  armed.hits++;
  return true;
}
