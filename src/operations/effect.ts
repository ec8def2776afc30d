import type { Effect, EffectOutcome } from '../actions/define.ts';
import { AgentError, isAgentError } from '../kernel/errors.ts';
import type { TaskResult } from '../proxmox/types.ts';
import { settle, type Verdict } from './settle.ts';
import { isRecordedError, reviveError, type ThreadDeps } from './thread.ts';
import type { JournalRecord, TraceStep } from './types.ts';

/** PVE's words for a guest that something else holds: the lock property and the flock per guest (FACTS 24, 25). */
export const LOCKED = /VM is locked|CT is locked|can't lock file .* got timeout|is locked \(/;
/** How often a step looks whether the lock is gone. */
const LOCK_POLL_MS = 5_000;
/** A call that certainly did not leave is tried again so often, with growing pauses (2 minutes in all). */
const UNSENT_PAUSES_MS = [1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 50_000];

/** One effect from intent to end. The order of journal write and call is what makes a crash harmless: keep it. */
export class EffectRun {
  readonly #deps: ThreadDeps;
  readonly #step: TraceStep;
  readonly #effect: Effect;
  readonly #position: number;
  readonly #lockDeadline: number;

  readonly #clockAhead: number;

  constructor(deps: ThreadDeps, step: TraceStep, effect: Effect, position: number, clockAhead: number) {
    this.#deps = deps;
    this.#step = step;
    this.#effect = effect;
    this.#position = position;
    this.#clockAhead = clockAhead;
    this.#lockDeadline = deps.clock.now() + deps.hooks.lockPatience;
  }

  async outcome(): Promise<EffectOutcome> {
    const past = this.#deps.journal.past(this.#position);
    if (past !== undefined && (past.state === 'done' || past.state === 'failed')) return this.#replay(past);
    const leave = await this.#deps.hooks.enter(this.#step, this.#effect, past !== undefined);
    try {
      return past === undefined ? await this.#fresh() : await this.#continue(past);
    } finally {
      await leave();
    }
  }

