import type { Clock } from '../kernel/clock.ts';
import { isAgentError, toAgentError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/log.ts';
import { Crowd } from './crowd.ts';
import { kindOf } from './failures.ts';
import { list, num, record, text } from './lenient.ts';
import { path } from './path.ts';
import { progressFraction } from './progress.ts';
import { pveWords } from './rejection.ts';
import type { PveAnswer, PveApi, PveRequest, TaskProgress, TaskResult } from './types.ts';
import { parseUpid } from './upid.ts';

type Call = (request: PveRequest) => Promise<PveAnswer>;

export interface WaiterOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Milliseconds for which a node may be away before waiting for its task fails. */
  readonly patience: number;
}

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 2000;
const GROWTH = 1.5;
/** An answer that refuses (a 500 of a node that starts up) may pass, but not for as long as a node may be away. */
const REFUSAL_PATIENCE_MS = 60_000;
const TAIL = 20;
const BATCH = 500;

/**
 * `waitTask` over `call`, which sends once. The result's log is read at the end unless the task ended `OK`; then it holds
 * what progress had shown. Errors: `PVE_UNREACHABLE` when the node stays away longer than `patience`, `PVE_REJECTED`
 * (401 and 403 at once), `VALIDATION_FAILED` for what is no UPID; the signal's own reason when aborted.
 */
export function createTaskWaiter(call: Call, options: WaiterOptions): PveApi['waitTask'] {
  const { clock } = options;
  const crowd = new Crowd(call, clock);
  const wait: PveApi['waitTask'] = async (upid, { signal, onProgress } = {}) => {
    const { node } = parseUpid(upid);
    const base = path`/nodes/${node}/tasks/${upid}`;
    const ask = (below: 'status' | 'log', params = {}): Promise<PveAnswer> =>
      call({ method: 'GET', path: `${base}/${below}`, params, ...(signal === undefined ? {} : { signal }) });
    const reader = new LogReader((params) => ask('log', params), onProgress);
    const patience = new Patience(options);
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * GROWTH, LONGEST_PAUSE_MS)) {
      signal?.throwIfAborted();
      try {
        const status = (await crowd.saysRunning(node, upid)) ? RUNNING : record((await ask('status')).data);
        patience.renew();
        if (status['status'] === 'stopped') return await finish(upid, text(status['exitstatus']), reader);
        if (crowd.logTurn(node)) await reader.follow();
      } catch (error) {
        signal?.throwIfAborted();
        if (isForgotten(error)) return { upid, exitstatus: 'unknown', ok: false, log: reader.tail };
        patience.bear(error, upid);
      }
      await clock.sleep(pause, signal);
    }
  };
  return async (upid, waiting) => {
    const leave = crowd.join(parseUpid(upid).node);
    try {
      return await wait(upid, waiting);
    } finally {
      leave();
    }
  };
}

const RUNNING: Readonly<Record<string, unknown>> = { status: 'running' };

/** Whether a task's exit status means that it did what it should: `OK`, or only warnings (FACTS 31). */
export const isTaskOk = (exitstatus: string): boolean => exitstatus === 'OK' || /^WARNINGS: \d+$/.test(exitstatus);

async function finish(upid: string, words: string | undefined, reader: LogReader): Promise<TaskResult> {
  // The words of an error can end with a blank (FACTS 31).
  const exitstatus = words?.trim() ?? 'unknown';
  if (exitstatus !== 'OK') await reader.readEnd();
  else await reader.follow();
  return { upid, exitstatus, ok: isTaskOk(exitstatus), log: reader.tail };
}

/** FACTS 31: the node answers 400 with this field when the task's log file is gone. */
const isForgotten = (error: unknown): boolean => {
  const words = pveWords(error);
  return words?.status === 400 && words.errors?.['upid'] === 'no such task';
};

/** Bears what may pass, for a time. */
class Patience {
  readonly #options: WaiterOptions;
  #since: number | undefined;

  constructor(options: WaiterOptions) {
    this.#options = options;
  }

  renew(): void {
    this.#since = undefined;
  }

  /** Throws `error` again when waiting on cannot help, or has not helped for long enough. */
  bear(error: unknown, upid: string): void {
    const { clock, log, patience } = this.#options;
    const bound = this.#boundFor(error, patience);
    if (this.#since === undefined)
      log.warn({ upid, reason: toAgentError(error).message }, 'a task cannot be watched for now');
    this.#since ??= clock.now();
    if (clock.now() - this.#since >= bound) throw error;
  }

  #boundFor(error: unknown, patience: number): number {
    // A certificate that changed needs a person; asking on would only show the caller to a stranger.
    if (isAgentError(error, 'PVE_UNREACHABLE')) return kindOf(error) === 'tls' ? 0 : patience;
    const status = pveWords(error)?.status ?? 0;
    return status >= 500 ? Math.min(patience, REFUSAL_PATIENCE_MS) : 0;
  }
}

/** Reads a task's log from where it left off. A log that cannot be read never spoils the task's result. */
class LogReader {
  readonly #ask: (params: { start: number; limit: number }) => Promise<PveAnswer>;
  readonly #onProgress: ((progress: TaskProgress) => void) | undefined;
  #read = 0;
  #fraction: number | undefined;
  tail: readonly string[] = [];

  constructor(
    ask: (params: { start: number; limit: number }) => Promise<PveAnswer>,
    onProgress: ((progress: TaskProgress) => void) | undefined,
  ) {
    this.#ask = ask;
    this.#onProgress = onProgress;
  }

  /** Reads what is new, if anybody listens, and tells its last line. */
  async follow(): Promise<void> {
    if (this.#onProgress === undefined) return;
    const lines = await this.#unread();
    if (lines.length === 0) return;
    this.tail = [...this.tail, ...lines].slice(-TAIL);
    this.#fraction = lines.map(progressFraction).findLast((fraction) => fraction !== undefined) ?? this.#fraction;
    const line = lines.findLast((text) => text.trim() !== '') ?? '';
    this.#onProgress({ line, ...(this.#fraction === undefined ? {} : { fraction: this.#fraction }) });
  }

  /** The last lines of a log that has ended, whatever was read before. */
  async readEnd(): Promise<void> {
    try {
      const total = (await this.#ask({ start: 0, limit: 1 })).total ?? 0;
      this.tail = await this.#batch(Math.max(0, total - TAIL), TAIL);
    } catch (error) {
      ignoreUnread(error);
    }
  }

  async #unread(): Promise<readonly string[]> {
    const lines: string[] = [];
    try {
      for (let full = true; full;) {
        const batch = await this.#batch(this.#read, BATCH);
        this.#read += batch.length;
        lines.push(...batch);
        full = batch.length === BATCH;
      }
    } catch (error) {
      ignoreUnread(error);
    }
    return lines;
  }

  async #batch(start: number, limit: number): Promise<readonly string[]> {
    const rows = list((await this.#ask({ start, limit })).data).map(record);
    const lines = rows.toSorted((a, b) => (num(a['n']) ?? 0) - (num(b['n']) ?? 0)).map((row) => text(row['t']) ?? '');
    // What PVE writes for a log without a line (FACTS 31); the first real line will take its place.
    return start === 0 && lines.length === 1 && lines[0] === 'no content' ? [] : lines;
  }
}

function ignoreUnread(error: unknown): void {
  if (!isAgentError(error)) throw error;
}
