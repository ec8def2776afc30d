import type { Ids } from '../kernel/ids.ts';
import { principalOf } from './access/tickets.ts';
import type { Principal } from './core/call.ts';
import { dispatch, type SimRequest, type SimResponse } from './core/dispatch.ts';
import { World } from './core/world.ts';
import { Faults, type Fault } from './faults.ts';
import { HaManager } from './ha/manager.ts';
import { Past } from './past.ts';
import { killNode, startNode } from './nodes/failure.ts';
import { stateFromCapture } from './state/capture.ts';
import { objectsOf, type Objects } from './state/objects.ts';
import { stateFromText, stateToText } from './state/persist.ts';
import type { State } from './state/types.ts';
import { stateFromWorld } from './worlds/load.ts';

/** A call that may have changed something, as it was received. */
export interface SimCall {
  /** Virtual ms. */
  readonly time: number;
  readonly principal: string;
  readonly method: string;
  readonly path: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly status: number;
  readonly answer: unknown;
  readonly upid?: string;
}

export interface SimulatorOptions {
  readonly ids: Ids;
  /** Virtual time to begin with, ms. */
  readonly now: number;
  /** A twin of which only a part was read (see the README). */
  readonly partial?: boolean;
}

const KEEP_CALLS = 10_000;
const MAX_EVENTS = 1_000_000;
/** Longer than any fence and recovery; services that cannot recover wait for ever. */
const HA_PATIENCE_MS = 600_000;

/** PVE as a state machine with a clock of its own: nothing happens but by `handle`, `advance` and `settle`. */
export class Simulator {
  readonly world: World;
  readonly #ha: HaManager;
  readonly #faults = new Faults();
  readonly #past = new Past(() => this.#faults.wanted());
  readonly #calls: SimCall[] = [];

  constructor(state: State, { ids, now }: SimulatorOptions) {
    this.world = new World(state, ids, now);
    this.#ha = new HaManager(this.world);
    this.world.ha = this.#ha;
  }

  /** A cluster as recorded: `"GET /path": data`. */
  static fromCapture(capture: Readonly<Record<string, unknown>>, options: SimulatorOptions): Simulator {
    return new Simulator(stateFromCapture(capture, options), options);
  }

  /** One of the worlds that come along: `enterprise`, `empty`. Throws `RangeError` for another name. */
  static fromWorld(name: string, options: SimulatorOptions): Simulator {
    return new Simulator(stateFromWorld(name, options), options);
  }

  /** Goes on with what `save` wrote; virtual time continues at `now` or where it stood, whichever is later. */
  static load(text: string, options: SimulatorOptions): Simulator {
    const { state, now } = stateFromText(text);
    return new Simulator(state, { ...options, now: Math.max(now, options.now) });
  }

  save(): string {
    return stateToText(this.world.state, this.world.now());
  }

  /** Answers one request; never throws. What PVE would have waited for is waited for in virtual time. */
  handle(request: SimRequest): SimResponse {
    return this.handleAs(request, principalOf(this.world, request.principal));
  }

  /** As `handle`, for a caller that is known already; undefined is nobody. */
  handleAs(request: SimRequest, principal: Principal | undefined): SimResponse {
    const { method, path } = request;
    const hits = this.#faults.hit(method, path);
    const delay = hits.reduce((sum, fault) => sum + (fault.kind === 'delay' ? (fault.delay_ms ?? 0) : 0), 0);
    const late = delay > 0 ? { delay_ms: delay } : {};
    const refusal = hits.find(({ kind }) => kind === 'status' || kind === 'cut-before');
    if (refusal?.kind === 'cut-before') return { status: 0, reason: 'cut', body: null, ...late };
    if (refusal !== undefined) return { ...refused(refusal), ...late };
    const task = hits.find(({ kind }) => kind === 'task-fail' || kind === 'task-vanish');
    this.world.taskFault =
      task === undefined
        ? undefined
        : { kind: task.kind as 'task-fail' | 'task-vanish', exitstatus: task.exitstatus ?? 'simulated failure' };
    if (method !== 'GET') this.#past.change(this.world);
    const response = dispatch(this.#asSeen(hits), request, principal);
    this.world.taskFault = undefined;
    if (method !== 'GET') this.#record(request, response);
    if (hits.some(({ kind }) => kind === 'cut-after')) return { status: 0, reason: 'cut', body: null, ...late };
    return delay > 0 ? { ...response, ...late } : response;
  }

  /** The cluster that answers: as it is, or for a stale answer as it was. */
  #asSeen(hits: readonly Fault[]): World {
    const stale = hits.find(({ kind }) => kind === 'stale');
    if (stale === undefined) return this.world;
    return this.#past.world(this.now(), stale.stale_ms) ?? this.world;
  }

