import type { Clock } from '../kernel/clock.ts';
import {
  claimOperation,
  orphanedOperations,
  renewLeases,
  updateOperation,
  type OperationRecord,
  type Store,
} from '../store/index.ts';

/** How long an owner is believed to live without saying so again: a killed replica's work goes on after this. */
export const LEASE_MS = 8_000;
/** How often owners say that they live, and look for work whose owner does not. */
export const KEEP_EVERY_MS = 1_000;
/** An owner that has not been able to say so for this long asks the store before it sends anything. */
const STALE_MS = LEASE_MS / 2;

/**
 * Who runs which operation. One process on one data directory needs none of it (`exclusive`); replicas on one
 * PostgreSQL do: a fence goes up with every take-over, so a replica that was paused and comes back cannot write, and it
 * asks before it sends.
 */
export class Leases {
  readonly owner: string;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #renewed = new Map<string, number>();

  constructor({ store, clock, owner }: { readonly store: Store; readonly clock: Clock; readonly owner: string }) {
    this.#store = store;
    this.#clock = clock;
    this.owner = owner;
  }

  /** Errors: `TARGET_BUSY` while another replica runs it, `OPERATION_STATE` when it has ended. */
  async claim(operation_id: string): Promise<OperationRecord> {
    const now = this.#clock.now();
    const claim = { owner: this.owner, now, lease_until: now + LEASE_MS, force: this.#store.exclusive };
    const operation = await this.#store.commit((trx) => claimOperation(trx, operation_id, claim));
    this.#renewed.set(operation_id, now);
    return operation;
  }

  /** Before anything is sent: is it still ours? Errors: `TARGET_BUSY` when another replica took it over meanwhile. */
  async assert({ operation_id, fence }: Pick<OperationRecord, 'operation_id' | 'fence'>): Promise<void> {
    if (this.#store.exclusive) return;
    const now = this.#clock.now();
    if (now - (this.#renewed.get(operation_id) ?? 0) < STALE_MS) return;
    await this.#store.commit((trx) => updateOperation(trx, { operation_id, fence }, { lease_until: now + LEASE_MS }));
    this.#renewed.set(operation_id, now);
  }

  /** Says that we live; answers which of `running` are not ours any more. */
  async renew(running: Iterable<string>): Promise<string[]> {
    if (this.#store.exclusive) return [];
    const now = this.#clock.now();
    const ours = new Set(await this.#store.commit((trx) => renewLeases(trx, this.owner, now + LEASE_MS)));
    for (const operation_id of ours) this.#renewed.set(operation_id, now);
    return [...running].filter((operation_id) => !ours.has(operation_id));
  }

  /** Operations that nobody runs. */
  orphans(): Promise<string[]> {
    return orphanedOperations(this.#store, this.#clock.now());
  }

  /** Lets go at once what was handed over, so that another replica need not wait for the lease to end. */
  async release(operation: Pick<OperationRecord, 'operation_id' | 'fence'>): Promise<void> {
    this.#renewed.delete(operation.operation_id);
    await this.#store.commit((trx) => updateOperation(trx, operation, { lease_until: null }));
  }
}
