import type { Clock } from '../kernel/clock.ts';
import { list, record, text } from './lenient.ts';
import { path } from './path.ts';
import type { PveAnswer, PveRequest } from './types.ts';

/** More tasks than this on one node are watched by one list of its running tasks instead of one poll each. */
const CROWD = 8;
const EVERY_MS = 1_000;

interface Node {
  waiting: number;
  /** When anything was asked for the crowd, and what comes next. */
  asked: number;
  next: 'list' | 'log';
  running: Promise<ReadonlySet<string>>;
}

/**
 * Keeps a thousand waiting tasks from becoming a thousand polls: where many wait on one node, they share one list of its
 * running tasks a second, and only a task that is not in it any more is asked for by itself.
 */
export class Crowd {
  readonly #call: (request: PveRequest) => Promise<PveAnswer>;
  readonly #clock: Clock;
  readonly #nodes = new Map<string, Node>();

  constructor(call: (request: PveRequest) => Promise<PveAnswer>, clock: Clock) {
    this.#call = call;
    this.#clock = clock;
  }

  /** Counts a waiter on `node` until the answer is called. */
  join(node: string): () => void {
    const found = this.#nodes.get(node) ?? {
      waiting: 0,
      asked: Number.NEGATIVE_INFINITY,
      running: Promise.resolve(new Set<string>()),
      next: 'list' as const,
    };
    this.#nodes.set(node, found);
    found.waiting++;
    return () => {
      found.waiting--;
      if (found.waiting === 0) this.#nodes.delete(node);
    };
  }

  /** Whether the shared list says that the task runs; false also where it has to be asked for by itself. */
  async saysRunning(node: string, upid: string): Promise<boolean> {
    const found = this.#nodes.get(node);
    if (found === undefined || found.waiting <= CROWD) return false;
    if (this.#turn(found, 'list')) found.running = this.#read(node);
    return (await found.running).has(upid);
  }

  /** Whether this waiter may read its task's log now. */
  logTurn(node: string): boolean {
    const found = this.#nodes.get(node);
    if (found === undefined || found.waiting <= CROWD) return true;
    return this.#turn(found, 'log');
  }

  /** One request a second for the whole crowd of a node: its list and somebody's log take turns. */
  #turn(node: Node, what: 'list' | 'log'): boolean {
    const now = this.#clock.now();
    if (now - node.asked < EVERY_MS || node.next !== what) return false;
    node.asked = now;
    node.next = what === 'list' ? 'log' : 'list';
    return true;
  }

  /** The running tasks of a node; in PVE's list those without an end. Nobody's signal: the answer is for all. */
  async #read(node: string): Promise<ReadonlySet<string>> {
    const { data } = await this.#call({
      method: 'GET',
      path: path`/nodes/${node}/tasks`,
      params: { source: 'active', limit: 5_000 },
    });
    const rows = list(data).map((row) => record(row));
    return new Set(rows.filter((row) => row['endtime'] === undefined).map((row) => text(row['upid']) ?? ''));
  }
}