  #replay(past: JournalRecord): EffectOutcome {
    if (past.kind !== 'effect' || past.method !== this.#step.method || past.path !== this.#step.path) {
      throw new AgentError(
        'PLAN_DIVERGED',
        `after the restart the action came to "${this.#step.title}" where it had sent ${past.method} ${past.path}`,
      );
    }
    if (isRecordedError(past.answer)) throw reviveError(past.answer);
    return past.answer as EffectOutcome;
  }

  async #fresh(): Promise<EffectOutcome> {
    this.#deps.hooks.at('before-intent', this.#step);
    const intentAt = await this.#deps.journal.intent(this.#position, this.#step);
    this.#deps.hooks.at('after-intent', this.#step);
    return this.#send(intentAt);
  }

  /** After a crash: an answer that was recorded is used, an intent without one is in doubt. */
  #continue(past: JournalRecord): Promise<EffectOutcome> {
    if (past.state === 'answered')
      return this.#finish((past.answer as { data: unknown }).data, past.intent_at, past.settled_by);
    return this.#inDoubt(past.intent_at);
  }

  async #send(intentAt: number): Promise<EffectOutcome> {
    const { method, path, refresh, marked } = this.#effect;
    // A command takes as long as it takes; one that we turn away from goes on, and is found again by its mark.
    const whole = marked === undefined ? {} : { signal: this.#deps.hooks.signal };
    let { params } = this.#effect;
    for (let unsent = 0; ;) {
      let data: unknown;
      await this.#deps.hooks.sending();
      try {
        ({ data } = await this.#deps.api.call({ method, path, ...(params === undefined ? {} : { params }), ...whole }));
      } catch (error) {
        if (isAgentError(error, 'PVE_REJECTED')) {
          if (this.#effect.already?.test(error.message)) return this.#done(null, 'already so');
          if (!(await this.#waitForLock(error.message))) throw await this.#fail(error);
          params = { ...params, ...(await refresh?.((at, query) => this.#deps.api.get(at, query))) };
          continue;
        }
        if (!isAgentError(error, 'PVE_UNREACHABLE')) throw error;
        if (error.details.more?.['sent'] !== 'no') return this.#inDoubt(intentAt);
        const pause = UNSENT_PAUSES_MS[unsent++];
        // Not recorded as failed: nothing was sent, so a later resume may still send it.
        if (pause === undefined) throw error;
        this.#deps.hooks.waiting(`"${this.#step.title}" waits for Proxmox VE to be reachable again: ${error.message}`);
        await this.#deps.clock.sleep(pause, this.#deps.hooks.signal);
        continue;
      }
      this.#deps.hooks.at('after-send', this.#step);
      if (isUpid(data)) await this.#deps.journal.answered(this.#position, this.#step, { data }, data);
      this.#deps.hooks.at('after-answer', this.#step);
      return this.#finish(data, intentAt);
    }
  }

  /** The reply was lost, or we were. Evidence from PVE decides; never a guess. */
  async #inDoubt(intentAt: number): Promise<EffectOutcome> {
    const verdict = await this.#settled(intentAt);
    switch (verdict.by) {
      case 'task':
        await this.#deps.journal.answered(this.#position, this.#step, { data: verdict.upid }, verdict.upid, 'task');
        return this.#finish(verdict.upid, intentAt, 'task');
      case 'postcondition':
        return this.#done(null, 'OK', 'postcondition');
      case 'marker':
        return this.#done(verdict.data, 'OK', 'marker');
      case 'absence':
        return this.#send(intentAt);
      case 'nobody':
        throw new AgentError('NEEDS_ATTENTION', `"${this.#step.title}": ${verdict.known}`);
    }
  }

  async #settled(intentAt: number): Promise<Verdict> {
    try {
      return await settle({ ...this.#deps, effect: this.#effect, intentAt, clockAhead: this.#clockAhead });
    } catch (error) {
      if (!isAgentError(error, 'PVE_UNREACHABLE') && !isAgentError(error, 'PVE_REJECTED')) throw error;
      // Failing here would say that it did not take place; a refused look says as little as one without an answer.
      throw new AgentError(
        'NEEDS_ATTENTION',
        `"${this.#step.title}" was sent, and nobody can be asked whether it took place: ${error.message}`,
      );
    }
  }

  async #finish(data: unknown, intentAt: number, settledBy?: string): Promise<EffectOutcome> {
    if (!isUpid(data)) return this.#done(data, 'OK', settledBy);
    const task = await this.#watch(data);
    this.#deps.hooks.at('after-task', this.#step);
    if (task.ok) return this.#done(data, task.exitstatus, settledBy);
    if (this.#effect.already?.test(task.exitstatus)) return this.#done(data, 'already so', settledBy);
    if (task.exitstatus === 'unknown' || task.exitstatus.startsWith('unexpected status'))
      return this.#lostTask(data, task);
    if (await this.#waitForLock(task.exitstatus)) {
      // The task did nothing but fail on the lock, so a new intent for the same step is in order.
      await this.#deps.journal.intent(this.#position, this.#step);
      return this.#send(intentAt);
    }
    throw await this.#fail(taskError(this.#step.title, task));
  }

  /** The worker died or the node forgot it (FACTS 31): what it did can only be seen from the state. */
  async #lostTask(data: unknown, task: TaskResult): Promise<EffectOutcome> {
    const read = (path: string, params = {}): Promise<unknown> => this.#deps.api.get(path, params);
    if (await this.#effect.settled(read, true)) return this.#done(data, 'OK', 'postcondition');
    const { seq, title } = this.#step;
    const { code, message, details } = taskError(title, task);
    // It is not taken back, because nobody knows what there is to be taken back; the report has to say so.
    throw await this.#fail(new AgentError(code, message, { more: { ...details.more, lost: { seq, title } } }));
  }

  async #watch(upid: string): Promise<TaskResult> {
    const { api, hooks } = this.#deps;
    const onProgress = ({ line, fraction }: { line: string; fraction?: number }): void =>
      hooks.progress(this.#step, line, fraction);
    hooks.task(this.#step, this.#effect, upid);
    try {
      return await api.waitTask(upid, { signal: hooks.signal, onProgress });
    } catch (error) {
      if (!isAgentError(error, 'PVE_UNREACHABLE') && !isAgentError(error, 'PVE_REJECTED')) throw error;
      // Known to have been sent and unknown how it ends, as it may still be running: a person's case.
      throw new AgentError(
        'NEEDS_ATTENTION',
        `"${this.#step.title}": the task ${upid} was started and cannot be watched: ${error.message}`,
      );
    } finally {
      hooks.task(this.#step, this.#effect, undefined);
    }
  }

  async #waitForLock(words: string): Promise<boolean> {
    const { clock, hooks } = this.#deps;
    if (!LOCKED.test(words) || clock.now() >= this.#lockDeadline || hooks.canceled()) return false;
    hooks.waiting(`"${this.#step.title}" waits for a lock in Proxmox VE: ${words}`);
    await clock.sleep(LOCK_POLL_MS, hooks.signal);
    return true;
  }

  async #done(data: unknown, exitstatus: string, settledBy?: string): Promise<EffectOutcome> {
    const outcome: EffectOutcome = { data: data ?? null, exitstatus };
    await this.#deps.journal.done(this.#position, this.#step, outcome, settledBy);
    return outcome;
  }

  async #fail(error: AgentError): Promise<AgentError> {
    await this.#deps.journal.failed(this.#position, this.#step, error);
    return error;
  }
}

const taskError = (title: string, task: TaskResult): AgentError =>
  new AgentError('PVE_TASK_FAILED', `"${title}" failed: ${task.exitstatus}`, {
    more: { pve: { upid: task.upid, exitstatus: task.exitstatus, log: task.log } },
  });

const isUpid = (data: unknown): data is string => typeof data === 'string' && data.startsWith('UPID:');
