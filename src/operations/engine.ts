import type { Clock } from '../kernel/clock.ts';
import { AgentError, toAgentError } from '../kernel/errors.ts';
import type { Ids } from '../kernel/ids.ts';
import type { Logger } from '../kernel/log.ts';
import type { PveApi } from '../proxmox/types.ts';
import type { Audit, Events, Metrics } from '../record/index.ts';
import {
  activeOperations,
  getOperation,
  insertOperation,
  takeLocks,
  updateOperation,
  type Actor,
  type JsonObject,
  type OperationRecord,
  type Store,
  type StoreTx,
} from '../store/index.ts';
import { attend } from './attend.ts';
import { Places, type Limits } from './limits.ts';
import { KEEP_EVERY_MS, LEASE_MS, Leases } from './leases.ts';
import type { LiveOperation } from './live.ts';
import type { StepForms } from './step.ts';
import type { Point } from './thread.ts';
import type { ExecutablePlan, TraceStep } from './types.ts';

export interface EngineDeps {
  readonly store: Store;
  readonly audit: Audit;
  readonly events: Events;
  readonly metrics?: Metrics;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Logger;
  readonly forms: StepForms;
  readonly limits: Limits;
  readonly connect: (environment: string) => PveApi;
  /** The approved plan as something that can run; from `changes`. */
  readonly loadPlan: (plan_id: string) => Promise<ExecutablePlan>;
  /** Throws `TARGET_CHANGED` when a target is no longer what was approved; from `changes`. */
  readonly checkTargets: (plan: ExecutablePlan) => Promise<void>;
  /** Why an environment is frozen; from `changes`. */
  readonly frozen: (environment: string) => Promise<string | undefined>;
  readonly crash?: (point: Point, step: TraceStep) => void;
}

const STORE_PAUSE_MS = 10_000;
const LOOK_EVERY_MS = 1_000;
const READERS = 8;

/** Runs operations in this process: picks them up, one at a time per guest, and sees each to its end. */
export class Engine {
  readonly deps: EngineDeps;
  readonly places = new Places();
  readonly live = new Map<string, LiveOperation>();
  readonly leases: Leases;
  readonly #running = new Map<string, Promise<void>>();
  #freed: (() => void)[] = [];
  #closing = false;
  readonly #closed = new AbortController();

  constructor(deps: EngineDeps) {
    this.deps = deps;
    this.leases = new Leases({ store: deps.store, clock: deps.clock, owner: deps.ids.uuid() });
  }

  /** Adds an operation inside the commit that consumes its plan; `start` it when that is durable. */
  create(
    trx: StoreTx,
    plan: { readonly plan_id: string; readonly environment: string; readonly targets: readonly string[] },
    actor: Actor,
  ): Promise<OperationRecord> {
    const { ids, clock } = this.deps;
    const { plan_id, environment, targets } = plan;
    return insertOperation(trx, {
      operation_id: ids.uuid(),
      plan_id,
      environment,
      created_at: clock.now(),
      owner: this.leases.owner,
      lease_until: clock.now() + LEASE_MS,
      body: { actor, targets },
    });
  }

