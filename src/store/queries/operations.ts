import { sql, type Selectable } from 'kysely';
import { AgentError } from '../../kernel/errors.ts';
import { TAKEN_OVER } from '../errors.ts';
import { fromJson, fromJsonOrNull, toJson, toJsonOrNull, type JsonObject } from '../columns.ts';
import type { StoreReader, StoreTx } from '../group.ts';
import { ENDED_OPERATION_STATES, type Database, type OperationState } from '../schema.ts';

/** The carrying out of one plan. Who raises `fence` owns it; whoever holds a lower one can no longer write. */
export interface OperationRecord {
  readonly operation_id: string;
  readonly plan_id: string;
  readonly environment: string;
  readonly state: OperationState;
  readonly attempt: number;
  readonly fence: number;
  readonly owner: string | null;
  /** Until when the owner has it without saying so again; null when nobody runs it. */
  readonly lease_until: number | null;
  readonly created_at: number;
  readonly started_at: number | null;
  readonly ended_at: number | null;
  readonly error: JsonObject | null;
  readonly waiting_for: JsonObject | null;
  readonly verification: readonly unknown[] | null;
  readonly body: JsonObject;
}

export interface OperationFilter {
  readonly environment?: string | undefined;
  readonly states?: readonly OperationState[] | undefined;
  readonly before?: string | undefined;
  readonly limit: number;
}

/**
 * In the words of the index `operations_active`: SQLite takes a partial index only for the very expression that it was
 * made with, and would else look through every operation that ever was.
 */
const notEnded = sql<boolean>`state NOT IN (${sql.join(ENDED_OPERATION_STATES.map((state) => sql.lit(state)))})`;
const isEnded = (state: OperationState): boolean => (ENDED_OPERATION_STATES as readonly string[]).includes(state);

const toOperation = (row: Selectable<Database['operations']>): OperationRecord => ({
  ...row,
  error: fromJsonOrNull(row.error),
  waiting_for: fromJsonOrNull(row.waiting_for),
  verification: fromJsonOrNull(row.verification),
  body: fromJson(row.body),
});

/** A new operation: queued, never attempted, kept for its maker until `lease_until`. The plan has at most one (UNIQUE). */
export async function insertOperation(
  trx: StoreTx,
  operation: Pick<OperationRecord, 'operation_id' | 'plan_id' | 'environment' | 'created_at' | 'body'> &
    Partial<Pick<OperationRecord, 'owner' | 'lease_until'>>,
): Promise<OperationRecord> {
  const row = {
    ...operation,
    body: toJson(operation.body),
    state: 'queued' as const,
    attempt: 0,
    fence: 0,
  };
  return toOperation(await trx.db.insertInto('operations').values(row).returningAll().executeTakeFirstOrThrow());
}

/** Errors: OPERATION_NOT_FOUND. */
export async function getOperation(reader: StoreReader, operation_id: string): Promise<OperationRecord> {
  const query = reader.db.selectFrom('operations').selectAll().where('operation_id', '=', operation_id);
  const row = await query.executeTakeFirst();
  if (row === undefined)
    throw new AgentError('OPERATION_NOT_FOUND', `There is no operation ${operation_id}.`, {
      operation_id,
    });
  return toOperation(row);
}

export async function operationOfPlan(reader: StoreReader, plan_id: string): Promise<OperationRecord | undefined> {
  const row = await reader.db.selectFrom('operations').selectAll().where('plan_id', '=', plan_id).executeTakeFirst();
  return row === undefined ? undefined : toOperation(row);
}

/** Newest first. */
export async function listOperations(reader: StoreReader, filter: OperationFilter): Promise<OperationRecord[]> {
  const { environment, states, before, limit } = filter;
  let query = reader.db.selectFrom('operations').selectAll().orderBy('operation_id', 'desc').limit(limit);
  if (environment !== undefined) query = query.where('environment', '=', environment);
  if (states !== undefined) query = query.where('state', 'in', [...states]);
  if (states !== undefined && !states.some(isEnded)) query = query.where(notEnded);
  if (before !== undefined) query = query.where('operation_id', '<', before);
  return (await query.execute()).map(toOperation);
}

/** Those that have not ended, oldest first: what a start has to pick up. */
export async function activeOperations(reader: StoreReader): Promise<OperationRecord[]> {
  const query = reader.db.selectFrom('operations').selectAll().orderBy('operation_id');
  return (await query.where(notEnded).execute()).map(toOperation);
}