  #record({ method, path, params, principal }: SimRequest, { status, body }: SimResponse): void {
    const data = (body as { data?: unknown } | null)?.data ?? null;
    const upid = typeof data === 'string' && data.startsWith('UPID:') ? { upid: data } : {};
    this.#calls.push({ time: this.now(), principal, method, path, params, status, answer: body, ...upid });
    if (this.#calls.length > KEEP_CALLS) this.#calls.shift();
  }

  /** Mutating calls received, oldest first. */
  get calls(): readonly SimCall[] {
    return this.#calls;
  }

  /** Arms a fault; `seed` is what its `probability` draws from. */
  inject(fault: Fault, seed = ''): void {
    this.#faults.add(fault, seed);
    this.#past.begin(this.world);
  }
  clearFaults(): void {
    this.#faults.clear();
    this.#past.clear();
  }

  now(): number {
    return this.world.now();
  }

  /** Moves virtual time; tasks that are due end, in order. */
  advance(ms: number): void {
    this.#advanceTo(this.now() + ms);
  }

  /** In steps where stale answers need the moments on the way. */
  #advanceTo(time: number): void {
    const pace = this.#past.pace();
    if (pace !== undefined) {
      if (this.now() < time - pace.last) this.world.timeline.advanceTo(time - pace.last);
      for (this.#past.pass(this.world); this.now() < time; this.#past.pass(this.world))
        this.world.timeline.advanceTo(Math.min(time, this.now() + pace.step));
    }
    this.world.timeline.advanceTo(time);
  }

  /** Virtual time of the next thing that happens by itself. */
  nextEvent(): number | undefined {
    return this.world.timeline.next();
  }

  /**
   * Moves time until no task is running, those included that other tasks start, and the HA manager has nothing left to
   * do. Lists then show the settled state.
   */
  settle(): void {
    const deadline = this.now() + HA_PATIENCE_MS;
    const calm = (): boolean => !this.#ha.pending() || this.now() > deadline;
    this.#runUntil(() => this.world.tasks.running.length === 0 && calm());
  }

  /** As `settle`, but only for the tasks that are running now, and for what the HA manager has taken up. */
  settleRunning(): void {
    const upids = this.world.tasks.running.map(({ upid }) => upid);
    this.#runUntil(() => upids.every((upid) => !this.world.tasks.isRunning(upid)));
    const deadline = this.now() + HA_PATIENCE_MS;
    const wantsTime = this.#ha.wantsTime();
    this.#runUntil(() => !wantsTime() || this.now() > deadline);
  }

  #runUntil(done: () => boolean): void {
    let events = 0;
    for (; !done() && events < MAX_EVENTS; events++) {
      const next = this.nextEvent();
      if (next === undefined) break;
      this.#advanceTo(next);
    }
    // Who waits for the end wants to see it, not what pvestatd said before.
    this.world.publish({ storages: events > 0 });
  }

  /** Guests, volumes, pools, storages: for differences between two moments. */
  objects(): Objects {
    return objectsOf(this.world);
  }

  /** A node loses power: its guests and tasks die, it answers 595, and the HA manager moves its services. */
  killNode(name: string): void {
    this.#past.change(this.world);
    killNode(this.world, name);
  }

  /** The node comes back and starts the guests that start at boot. */
  startNode(name: string): void {
    this.#past.change(this.world);
    startNode(this.world, name);
  }
}

function refused({ status = 500, message }: Fault): SimResponse {
  const words =
    message ?? (status === 595 ? 'Connection timed out' : status === 596 ? 'Broken pipe' : 'simulated failure');
  // 401, 595 and 596 have no body (FACTS 1, 8, 42).
  const empty = status === 401 || status >= 590;
  return { status, reason: words, body: empty ? null : { data: null, message: `${words}\n` } };
}