  /** Runs an operation from where it stands; does nothing when it runs already. */
  start(operation_id: string): void {
    if (this.#closing || this.#running.has(operation_id)) return;
    const run = this.#attend(operation_id).finally(() => {
      this.#running.delete(operation_id);
      this.live.delete(operation_id);
      this.#wakeWaiting();
    });
    this.#running.set(operation_id, run);
  }

  /** After a start of the process: everything that nobody runs goes on, except what waits for a person. */
  async recover(): Promise<number> {
    const { store } = this.deps;
    const open = store.exclusive
      ? (await activeOperations(store))
          .filter(({ state }) => state !== 'needs_attention')
          .map(({ operation_id }) => operation_id)
      : await this.leases.orphans();
    for (const operation_id of open) this.start(operation_id);
    return open.length;
  }

  /** Says that this process lives, takes over what a dead one left, and hears cancels that came in elsewhere. */
  async keep(signal: AbortSignal): Promise<void> {
    const { clock, events, log } = this.deps;
    const hearing = this.#hearCancels(events.stream(null, { types: ['operation.cancel.requested'] }, signal));
    while (!signal.aborted) {
      await clock.sleep(KEEP_EVERY_MS, signal).catch(() => undefined);
      if (signal.aborted) break;
      try {
        for (const lost of await this.leases.renew(this.live.keys())) this.live.get(lost)?.handOver();
        if (!this.deps.store.exclusive) for (const orphan of await this.leases.orphans()) this.start(orphan);
      } catch (error) {
        log.warn({ err: error }, 'the store did not answer; leases are renewed when it does');
      }
    }
    await hearing;
  }

  async #hearCancels(requests: AsyncIterable<{ readonly ids: Readonly<Record<string, unknown>> }>): Promise<void> {
    for await (const { ids } of requests) await this.live.get(String(ids['operation_id']))?.cancel();
  }

  /** Resolves when the operation is not being run any more. */
  async idle(operation_id: string): Promise<void> {
    await this.#running.get(operation_id);
  }

  /**
   * Resolves when the operation is not being run any more, at the latest after `ms` or when the caller turns away. True
   * when it has stopped.
   */
  async settled(operation_id: string, ms: number, signal?: AbortSignal): Promise<boolean> {
    const run = this.#running.get(operation_id);
    if (run === undefined) return true;
    const over = new AbortController();
    const until = signal === undefined ? over.signal : AbortSignal.any([over.signal, signal]);
    const late = this.deps.clock.sleep(ms, until).then(
      () => false,
      () => false,
    );
    const ended = await Promise.race([run.then(() => true), late]);
    over.abort();
    return ended;
  }

  async cancel(operation_id: string, actor: Actor): Promise<void> {
    const operation = await getOperation(this.deps.store, operation_id);
    const live = this.live.get(operation_id);
    if (operation.state === 'needs_attention') return this.#giveUp(operation, actor);
    const elsewhere =
      live === undefined && !this.deps.store.exclusive && (operation.lease_until ?? 0) > this.deps.clock.now();
    if ((live === undefined && !elsewhere) || !['queued', 'waiting', 'running'].includes(operation.state)) {
      throw new AgentError('OPERATION_STATE', `The operation is ${operation.state} and cannot be canceled.`, {
        operation_id,
      });
    }
    // Kept with the operation: a process that dies after this answer must not carry the operation through.
    await this.#record(operation, actor, 'operation.cancel.requested', { cancel_requested: true });
    // The replica that runs it hears of it by the event that was just recorded.
    await live?.cancel();
    this.#wakeWaiting();
  }

  /** A person has looked: run on from the journal. */
  async resume(operation_id: string, actor: Actor): Promise<void> {
    const operation = await getOperation(this.deps.store, operation_id);
    if (operation.state !== 'needs_attention')
      throw new AgentError(
        'OPERATION_STATE',
        `The operation is ${operation.state}; only one that needs attention is resumed.`,
        { operation_id },
      );
    await this.#record(operation, actor, 'operation.resumed', { cancel_requested: false });
    this.start(operation_id);
  }

  /** Hands every running operation over to the next start, at once. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#closed.abort();
    for (const live of this.live.values()) live.handOver();
    this.#wakeWaiting();
    await Promise.all(this.#running.values());
  }

  async #attend(operation_id: string): Promise<void> {
    const { log } = this.deps;
    try {
      const operation = await this.leases.claim(operation_id);
      await attend(this, operation);
    } catch (error) {
      const { code, message } = toAgentError(error);
      // Another replica was faster; that is how they share the work.
      if (code === 'TARGET_BUSY') log.info({ operation_id }, `an operation was left to another replica: ${message}`);
      else log.error({ operation_id, code, err: error }, `an operation was left as it stands: ${message}`);
      if (code === 'STORE_FAILED') this.#again(operation_id);
    }
  }

  /** A full disk is made room on: what could not be recorded was not sent, so it is tried again later. */
  #again(operation_id: string): void {
    const { clock } = this.deps;
    void clock.sleep(STORE_PAUSE_MS, this.#closed.signal).then(
      () => this.start(operation_id),
      () => {},
    );
  }

  /** A few at a time: after a start many are read at once, and what all of them need for it would be kept as memory. */
  async reading<T>(read: () => Promise<T>): Promise<T> {
    const leave = await this.places.take('operations being read', READERS, () => {});
    return read().finally(leave);
  }

  /** Waits until every target is free. False when the process is closing. */
  async lock(operation: OperationRecord, targets: readonly string[], live: LiveOperation): Promise<boolean> {
    const { store, clock, events } = this.deps;
    const { operation_id, fence, environment, plan_id } = operation;
    const request = { operation_id, fence, locks: targets.map((target) => `${environment}/${target}`), slots: [] };
    for (;;) {
      if (this.#closing) return false;
      const answer = await store.commit(async (trx) => {
        const got = await takeLocks(trx, request, clock.now());
        if (got.taken) return got;
        const waiting_for = { resource: got.resource, held_by: got.held_by };
        await updateOperation(trx, operation, { state: 'waiting', waiting_for });
        await events.publish(trx, {
          type: 'operation.waiting',
          environment,
          ids: { operation_id, plan_id },
          data: waiting_for,
        });
        return got;
      });
      if (answer.taken || live.hooks().canceled()) return true;
      await this.#somethingFreed();
    }
  }

  /** In this process that is told; what another replica frees is looked for. */
  #somethingFreed(): Promise<void> {
    const told = new Promise<void>((resolve) => this.#freed.push(resolve));
    return this.deps.store.exclusive ? told : Promise.race([told, this.deps.clock.sleep(LOOK_EVERY_MS)]);
  }

  #wakeWaiting(): void {
    for (const wake of this.#freed.splice(0)) wake();
  }

  /** Takes back what a stuck operation is known to have done, and says what is not known. */
  async #giveUp(operation: OperationRecord, actor: Actor): Promise<void> {
    const { store } = this.deps;
    await this.#record(operation, actor, 'operation.given_up');
    const error = {
      code: 'OPERATION_STATE',
      message: 'The operation was given up by a person.',
      more: { canceled: true },
    };
    await store.commit((trx) => updateOperation(trx, operation, { state: 'compensating', error }));
    this.start(operation.operation_id);
  }

  async #record(
    { operation_id, plan_id, environment }: OperationRecord,
    actor: Actor,
    event: string,
    mark?: JsonObject,
  ): Promise<void> {
    const { store, audit, events } = this.deps;
    const ids = { operation_id, plan_id };
    await store.commit(async (trx) => {
      if (mark !== undefined) {
        const now = await getOperation(trx, operation_id);
        await updateOperation(trx, now, { body: { ...now.body, ...mark } });
      }
      await audit.append(trx, { actor, environment, event, ids });
      await events.publish(trx, { type: event, environment, ids });
    });
  }
}
