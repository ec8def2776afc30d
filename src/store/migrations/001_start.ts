import { REFUSALS } from '../errors.ts';
import type { ColumnTypes, Migration } from '../migrate.ts';
import {
  ENDED_OPERATION_STATES,
  OPERATION_STATES,
  PLAN_STATES,
  PLAN_TRANSITIONS,
  TERMINAL_PLAN_STATES,
} from '../schema.ts';
import { postgresTriggers } from './001_triggers.ts';

const list = (values: readonly string[]): string => values.map((value) => `'${value}'`).join(', ');
const refuse = (reason: string): string => `BEGIN SELECT RAISE(ABORT, '${reason}'); END`;
const moves = Object.entries(PLAN_TRANSITIONS).flatMap(([from, to]) => to.map((state) => `${from}>${state}`));

const changeTables = (t: ColumnTypes): string[] => [
  `CREATE TABLE plans (
    plan_id ${t.text} PRIMARY KEY, environment ${t.text} NOT NULL, state ${t.text} NOT NULL CHECK (state IN (${list(PLAN_STATES)})),
    request_hash ${t.text} NOT NULL, plan_hash ${t.text} NOT NULL, created_at ${t.int} NOT NULL, expires_at ${t.int} NOT NULL,
    created_by ${t.text} NOT NULL, body ${t.text} NOT NULL, change_id ${t.text}, consumed_by ${t.text})${t.options}`,
  `CREATE INDEX plans_open ON plans (expires_at) WHERE state IN ('awaiting_approval', 'approved')`,
  `CREATE INDEX plans_change ON plans (change_id) WHERE change_id IS NOT NULL`,
  `CREATE TABLE secrets (plan_id ${t.text} PRIMARY KEY REFERENCES plans, blob ${t.blob} NOT NULL)${t.options}`,
  `CREATE TABLE approvals (
    plan_id ${t.text} NOT NULL REFERENCES plans, plan_hash ${t.text} NOT NULL, principal_id ${t.text} NOT NULL,
    principal ${t.text} NOT NULL, at ${t.int} NOT NULL, comment ${t.text}, method ${t.text} NOT NULL,
    PRIMARY KEY (plan_id, plan_hash, principal_id))${t.clustered}`,
  `CREATE TABLE vmid_reservations (
    environment ${t.text} NOT NULL, vmid ${t.int} NOT NULL, plan_id ${t.text} NOT NULL, expires_at ${t.int} NOT NULL,
    PRIMARY KEY (environment, vmid))${t.clustered}`,
  `CREATE INDEX vmid_reservations_plan ON vmid_reservations (plan_id)`,
];

const operationTables = (t: ColumnTypes): string[] => [
  `CREATE TABLE operations (
    operation_id ${t.text} PRIMARY KEY, plan_id ${t.text} NOT NULL UNIQUE REFERENCES plans, environment ${t.text} NOT NULL,
    state ${t.text} NOT NULL CHECK (state IN (${list(OPERATION_STATES)})), attempt ${t.int} NOT NULL, fence ${t.int} NOT NULL,
    owner ${t.text}, lease_until ${t.int}, created_at ${t.int} NOT NULL, started_at ${t.int}, ended_at ${t.int}, error ${t.text}, waiting_for ${t.text},
    verification ${t.text}, body ${t.text} NOT NULL)${t.options}`,
  `CREATE INDEX operations_active ON operations (operation_id) WHERE state NOT IN (${list(ENDED_OPERATION_STATES)})`,
  `CREATE TABLE journal (
    operation_id ${t.text} NOT NULL REFERENCES operations, thread ${t.text} NOT NULL, pos ${t.int} NOT NULL,
    kind ${t.text} NOT NULL CHECK (kind IN ('effect', 'read')),
    state ${t.text} NOT NULL CHECK (state IN ('intent', 'answered', 'done', 'failed')), seq ${t.int},
    method ${t.text} NOT NULL, path ${t.text} NOT NULL, params ${t.text}, answer ${t.text}, upid ${t.text}, fence ${t.int} NOT NULL,
    intent_at ${t.int} NOT NULL, answered_at ${t.int}, ended_at ${t.int}, settled_by ${t.text},
    PRIMARY KEY (operation_id, thread, pos))${t.clustered}`,
  `CREATE INDEX journal_upid ON journal (upid) WHERE upid IS NOT NULL`,
  `CREATE TABLE locks (
    resource ${t.text} PRIMARY KEY, operation_id ${t.text} NOT NULL REFERENCES operations, fence ${t.int} NOT NULL,
    taken_at ${t.int} NOT NULL)${t.clustered}`,
  `CREATE TABLE slots (
    resource ${t.text} NOT NULL, operation_id ${t.text} NOT NULL REFERENCES operations, fence ${t.int} NOT NULL,
    taken_at ${t.int} NOT NULL, PRIMARY KEY (resource, operation_id))${t.clustered}`,
  `CREATE INDEX locks_operation ON locks (operation_id)`,
  `CREATE INDEX slots_operation ON slots (operation_id)`,
  `CREATE TABLE task_durations (
    id ${t.autoKey}, environment ${t.text} NOT NULL, task_type ${t.text} NOT NULL, node ${t.text} NOT NULL, seconds ${t.real} NOT NULL,
    bytes ${t.int}, at ${t.int} NOT NULL)${t.options}`,
  `CREATE INDEX task_durations_type ON task_durations (environment, task_type, id)`,
];

