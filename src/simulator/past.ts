import { seededIds } from '../kernel/ids.ts';
import { World } from './core/world.ts';
import { HaManager } from './ha/manager.ts';
import type { State } from './state/types.ts';

interface Moment {
  /** Virtual ms. */
  readonly at: number;
  readonly state: State;
}

/** What must be kept: the state before the last change, and states up to this age, ms. */
export interface Wanted {
  readonly lastChange: boolean;
  readonly age: number;
}

/** An age is kept as this many moments: an answer is at most a quarter of it older than asked for. */
const MOMENTS = 4;

/** What the cluster was before, for stale answers. Copies of the state are dear, so they are made only while wanted. */
export class Past {
  readonly #wanted: () => Wanted;
  #beforeChange: Moment | undefined;
  /** Oldest first. */
  #moments: Moment[] = [];

  constructor(wanted: () => Wanted) {
    this.#wanted = wanted;
  }

  /** Something is about to change the cluster. */
  change(world: World): void {
    if (this.#wanted().lastChange) this.#beforeChange = copy(world);
  }

  /** A stale fault has come: from here on there is a past. */
  begin(world: World): void {
    const { lastChange } = this.#wanted();
    if (lastChange && this.#beforeChange === undefined) this.#beforeChange = copy(world);
    this.pass(world);
  }

  /** Time is about to move on; called at least as often as `step` says. */
  pass(world: World): void {
    const { age } = this.#wanted();
    if (age === 0) {
      this.#moments = [];
      return;
    }
    const last = this.#moments.at(-1);
    if (last !== undefined && world.now() - last.at < age / MOMENTS) return;
    this.#moments.push(copy(world));
    // Of what is old enough only the newest can still be asked for.
    const old = this.#moments.filter(({ at }) => at <= world.now() - age).length;
    this.#moments.splice(0, Math.max(0, old - 1));
  }

  /** How far time may move at once, and how long before its goal it must begin to move so; undefined: as it likes. */
  pace(): { readonly step: number; readonly last: number } | undefined {
    const { age } = this.#wanted();
    return age === 0 ? undefined : { step: Math.max(1, age / MOMENTS), last: 2 * age };
  }

  /** The cluster of that moment, for reading; undefined when nothing is known of it. */
  world(now: number, age: number | undefined): World | undefined {
    const moment =
      age === undefined
        ? this.#beforeChange
        : (this.#moments.findLast(({ at }) => at <= now - age) ?? this.#moments[0]);
    if (moment === undefined) return undefined;
    const { state, at } = moment;
    const clock = { now: () => at, sleep: () => Promise.resolve() };
    const world = new World(state, seededIds('past', clock), at);
    world.ha = new HaManager(world);
    return world;
  }

  clear(): void {
    this.#beforeChange = undefined;
    this.#moments = [];
  }
}

const copy = (world: World): Moment => ({ at: world.now(), state: structuredClone(world.state) });
