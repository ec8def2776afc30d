import type { Clock } from '../../kernel/clock.ts';
import type { Simulator } from '../simulator.ts';

/** How virtual time follows real time: N times as fast, not at all, or tasks end with the answer that starts them. */
export type Speed = number | 'instant' | 'manual';

export function parseSpeed(text: string): Speed | undefined {
  if (text === 'instant' || text === 'manual') return text;
  const number = Number(text);
  return Number.isFinite(number) && number > 0 && text.trim() !== '' ? number : undefined;
}

/** Keeps a simulator's clock in step with real time. */
export class Pace {
  readonly #simulator: Simulator;
  readonly #clock: Clock;
  readonly #speed: Speed;
  #last: number;

  constructor(simulator: Simulator, clock: Clock, speed: Speed) {
    this.#simulator = simulator;
    this.#clock = clock;
    this.#speed = speed;
    this.#last = clock.now();
  }

  /** Brings virtual time up to now; done before every request, so that nothing has to run in between. */
  catchUp(): void {
    const now = this.#clock.now();
    const passed = now - this.#last;
    this.#last = now;
    if (this.#speed === 'manual') return;
    this.#simulator.advance(passed * (this.#speed === 'instant' ? 1 : this.#speed));
  }

  /** Runs a request. What it waited for in virtual time it also takes in real time. Answers the ms to hold it back. */
  run<T>(request: () => T): { readonly result: T; readonly hold: number } {
    this.catchUp();
    const before = this.#simulator.now();
    const result = request();
    const waited = this.#simulator.now() - before;
    if (this.#speed === 'instant') this.#simulator.settle();
    if (typeof this.#speed !== 'number' || waited === 0) return { result, hold: 0 };
    // That much has already passed virtually; it must not be counted again.
    const hold = waited / this.#speed;
    this.#last += hold;
    return { result, hold };
  }

  /** Real delays, such as that of a 401, only where time is real. */
  get real(): boolean {
    return typeof this.#speed === 'number';
  }
}