const accessTables = (t: ColumnTypes): string[] => [
  `CREATE TABLE idempotency_keys (
    endpoint ${t.text} NOT NULL, principal ${t.text} NOT NULL, key ${t.text} NOT NULL, payload_hash ${t.text} NOT NULL, status ${t.int},
    body ${t.text}, created_at ${t.int} NOT NULL, PRIMARY KEY (endpoint, principal, key))${t.clustered}`,
  `CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at)`,
  `CREATE TABLE tokens (
    id ${t.text} PRIMARY KEY, name ${t.text} NOT NULL, hash ${t.text} NOT NULL UNIQUE, role ${t.text} NOT NULL, class ${t.text} NOT NULL,
    environments ${t.text}, created_at ${t.int} NOT NULL, expires_at ${t.int}, last_used_at ${t.int},
    revoked_at ${t.int})${t.options}`,
  `CREATE TABLE owner_links (
    hash ${t.text} PRIMARY KEY, created_at ${t.int} NOT NULL, expires_at ${t.int} NOT NULL, used_at ${t.int})${t.options}`,
  `CREATE TABLE settings (key ${t.text} PRIMARY KEY, value ${t.text} NOT NULL, updated_at ${t.int} NOT NULL)${t.options}`,
];

const recordTables = (t: ColumnTypes): string[] => [
  `CREATE TABLE audit (
    seq ${t.key}, at ${t.int} NOT NULL, actor ${t.text} NOT NULL, environment ${t.text}, event ${t.text} NOT NULL, ids ${t.text} NOT NULL,
    decision ${t.text}, payload ${t.text} NOT NULL, prev_hash ${t.text} NOT NULL, hash ${t.text} NOT NULL)${t.options}`,
  `CREATE TABLE checkpoints (
    seq ${t.key}, at ${t.int} NOT NULL, head_hash ${t.text} NOT NULL, count ${t.int} NOT NULL, signature ${t.text} NOT NULL,
    key_id ${t.text} NOT NULL)${t.options}`,
  `CREATE TABLE events (
    id ${t.autoKey}, at ${t.int} NOT NULL, type ${t.text} NOT NULL, environment ${t.text}, ids ${t.text} NOT NULL,
    data ${t.text} NOT NULL)${t.options}`,
];

const planTriggers = [
  `CREATE TRIGGER plans_start BEFORE INSERT ON plans WHEN NEW.state <> 'draft' ${refuse(REFUSALS.plan_transition)}`,
  `CREATE TRIGGER plans_move BEFORE UPDATE OF state ON plans
    WHEN NEW.state <> OLD.state AND (OLD.state || '>' || NEW.state) NOT IN (${list(moves)})
    ${refuse(REFUSALS.plan_transition)}`,
  // An approval is bound to the hash, so neither may move under it.
  `CREATE TRIGGER plans_frozen BEFORE UPDATE OF plan_id, environment, request_hash, plan_hash, consumed_by ON plans
    WHEN NEW.plan_id <> OLD.plan_id OR (OLD.consumed_by IS NOT NULL AND NEW.consumed_by IS NOT OLD.consumed_by)
      OR (OLD.state <> 'draft' AND (NEW.environment <> OLD.environment OR NEW.request_hash <> OLD.request_hash
        OR NEW.plan_hash <> OLD.plan_hash))
    ${refuse(REFUSALS.plan_frozen)}`,
  `CREATE TRIGGER plans_end AFTER UPDATE OF state ON plans WHEN NEW.state IN (${list(TERMINAL_PLAN_STATES)})
    BEGIN DELETE FROM secrets WHERE plan_id = NEW.plan_id; END`,
];

const operationTriggers = [
  `CREATE TRIGGER operations_end BEFORE UPDATE OF state ON operations
    WHEN OLD.state IN (${list(ENDED_OPERATION_STATES)}) AND NEW.state <> OLD.state ${refuse(REFUSALS.operation_ended)}`,
  `CREATE TRIGGER operations_fence BEFORE UPDATE OF fence ON operations WHEN NEW.fence < OLD.fence
    ${refuse(REFUSALS.fence_lowered)}`,
  // Whoever was overtaken is refused by the tables themselves, also when it comes back from a long pause.
  ...['journal', 'locks', 'slots'].flatMap((table) =>
    ['INSERT', 'UPDATE'].map(
      (verb) => `CREATE TRIGGER ${table}_fence_${verb.toLowerCase()} BEFORE ${verb} ON ${table}
        WHEN NEW.fence < (SELECT fence FROM operations WHERE operation_id = NEW.operation_id)
        ${refuse(REFUSALS.lost_ownership)}`,
    ),
  ),
  `CREATE TRIGGER journal_end BEFORE UPDATE ON journal WHEN OLD.state IN ('done', 'failed')
    ${refuse(REFUSALS.journal_ended)}`,
];

const recordTriggers = ['audit', 'checkpoints'].flatMap((table) =>
  ['UPDATE', 'DELETE'].map(
    (verb) =>
      `CREATE TRIGGER ${table}_no_${verb.toLowerCase()} BEFORE ${verb} ON ${table} ${refuse(REFUSALS.append_only)}`,
  ),
);

export const start: Migration = {
  id: 1,
  name: 'start',
  tables: (t) => [...changeTables(t), ...operationTables(t), ...accessTables(t), ...recordTables(t)],
  triggers: { sqlite: [...planTriggers, ...operationTriggers, ...recordTriggers], postgres: postgresTriggers },
};
