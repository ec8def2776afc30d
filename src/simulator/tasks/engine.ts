import { fail, NotRead, PveError } from '../core/errors.ts';
import type { Timeline, TimelineEvent } from '../core/timeline.ts';
import type { TaskRecord } from '../state/types.ts';
import { Locks } from './locks.ts';
import { formatUpid } from './upid.ts';

/** What a worker waits for. `wait` in ms; a lock that is not got in `timeout` ms fails the task. */
export type Step =
  | { readonly wait: number }
  | { readonly lock: string; readonly path: string; readonly shared?: boolean; readonly timeout: number }
  | { readonly unlock: string };
export type Worker = Generator<Step, void, void>;

export interface TaskSpec extends Pick<TaskRecord, 'node' | 'type' | 'id' | 'user' | 'pid' | 'pstart'> {
  /** Undoes what was done before the task started; called when the task never gets to run (task faults, reboot). */
  readonly abandon?: () => void;
}

export interface TaskContext {
  log(line: string): void;
  warn(line: string): void;
  readonly record: TaskRecord;
}

/** What a fault does to the next task. */
export interface TaskFault {
  readonly kind: 'task-fail' | 'task-vanish';
  readonly exitstatus: string;
}

interface Active {
  readonly record: TaskRecord;
  readonly worker: Worker;
  readonly spec: TaskSpec;
  readonly held: Set<string>;
  /** Takes back what the worker waits for. */
  cancel: () => void;
  vanish: boolean;
}

/** A worker process needs this long before it does anything. */
const FORK_MS = 50;
const KEEP_TASKS = 2_000;

/** Runs the workers that tasks consist of, in virtual time. */
export class TaskEngine {
  readonly locks = new Locks();
  readonly #timeline: Timeline;
  readonly #records: TaskRecord[];
  readonly #active = new Map<string, Active>();
  readonly #onEnd: (task: TaskRecord) => void;

  constructor(timeline: Timeline, records: TaskRecord[], onEnd: (task: TaskRecord) => void = () => {}) {
    this.#timeline = timeline;
    this.#records = records;
    this.#onEnd = onEnd;
  }

  /** Starts a task and answers its UPID; nothing of it has happened yet. */
  start(spec: TaskSpec, body: (task: TaskContext) => Worker, fault?: TaskFault): string {
    const starttime = Math.floor(this.#timeline.now() / 1000);
    const upid = formatUpid({ ...spec, starttime });
    const { node, type, id, user, pid, pstart } = spec;
    const record: TaskRecord = { upid, node, type, id, user, pid, pstart, starttime, warnings: 0, log: [] };
    const context: TaskContext = {
      record,
      log: (line) => void record.log.push(...line.split('\n')),
      warn: (line) => {
        record.warnings++;
        record.log.push(`WARN: ${line}`);
      },
    };
    const worker = fault?.kind === 'task-fail' ? failing(spec, fault.exitstatus) : body(context);
    const active: Active = {
      record,
      worker,
      spec,
      held: new Set(),
      cancel: () => {},
      vanish: fault?.kind === 'task-vanish',
    };
    this.#records.push(record);
    if (this.#records.length > KEEP_TASKS) this.#records.shift();
    this.#active.set(upid, active);
    this.#waitFor(active, FORK_MS);
    return upid;
  }

  find(upid: string): TaskRecord | undefined {
    return this.#records.findLast((record) => record.upid === upid);
  }

  isRunning(upid: string): boolean {
    return this.#active.has(upid);
  }

  get running(): readonly TaskRecord[] {
    return [...this.#active.values()].map(({ record }) => record);
  }

  /** Stops a running task: it ends with these words (FACTS 31). */
  interrupt(upid: string, words: string): void {
    const active = this.#active.get(upid);
    if (active === undefined) return;
    active.cancel();
    this.#resume(active, () => active.worker.throw(fail(words)));
  }

  /** Everything ends at once, as when the node loses power. */
  kill(node: string): void {
    for (const active of this.#active.values()) {
      if (active.record.node !== node) continue;
      active.cancel();
      this.#end(active, 'unexpected status');
    }
  }

  #waitFor(active: Active, ms: number): void {
    const event: TimelineEvent = this.#timeline.after(ms, () => this.#resume(active, () => active.worker.next()));
    active.cancel = () => void (event.cancelled = true);
  }

  #resume(active: Active, go: () => IteratorResult<Step, void>): void {
    active.cancel = () => {};
    try {
      for (let result = go(); ; result = active.worker.next()) {
        if (result.done) return this.#end(active, undefined);
        const step = result.value;
        if ('wait' in step) return this.#waitFor(active, step.wait);
        if ('unlock' in step) this.#release(active, step.unlock);
        else if (!this.#lock(active, step)) return;
      }
    } catch (error) {
      // In a partial twin a task may meet what nobody could know before; that is a failure like any other.
      if (error instanceof NotRead) return this.#end(active, `not read: ${error.missing.join(', ')}`);
      if (!(error instanceof PveError)) throw error;
      this.#end(active, error.message);
    }
  }

  /** True when the lock is ours at once. */
  #lock(active: Active, step: Extract<Step, { lock: string }>): boolean {
    const shared = step.shared ?? false;
    if (this.locks.tryAcquire(step.lock, active, shared)) {
      active.held.add(step.lock);
      return true;
    }
    active.record.log.push('trying to acquire lock...');
    const leave = this.locks.wait(step.lock, active, shared, () => {
      active.cancel();
      active.held.add(step.lock);
      active.record.log.push(' OK');
      this.#waitFor(active, 0);
    });
    const event = this.#timeline.after(step.timeout, () => {
      leave();
      this.#resume(active, () => active.worker.throw(fail(`can't lock file '${step.path}' - got timeout`)));
    });
    active.cancel = () => {
      leave();
      event.cancelled = true;
    };
    return false;
  }

  #release(active: Active, name: string): void {
    if (active.held.delete(name)) this.locks.release(name, active);
  }

  #end(active: Active, error: string | undefined): void {
    const { record } = active;
    const words = error?.replaceAll('\n', ' ');
    record.exitstatus = words ?? (record.warnings > 0 ? `WARNINGS: ${record.warnings}` : 'OK');
    record.log.push(error === undefined ? `TASK ${record.exitstatus}` : `TASK ERROR: ${words}`);
    record.endtime = Math.floor(this.#timeline.now() / 1000);
    this.#active.delete(record.upid);
    for (const name of active.held) this.#release(active, name);
    this.#onEnd(record);
    if (active.vanish) this.#records.splice(this.#records.indexOf(record), 1);
  }
}

/** A task whose work never happens. */
function* failing(spec: TaskSpec, exitstatus: string): Worker {
  yield { wait: 500 };
  spec.abandon?.();
  throw fail(exitstatus);
}
