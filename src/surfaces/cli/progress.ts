import type { Context } from './context.ts';
import type { Effect, Operation } from './model.ts';
import { effectLines, ENDED, endLines, waitingFor } from './render/operation.ts';
import { clip } from './render/text.ts';
import { percent } from './render/values.ts';

/** Shows an operation while it goes on. */
export interface ProgressView {
  update(operation: Operation): void;
  /** Something beside the operation, such as a server that is away. */
  say(text: string): void;
  end(operation: Operation): void;
}

/** For `--json`: the one document comes at the end; only outages are told, on the error output. */
export const silentProgress = (context: Context): ProgressView => ({
  update: () => {},
  say: (text) => context.note(text),
  end: () => {},
});

const BAR = 20;
const STATES: Readonly<Record<string, string>> = {
  verifying: 'Verifying the result.',
  compensating: 'Taking back what was done.',
};

/**
 * One line for each state that a step reaches, printed once; on a terminal below them one line that is drawn again,
 * with the progress of what runs.
 */
export class LineProgress implements ProgressView {
  readonly #context: Context;
  readonly #printed = new Map<number, string>();
  #said = '';
  #drawn = false;

  constructor(context: Context) {
    this.#context = context;
  }

  update(operation: Operation): void {
    const { effects = [], state } = operation;
    for (const effect of effects) this.#effect(effect, effects.length);
    const waiting = ENDED.has(state) ? undefined : waitingFor(operation);
    const said = waiting === undefined ? (STATES[state] ?? '') : `Waiting for ${waiting}`;
    if (said !== '' && said !== this.#said) this.#print([`  ${said}`]);
    this.#said = said;
    if (ENDED.has(state)) this.#clear();
    else this.#draw(effects);
  }

  say(text: string): void {
    this.#clear();
    this.#context.note(text);
  }

  end(operation: Operation): void {
    this.#print(endLines(operation, this.#context));
  }

  #effect(effect: Effect, total: number): void {
    const { seq, state, upid } = effect;
    // A call that is being sent and its running task are one state to look at.
    const reached = state === 'sent' ? 'running' : state;
    if (state === 'pending' || (state === 'sent' && !this.#context.io.isTTY && !upid)) return;
    if (this.#printed.get(seq) === reached) return;
    // On a terminal the live line shows what runs.
    if (reached === 'running' && this.#context.io.isTTY) return;
    this.#printed.set(seq, reached);
    this.#print(effectLines(effect, total, this.#context));
  }

  #draw(effects: readonly Effect[]): void {
    const { io, width, style } = this.#context;
    const running = effects.filter(({ state }) => state === 'running' || state === 'sent');
    const [first] = running;
    this.#clear();
    if (!io.isTTY || first === undefined) return;
    const { fraction, line = '' } =
      typeof first.progress === 'number' ? { fraction: first.progress } : (first.progress ?? {});
    const more = running.length > 1 ? ` (+${running.length - 1} more)` : '';
    const filled = Math.round(BAR * Math.min(1, Math.max(0, fraction ?? 0)));
    const bar =
      fraction === undefined ? '' : `[${'#'.repeat(filled)}${'.'.repeat(BAR - filled)}] ${percent(fraction)} `;
    // One column less than the terminal has: a full line would wrap, and could not be drawn over.
    io.stdout.write(style.cyan(clip(`  ${bar}${first.title}${more}${line === '' ? '' : `: ${line}`}`, width - 1)));
    this.#drawn = true;
  }

  #clear(): void {
    if (this.#drawn) this.#context.io.stdout.write('\r\u001b[2K');
    this.#drawn = false;
  }

  #print(lines: readonly string[]): void {
    this.#clear();
    this.#context.print(lines);
  }
}
