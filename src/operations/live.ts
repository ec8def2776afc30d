import type { Effect } from '../actions/define.ts';
import type { Clock } from '../kernel/clock.ts';
import { nodeOf } from '../proxmox/index.ts';
import type { PveApi } from '../proxmox/types.ts';
import { takeAll, type Limits, type Places, type Wanted } from './limits.ts';
import { Stop } from './run.ts';
import type { SharedSlots } from './slots.ts';
import type { Point, ThreadHooks } from './thread.ts';
import type { TraceStep } from './types.ts';

export interface LiveProgress {
  readonly line: string;
  readonly fraction?: number;
}

export interface LiveDeps {
  readonly environment: string;
  readonly api: PveApi;
  readonly clock: Clock;
  readonly places: Places;
  readonly limits: Limits;
  /** Where other replicas send as well. */
  readonly slots: SharedSlots | undefined;
  /** Why the environment is frozen; undefined when it is not. */
  readonly frozen: () => Promise<string | undefined>;
  /** Throws when another replica has taken the operation over. */
  readonly assertOwned: () => Promise<void>;
  /** Tests stop the process here; undefined in production. */
  readonly crash?: ((point: Point, step: TraceStep) => void) | undefined;
  /** Told of progress at most once a second per effect. */
  readonly onProgress: (step: TraceStep, progress: LiveProgress) => void;
  readonly onWaiting: (why: string | undefined) => void;
}

/** A backup of a large guest holds its lock for long; longer than this and a person should know. */
const LOCK_PATIENCE_MS = 60 * 60_000;
/** How often a frozen operation looks whether it may go on. */
const THAW_EVERY_MS = 1_000;
const PROGRESS_EVERY_MS = 1_000;

/** What is known only while an operation runs in this process: what it waits for, how far its tasks are, its cancel. */
export class LiveOperation {
  readonly progress = new Map<string, LiveProgress>();
  readonly #deps: LiveDeps;
  readonly #abort = new AbortController();
  readonly #tasks = new Map<string, Effect>();
  readonly #told = new Map<string, number>();
  #canceled = false;
  #waiting: string | undefined;

  constructor(deps: LiveDeps) {
    this.#deps = deps;
  }

  get waitingFor(): string | undefined {
    return this.#waiting;
  }

  /** Stops between effects, and stops the running tasks whose effects say that this is safe. */
  async cancel(): Promise<void> {
    this.#canceled = true;
    for (const [upid, effect] of this.#tasks) {
      if (effect.stoppable)
        await this.#deps.api.call({
          method: 'DELETE',
          path: `/nodes/${nodeOf(upid)}/tasks/${encodeURIComponent(upid)}`,
        });
    }
  }

  /** Ends the run at once and leaves everything as the journal has it; a later run goes on from there. */
  handOver(): void {
    this.#abort.abort(new Stop('handover'));
  }

  hooks(): ThreadHooks {
    const { signal } = this.#abort;
    return {
      signal,
      canceled: () => this.#canceled,
      lockPatience: LOCK_PATIENCE_MS,
      enter: (step, effect, sent) => this.#enter(step, effect, sent),
      thawed: () => this.#thawed(),
      sending: () => this.#deps.assertOwned(),
      at: (point, step) => this.#deps.crash?.(point, step),
      waiting: (why) => this.#wait(why),
      progress: (step, line, fraction) =>
        this.#progress(step, { line, ...(fraction === undefined ? {} : { fraction }) }),
      task: (step, effect, upid) => this.#task(step, effect, upid),
    };
  }

  async #enter(step: TraceStep, effect: Effect, sent: boolean): Promise<() => Promise<void>> {
    if (!sent) await this.#thawed();
    this.#mayGoOn(sent);
    const wanted = this.#wanted(effect);
    const onWait = (name: string): void => this.#wait(`"${step.title}" waits for a free place: ${name}`);
    const leave = await takeAll(this.#deps.places, wanted, onWait);
    try {
      this.#mayGoOn(sent);
      const leaveShared = await this.#deps.slots?.take(wanted, onWait, () => this.#mayGoOn(sent));
      this.#wait(undefined);
      return async () => {
        leave();
        await leaveShared?.();
      };
    } catch (error) {
      leave();
      throw error;
    }
  }

  async #thawed(): Promise<void> {
    const { clock, environment, frozen } = this.#deps;
    for (let why = await frozen(); why !== undefined && !this.#canceled; why = await frozen()) {
      this.#wait(`${environment} to be thawed: ${why}`);
      await clock.sleep(THAW_EVERY_MS, this.#abort.signal);
    }
  }

  /** What was sent is seen through even after a cancel; only a handover leaves it. */
  #mayGoOn(sent: boolean): void {
    if (this.#abort.signal.aborted) throw new Stop('handover');
    if (this.#canceled && !sent) throw new Stop('canceled');
  }

  #wanted(effect: Effect): Wanted {
    const { environment, limits } = this.#deps;
    const node = /^\/nodes\/([^/]+)/.exec(effect.path)?.[1];
    return [
      [`${environment}: calls under way`, limits.environment],
      ...(node === undefined ? [] : [[`${environment}/node/${node}`, limits.node] as [string, number]]),
      ...(effect.storage === undefined
        ? []
        : [[`${environment}/storage/${effect.storage}`, limits.storage] as [string, number]]),
      ...(effect.template === undefined
        ? []
        : [[`${environment}/template/${effect.template}`, limits.template] as [string, number]]),
    ];
  }

  #wait(why: string | undefined): void {
    if (this.#waiting === why) return;
    this.#waiting = why;
    this.#deps.onWaiting(why);
  }

  #task(step: TraceStep, effect: Effect, upid: string | undefined): void {
    for (const [running, its] of this.#tasks) if (its === effect) this.#tasks.delete(running);
    if (upid !== undefined) this.#tasks.set(upid, effect);
    else this.progress.delete(placeOf(step));
  }

  #progress(step: TraceStep, progress: LiveProgress): void {
    const place = placeOf(step);
    this.progress.set(place, progress);
    const now = this.#deps.clock.now();
    if (now - (this.#told.get(place) ?? 0) < PROGRESS_EVERY_MS) return;
    this.#told.set(place, now);
    this.#deps.onProgress(step, progress);
  }
}

/** A step's name within its operation: an undo has the number of the step that it takes back. */
export const placeOf = (step: Pick<TraceStep, 'request' | 'seq'>): string =>
  `${step.request === 'undo' ? 'undo/' : ''}${step.seq}`;