/** Who takes an operation, and for how long before it has to say so again. */
export interface Claim {
  readonly owner: string;
  readonly now: number;
  readonly lease_until: number;
  /** Take it even from an owner whose lease holds: right only where no other process can be alive. */
  readonly force: boolean;
}

/**
 * Takes an operation over: the fence and the attempt go up by one, so every earlier owner is shut out from now on.
 * Errors: OPERATION_NOT_FOUND, OPERATION_STATE when it has ended, TARGET_BUSY while another owner's lease holds.
 */
export async function claimOperation(trx: StoreTx, operation_id: string, claim: Claim): Promise<OperationRecord> {
  const { owner, now, lease_until, force } = claim;
  let query = trx.db
    .updateTable('operations')
    .set((set) => ({
      owner,
      lease_until,
      fence: set('fence', '+', 1),
      attempt: set('attempt', '+', 1),
    }))
    .where('operation_id', '=', operation_id)
    .where('state', 'not in', [...ENDED_OPERATION_STATES]);
  if (!force) {
    query = query.where((is) =>
      is.or([
        is('owner', 'is', null),
        is('owner', '=', owner),
        is('lease_until', 'is', null),
        is('lease_until', '<=', now),
      ]),
    );
  }
  const row = await query.returningAll().executeTakeFirst();
  if (row !== undefined) return toOperation(row);
  const { state } = await getOperation(trx, operation_id);
  if (!isEnded(state)) {
    throw new AgentError('TARGET_BUSY', 'Another process runs this operation.', { operation_id });
  }
  throw new AgentError('OPERATION_STATE', `The operation has ended (${state}).`, { operation_id });
}

/** Prolongs all that `owner` runs; answers which those are. What is missing from it was taken over. */
export async function renewLeases(trx: StoreTx, owner: string, lease_until: number): Promise<string[]> {
  const query = trx.db.updateTable('operations').set({ lease_until }).where('owner', '=', owner);
  // What was let go stays so: a shutdown that renews while it hands over would keep it for the length of a lease.
  const rows = await query.where('lease_until', 'is not', null).where(notEnded).returning('operation_id').execute();
  return rows.map(({ operation_id }) => operation_id);
}

/** Operations whose owner has not said for too long that it lives; not those that wait for a person. Oldest first. */
export async function orphanedOperations(reader: StoreReader, now: number): Promise<string[]> {
  const query = reader.db.selectFrom('operations').select('operation_id').orderBy('operation_id');
  const waiting = query.where(notEnded).where('state', '<>', 'needs_attention');
  const rows = await waiting
    .where((is) => is.or([is('lease_until', 'is', null), is('lease_until', '<=', now)]))
    .execute();
  return rows.map(({ operation_id }) => operation_id);
}

export interface OperationChange {
  readonly state?: OperationState;
  readonly started_at?: number;
  readonly ended_at?: number;
  readonly lease_until?: number | null;
  readonly error?: JsonObject | null;
  readonly waiting_for?: JsonObject | null;
  readonly verification?: readonly unknown[] | null;
  readonly body?: JsonObject;
}

const changeColumns = (change: OperationChange) => ({
  ...(change.state === undefined ? {} : { state: change.state }),
  ...(change.started_at === undefined ? {} : { started_at: change.started_at }),
  ...(change.ended_at === undefined ? {} : { ended_at: change.ended_at }),
  ...(change.lease_until === undefined ? {} : { lease_until: change.lease_until }),
  ...(change.error === undefined ? {} : { error: toJsonOrNull(change.error) }),
  ...(change.waiting_for === undefined ? {} : { waiting_for: toJsonOrNull(change.waiting_for) }),
  ...(change.verification === undefined ? {} : { verification: toJsonOrNull(change.verification) }),
  ...(change.body === undefined ? {} : { body: toJson(change.body) }),
});

/**
 * Changes an operation as its owner. Errors: TARGET_BUSY `lost ownership` when `fence` is not the current one,
 * OPERATION_STATE when it has ended, OPERATION_NOT_FOUND.
 */
export async function updateOperation(
  trx: StoreTx,
  key: { readonly operation_id: string; readonly fence: number },
  change: OperationChange,
): Promise<OperationRecord> {
  const { operation_id, fence } = key;
  const query = trx.db.updateTable('operations').set(changeColumns(change)).where('operation_id', '=', operation_id);
  const row = await query.where('fence', '=', fence).returningAll().executeTakeFirst();
  if (row !== undefined) return toOperation(row);
  await getOperation(trx, operation_id);
  throw new AgentError('TARGET_BUSY', TAKEN_OVER, {
    operation_id,
  });
}
