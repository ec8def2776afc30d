import type { ActionContext, Effect, EffectOutcome, Read } from '../actions/define.ts';
import type { Clock } from '../kernel/clock.ts';
import { sha256 } from '../kernel/canonical.ts';
import { AgentError, isAgentError, type ErrorCode } from '../kernel/errors.ts';
import type { PveApi, PveParams } from '../proxmox/types.ts';
import { EffectRun } from './effect.ts';
import { nodeInPath, type StepForms } from './step.ts';
import type { CompletedEffect, JournalRecord, StepForm, TraceStep } from './types.ts';

/** Says which trace step an effect is: records it (rehearsal) or compares it (apply). */
export interface Gate {
  admit(index: number, form: StepForm, effect: Effect): TraceStep;
}

/** What a thread of effects and reads remembers. Positions count from 0 in the order in which the code asks. */
export interface ThreadJournal {
  past(position: number): JournalRecord | undefined;
  /** Kept with the next intent: a read matters only once something is sent because of it. */
  read(position: number, path: string, params: PveParams, answer: unknown): void;
  /** Durable when it resolves. Returns the time of the intent. */
  intent(position: number, step: TraceStep): Promise<number>;
  answered(
    position: number,
    step: TraceStep,
    answer: unknown,
    upid: string | undefined,
    settledBy?: string,
  ): Promise<void>;
  done(position: number, step: TraceStep, answer: unknown, settledBy?: string): Promise<void>;
  failed(position: number, step: TraceStep, error: AgentError): Promise<void>;
  /** Whether another effect, of this or of any operation, owns the task already. */
  claimed(upid: string): Promise<boolean>;
}

/** The points at which a test kills the process; also where cancel, shutdown and limits act. */
export type Point = 'before-intent' | 'after-intent' | 'after-send' | 'after-answer' | 'after-task';

export interface ThreadHooks {
  /**
   * Before an effect: waits for room under the limits; throws to stop here. `sent` when the journal knows it already:
   * then it may have been executed, and is seen through.
   */
  enter(step: TraceStep, effect: Effect, sent: boolean): Promise<() => Promise<void> | void>;
  /** The PVE task that an effect waits for now; undefined when it has ended. */
  task(step: TraceStep, effect: Effect, upid: string | undefined): void;
  /** Waits while the environment is frozen. */
  thawed(): Promise<void>;
  /** Right before a call leaves: throws when the operation is not ours any more. */
  sending(): Promise<void>;
  at(point: Point, step: TraceStep): void;
  /** What the operation waits for now; undefined when it goes on. */
  waiting(why: string | undefined): void;
  progress(step: TraceStep, line: string, fraction: number | undefined): void;
  /** Aborted at shutdown and at a cancel that may stop the running task. */
  readonly signal: AbortSignal;
  /** Set by cancel. */
  canceled(): boolean;
  /** Milliseconds that a step waits for a lock which something else holds in PVE. */
  readonly lockPatience: number;
}

export interface ThreadDeps {
  /** The operation's id; `rehearsal` on the twin. */
  readonly operation: string;
  readonly request: string;
  readonly api: PveApi;
  readonly clock: Clock;
  readonly forms: StepForms;
  readonly gate: Gate;
  readonly journal: ThreadJournal;
  readonly hooks: ThreadHooks;
  /** Milliseconds by which a node's clock is ahead of ours, as first seen by this operation. */
  readonly clockAhead: (node: string) => Promise<number>;
}

interface RecordedError {
  readonly error: { readonly code: ErrorCode; readonly message: string; readonly more?: Record<string, unknown> };
}

/** An error as it stands in the journal, and back: after a crash the code meets the same error again. */
export const recordError = (error: AgentError): RecordedError => ({
  error: {
    code: error.code,
    message: error.message,
    ...(error.details.more ? { more: { ...error.details.more } } : {}),
  },
});
export const reviveError = ({ error }: RecordedError): AgentError =>
  new AgentError(error.code, error.message, error.more ? { more: error.more } : {});

const CANCELED = { more: { canceled: true } };

/** The words with which PVE says that a thing is not there; each seen in the recordings. */
const ABSENT = /does not exist|unable to find configuration file|no such|not found|unable to open file/i;

/**
 * The `ctx` of an action: the only way from an action to PVE. Every read and effect has a position; a position that the
 * journal knows is answered from there, so that the same code continues after a crash exactly where it was.
 */
