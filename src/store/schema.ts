import type { Generated } from 'kysely';

/** The tables as they stand, column for column; what the columns mean is in `queries/`, one file per aggregate. */
export const PLAN_STATES = [
  'draft',
  'planned',
  'denied',
  'awaiting_approval',
  'approved',
  'applying',
  'applied',
  'failed',
  'expired',
  'canceled',
] as const;
export type PlanState = (typeof PLAN_STATES)[number];

export const TERMINAL_PLAN_STATES = ['denied', 'applied', 'failed', 'expired', 'canceled'] as const;

/** Every transition a plan may make; the trigger of migration 001 refuses any other. */
export const PLAN_TRANSITIONS: Readonly<Record<PlanState, readonly PlanState[]>> = {
  draft: ['planned'],
  planned: ['denied', 'awaiting_approval', 'approved'],
  awaiting_approval: ['approved', 'denied', 'expired', 'canceled'],
  approved: ['applying', 'expired', 'canceled'],
  applying: ['applied', 'failed', 'canceled'],
  denied: [],
  applied: [],
  failed: [],
  expired: [],
  canceled: [],
};

export const OPERATION_STATES = [
  'queued',
  'waiting',
  'running',
  'verifying',
  'compensating',
  'needs_attention',
  'applied',
  'failed',
  'canceled',
] as const;
export type OperationState = (typeof OPERATION_STATES)[number];
export const ENDED_OPERATION_STATES = ['applied', 'failed', 'canceled'] as const;

export type JournalKind = 'effect' | 'read';
export type JournalState = 'intent' | 'answered' | 'done' | 'failed';

export interface Database {
  migrations: { id: number; name: string; hash: string; applied_at: number };
  plans: {
    plan_id: string;
    environment: string;
    state: PlanState;
    request_hash: string;
    plan_hash: string;
    created_at: number;
    expires_at: number;
    created_by: string;
    body: string;
    change_id: string | null;
    consumed_by: string | null;
  };
  secrets: { plan_id: string; blob: Uint8Array };
  approvals: {
    plan_id: string;
    plan_hash: string;
    principal_id: string;
    principal: string;
    at: number;
    comment: string | null;
    method: string;
    role: string | null;
    factor: string | null;
  };
  plan_schedules: {
    plan_id: string;
    environment: string;
    at: number;
    until: number;
    planned_expiry: number;
    window_name: string | null;
    principal: string;
    created_at: number;
    state: 'waiting' | 'begun' | 'failed' | 'canceled';
    tried_at: number | null;
    code: string | null;
    detail: string | null;
    operation_id: string | null;
  };
  policy_versions: { version: number; hash: string; rules: string; at: number; actor: string };
  vmid_reservations: { environment: string; vmid: number; plan_id: string; expires_at: number };
  operations: {
    operation_id: string;
    plan_id: string;
    environment: string;
    state: OperationState;
    attempt: number;
    fence: number;
    owner: string | null;
    lease_until: number | null;
    created_at: number;
    started_at: number | null;
    ended_at: number | null;
    error: string | null;
    waiting_for: string | null;
    verification: string | null;
    body: string;
  };
  journal: {
    operation_id: string;
    thread: string;
    pos: number;
    kind: JournalKind;
    state: JournalState;
    seq: number | null;
    method: string;
    path: string;
    params: string | null;
    answer: string | null;
    upid: string | null;
    fence: number;
    intent_at: number;
    answered_at: number | null;
    ended_at: number | null;
    settled_by: string | null;
  };
  locks: { resource: string; operation_id: string; fence: number; taken_at: number };
  slots: { resource: string; operation_id: string; fence: number; taken_at: number };
  idempotency_keys: {
    endpoint: string;
    principal: string;
    key: string;
    payload_hash: string;
    status: number | null;
    body: string | null;
    created_at: number;
  };
  tokens: {
    id: string;
    name: string;
    hash: string;
    role: string;
    class: string;
    environments: string | null;
    created_at: number;
    expires_at: number | null;
    last_used_at: number | null;
    revoked_at: number | null;
  };
  owner_links: { hash: string; created_at: number; expires_at: number; used_at: number | null };
  settings: { key: string; value: string; updated_at: number };
  audit: {
    seq: number;
    at: number;
    actor: string;
    environment: string | null;
    event: string;
    ids: string;
    decision: string | null;
    payload: string;
    prev_hash: string;
    hash: string;
  };
  checkpoints: { seq: number; at: number; head_hash: string; count: number; signature: string; key_id: string };
  events: {
    id: Generated<number>;
    at: number;
    type: string;
    environment: string | null;
    ids: string;
    data: string;
  };
  task_durations: {
    id: Generated<number>;
    environment: string;
    task_type: string;
    node: string;
    seconds: number;
    bytes: number | null;
    at: number;
  };
  jobs: {
    id: Generated<number>;
    name: string;
    key: string;
    data: string;
    state: 'waiting' | 'running' | 'failed';
    run_at: number;
    attempt: number;
    ended_at: number | null;
    error: string | null;
  };
  schedules: { name: string; cron: string; zone: string; next_at: number };
}
