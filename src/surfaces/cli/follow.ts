import type { Clock } from '../../kernel/clock.ts';
import { AgentError } from '../../kernel/errors.ts';
import type { Answer } from './api.ts';
import type { Context } from './context.ts';
import { EventCutter } from './events.ts';
import type { Operation } from './model.ts';
import { isPassing } from './problem.ts';
import type { ProgressView } from './progress.ts';
import { ENDED } from './render/operation.ts';

/** How long a server may be away before we give up, counted from its last answer. */
const PATIENCE_MS = 5 * 60_000;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 5_000;
/** A connection without a sign of life for so long is taken for dead (a machine that lost its power says nothing). */
const IDLE_MS = 45_000;

/**
 * Follows an operation until it has ended or needs attention, over restarts of the server: it is woken by the event
 * stream, and what it shows is always read from the operation itself, so nothing can be missed or shown twice. Errors:
 * `SERVER_UNREACHABLE` after five minutes without an answer; whatever the server refuses.
 */
export async function follow(context: Context, operation_id: string, view: ProgressView): Promise<Answer<Operation>> {
  const { clock } = context;
  const cutter = new EventCutter();
  const outage = new Outage(clock, view);
  for (;;) {
    try {
      return await watch(context, operation_id, cutter, view, outage);
    } catch (error) {
      if (!isPassing(error) && !(error instanceof StreamEnded)) throw error;
      await outage.wait(error, operation_id);
    }
  }
}

/** The stream ended in good order and the operation did not: the server is going down, or a proxy cut the line. */
class StreamEnded extends Error {
  override readonly name = 'StreamEnded';
}

/** Waits longer from time to time, says once that it waits, and gives up in the end. */
export class Outage {
  readonly #clock: Clock;
  readonly #view: Pick<ProgressView, 'say'>;
  #lastAnswer: number;
  #pause = FIRST_WAIT_MS;
  #told = false;

  constructor(clock: Clock, view: Pick<ProgressView, 'say'>) {
    this.#clock = clock;
    this.#view = view;
    this.#lastAnswer = clock.now();
  }

  answered(): void {
    if (this.#told) this.#view.say('The server is back.');
    this.#told = false;
    this.#pause = FIRST_WAIT_MS;
    this.#lastAnswer = this.#clock.now();
  }

  async wait(error: unknown, operation_id?: string): Promise<void> {
    if (this.#clock.now() - this.#lastAnswer >= PATIENCE_MS) {
      const where =
        operation_id === undefined
          ? ''
          : ` The operation goes on by itself; look at it with \`proxmox-agent op watch ${operation_id}\`.`;
      throw new AgentError('SERVER_UNREACHABLE', `The server has not answered for 5 minutes.${where}`, {
        ...(operation_id === undefined ? {} : { operation_id }),
        cause: error,
      });
    }
    if (!this.#told && !(error instanceof StreamEnded)) {
      this.#told = true;
      this.#view.say('The server does not answer; trying again for up to 5 minutes.');
    }
    await this.#clock.sleep(this.#pause);
    this.#pause = Math.min(this.#pause * 2, LONGEST_WAIT_MS);
  }
}

async function watch(
  context: Context,
  operation_id: string,
  cutter: EventCutter,
  view: ProgressView,
  outage: Outage,
): Promise<Answer<Operation>> {
  const stop = new AbortController();
  const read = async (): Promise<Answer<Operation>> => {
    const answer = await within(
      context.clock,
      context.api.get<Operation>(`/v1/operations/${encodeURIComponent(operation_id)}`, { signal: stop.signal }),
    );
    outage.answered();
    view.update(answer.body);
    return answer;
  };
  try {
    let answer = await read();
    if (ENDED.has(answer.body.state)) return answer;
    const headers = cutter.lastId === undefined ? {} : { 'Last-Event-ID': cutter.lastId };
    const options = { query: { plan_id: answer.body.plan_id }, headers, signal: stop.signal };
    const stream = await within(context.clock, context.api.open('/v1/events', 'text/event-stream', options));
    // What happened between the first look and the stream's begin woke nobody.
    answer = await read();
    const pieces = stream[Symbol.asyncIterator]();
    while (!ENDED.has(answer.body.state)) {
      const piece = await within(context.clock, pieces.next());
      if (piece.done === true) throw new StreamEnded();
      if (cutter.take(piece.value) > 0) answer = await read();
    }
    return answer;
  } finally {
    stop.abort();
  }
}

/** Errors: `SERVER_UNREACHABLE` when nothing comes for too long. */
async function within<T>(clock: Clock, work: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const silence = clock.sleep(IDLE_MS, timer.signal).then(() => {
    throw new AgentError('SERVER_UNREACHABLE', 'The server has gone silent.');
  });
  try {
    return await Promise.race([work, silence]);
  } finally {
    timer.abort();
    // Whichever lost the race ends now, and its end interests nobody.
    work.catch(() => {});
    silence.catch(() => {});
  }
}