export class Thread implements ActionContext {
  readonly completed: CompletedEffect[] = [];
  readonly #deps: ThreadDeps;
  readonly #ahead = new Map<string, number>();
  #position = 0;
  #index = 0;

  constructor(deps: ThreadDeps) {
    this.#deps = deps;
  }

  readonly read: Read = (path, params = {}) => this.#remembered(path, params, () => this.#deps.api.get(path, params));

  readonly find: Read = async (path, params = {}) => {
    try {
      return await this.read(path, params);
    } catch (error) {
      if (isAgentError(error, 'PVE_REJECTED') && ABSENT.test(error.message)) return undefined;
      throw error;
    }
  };

  mark(): string {
    return sha256(`${this.#deps.operation}/${this.#deps.request}/${this.#position}`).slice(0, 32);
  }

  async effect(effect: Effect): Promise<EffectOutcome> {
    const ahead = await this.#clockAhead(effect);
    const position = this.#position++;
    const form = this.#deps.forms.of(effect);
    const step = this.#deps.gate.admit(this.#index++, form, effect);
    const outcome = await new EffectRun(this.#deps, step, effect, position, ahead).outcome();
    const created = effect.creates === undefined ? undefined : await this.#identity(effect.creates);
    this.completed.push({ step, effect, ...(created === undefined ? {} : { created }) });
    return outcome;
  }

  waitUntil<T>(
    title: string,
    probe: (read: Read) => Promise<T | undefined>,
    { every, timeout }: { readonly every: number; readonly timeout: number },
  ): Promise<T> {
    const { clock, api, hooks } = this.#deps;
    const wait = async (): Promise<unknown> => {
      const end = clock.now() + timeout * 1000;
      for (;;) {
        const value = await probe((path, params) => api.get(path, params));
        if (value !== undefined) {
          hooks.waiting(undefined);
          return value;
        }
        if (hooks.canceled()) throw new AgentError('OPERATION_STATE', `Canceled while waiting for ${title}.`, CANCELED);
        hooks.waiting(title);
        if (clock.now() >= end) throw new AgentError('PVE_TASK_FAILED', `Waited ${timeout} seconds for ${title}.`);
        await clock.sleep(every * 1000, hooks.signal);
      }
    };
    return this.#remembered(`wait:${title}`, {}, wait) as Promise<T>;
  }

  /**
   * Asked before the first effect on a node that starts a task, and remembered: should the answer to an effect be lost,
   * its task is looked for from the intent on by the node's own clock.
   */
  async #clockAhead({ path, task }: Effect): Promise<number> {
    const node = nodeInPath(path);
    if (task === undefined || node === undefined) return 0;
    const known = this.#ahead.get(node);
    if (known !== undefined) return known;
    const ahead = Number(await this.#remembered(`clock:${node}`, {}, () => this.#deps.clockAhead(node)));
    this.#ahead.set(node, ahead);
    return ahead;
  }

  /** Which guest an effect made. Kept so that undo removes this one and no other that took its number later. */
  async #identity({ node, vmid }: { readonly node: string; readonly vmid: number }): Promise<string | undefined> {
    return guestIdentity(await this.find(`/nodes/${node}/qemu/${vmid}/config`));
  }

  async #remembered(path: string, params: PveParams, ask: () => Promise<unknown>): Promise<unknown> {
    const position = this.#position++;
    const { journal } = this.#deps;
    const past = journal.past(position);
    if (past !== undefined) {
      if (past.kind !== 'read' || past.path !== path) {
        throw new AgentError(
          'PLAN_DIVERGED',
          `after the restart the action asked for ${path} where it had asked for ${past.path}`,
        );
      }
      if (isRecordedError(past.answer)) throw reviveError(past.answer);
      return (past.answer as { value?: unknown }).value;
    }
    try {
      const value = await ask();
      journal.read(position, path, params, value === undefined ? {} : { value });
      return value;
    } catch (error) {
      if (isAgentError(error, 'PVE_REJECTED')) journal.read(position, path, params, recordError(error));
      throw error;
    }
  }
}

export const isRecordedError = (answer: unknown): answer is RecordedError =>
  typeof answer === 'object' && answer !== null && 'error' in answer;

/** `uuid=…` of a guest's SMBIOS settings, which PVE makes new for every guest it creates or clones (FACTS 21). */
export function guestIdentity(config: unknown): string | undefined {
  const smbios = (config as { smbios1?: unknown } | undefined)?.smbios1;
  return typeof smbios === 'string' ? /uuid=([0-9a-f-]{36})/i.exec(smbios)?.[1] : undefined;
}
