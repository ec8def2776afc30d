export { openStore, type Store, type StoreOptions } from './open.ts';
export { openPostgres, type PostgresOptions } from './postgres.ts';
export { copyStore, type CopiedTable } from './copy.ts';
export { openQueue, type Job, type NewJob, type Queue, type Worker } from './queue/index.ts';
export { restoreStore, type RestoreOptions } from './restore.ts';
export type { Commit, StoreReader, StoreTx } from './group.ts';
export type { Actor, JsonObject } from './columns.ts';
export {
  ENDED_OPERATION_STATES,
  OPERATION_STATES,
  PLAN_STATES,
  PLAN_TRANSITIONS,
  RUN_STATES,
  TERMINAL_PLAN_STATES,
  type JournalKind,
  type JournalState,
  type OperationState,
  type PersonState,
  type RunState,
  type PlanState,
} from './schema.ts';
export { checkKeys, copyKeys, keyedHash, keyId, loadKeys, newKeys, seal, unseal, type Keys } from './keys.ts';
export * from './queries/plans.ts';
export * from './queries/secrets.ts';
export * from './queries/approvals.ts';
export * from './queries/schedules.ts';
export * from './queries/vmids.ts';
export * from './queries/operations.ts';
export * from './queries/journal.ts';
export * from './queries/locks.ts';
export * from './queries/idempotency.ts';
export * from './queries/tokens.ts';
export * from './queries/people.ts';
export * from './queries/factors.ts';
export * from './queries/sessions.ts';
export * from './queries/attempts.ts';
export * from './queries/settings.ts';
export * from './queries/policies.ts';
export * from './queries/runbook_runs.ts';
export * from './queries/stored_secrets.ts';
export * from './queries/audit.ts';
export * from './queries/events.ts';
export * from './queries/durations.ts';
export * from './queries/change_records.ts';
