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

export const PERSON_STATES = ['invited', 'active', 'disabled'] as const;
export type PersonState = (typeof PERSON_STATES)[number];
export const RUN_STATES = ['running', 'paused', 'waiting', 'done', 'failed', 'canceled'] as const;
export type RunState = (typeof RUN_STATES)[number];

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
  stored_secrets: {
    name: string;
    blob: Uint8Array;
    key_id: string;
    created_at: number;
    updated_at: number;
    updated_by: string;
  };
  runbook_runs: {
    run_id: string;
    runbook_id: string;
    state: RunState;
    change_id: string | null;
    created_at: number;
    updated_at: number;
    ended_at: number | null;
    created_by: string;
    body: string;
  };
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
    /** The id of the record that was made, written in the commit that made it. */
    made: string | null;
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
    person_id: string | null;
    actions: string | null;
  };
  people: {
    id: string;
    name: string;
    display: string;
    state: PersonState;
    grants: string;
    password: string | null;
    totp: Uint8Array | null;
    totp_pending: Uint8Array | null;
    totp_step: number | null;
    issuer: string | null;
    subject: string | null;
    created_at: number;
    password_at: number | null;
    login_at: number | null;
  };
  recovery_codes: { person_id: string; hash: string; used_at: number | null };
  passkeys: {
    id: string;
    person_id: string;
    name: string;
    rp_id: string;
    public_key: Uint8Array;
    counter: number;
    transports: string;
    created_at: number;
    last_used_at: number | null;
  };
  invitations: {
    hash: string;
    person_id: string;
    created_at: number;
    expires_at: number;
    used_at: number | null;
  };
  sessions: {
    id: string;
    hash: string;
    person_id: string;
    method: string;
    client: string;
    address: string;
    created_at: number;
    seen_at: number;
    expires_at: number;
    factor_at: number | null;
    ended_at: number | null;
  };
  challenges: { hash: string; purpose: string; body: string; expires_at: number };
  attempts: { key: string; count: number; last_at: number; until: number };
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
  change_records: {
    id: string;
    number: number;
    category: string;
    status: string;
    created_at: number;
    updated_at: number;
    body: string;
  };
}
