import { REFUSALS } from '../errors.ts';
import { ENDED_OPERATION_STATES, PLAN_TRANSITIONS, TERMINAL_PLAN_STATES } from '../schema.ts';

/** The rules of 001 once more, in PL/pgSQL. `PX001` is ours: what a trigger refuses on purpose. */
const list = (values: readonly string[]): string => values.map((value) => `'${value}'`).join(', ');
const moves = Object.entries(PLAN_TRANSITIONS).flatMap(([from, to]) => to.map((state) => `${from}>${state}`));

interface Rule {
  readonly name: string;
  /** `BEFORE UPDATE OF state ON plans`. */
  readonly on: string;
  /** Null: always. */
  readonly when: string | null;
  readonly reason: string;
}

const refuse = ({ name, on, when, reason }: Rule): string =>
  `CREATE TRIGGER ${name} ${on} FOR EACH ROW ${when === null ? '' : `WHEN (${when}) `}EXECUTE FUNCTION pxa_refuse('${reason}')`;

const body = (name: string, statements: string): string =>
  `CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${statements} END $$`;

const functions = [
  body('pxa_refuse', `RAISE EXCEPTION USING ERRCODE = 'PX001', MESSAGE = TG_ARGV[0];`),
  body('pxa_plan_end', `DELETE FROM secrets WHERE plan_id = NEW.plan_id; RETURN NULL;`),
  // FOR SHARE waits for a claim that is being committed: a fence that was looked at cannot rise under the write.
  body(
    'pxa_fence',
    `IF NEW.fence < (SELECT fence FROM operations WHERE operation_id = NEW.operation_id FOR SHARE)
      THEN RAISE EXCEPTION USING ERRCODE = 'PX001', MESSAGE = '${REFUSALS.lost_ownership}'; END IF; RETURN NEW;`,
  ),
  // A sequence would leave gaps where a transaction was undone, and fill numbers late; commits stand in line anyway.
  body(
    'pxa_event_id',
    `IF NEW.id IS NULL THEN SELECT coalesce(max(id), 0) + 1 INTO NEW.id FROM events; END IF; RETURN NEW;`,
  ),
  body(
    'pxa_duration_id',
    `IF NEW.id IS NULL THEN SELECT coalesce(max(id), 0) + 1 INTO NEW.id FROM task_durations; END IF; RETURN NEW;`,
  ),
  body('pxa_announce', `PERFORM pg_notify('proxmox_agent_' || TG_TABLE_SCHEMA, ''); RETURN NULL;`),
];

const rules: Rule[] = [
  {
    name: 'plans_start',
    on: 'BEFORE INSERT ON plans',
    when: `NEW.state <> 'draft'`,
    reason: REFUSALS.plan_transition,
  },
  {
    name: 'plans_move',
    on: 'BEFORE UPDATE OF state ON plans',
    when: `NEW.state <> OLD.state AND (OLD.state || '>' || NEW.state) NOT IN (${list(moves)})`,
    reason: REFUSALS.plan_transition,
  },
  {
    name: 'plans_frozen',
    on: 'BEFORE UPDATE OF plan_id, environment, request_hash, plan_hash, consumed_by ON plans',
    when: `NEW.plan_id <> OLD.plan_id OR (OLD.consumed_by IS NOT NULL AND NEW.consumed_by IS DISTINCT FROM OLD.consumed_by)
      OR (OLD.state <> 'draft' AND (NEW.environment <> OLD.environment OR NEW.request_hash <> OLD.request_hash
        OR NEW.plan_hash <> OLD.plan_hash))`,
    reason: REFUSALS.plan_frozen,
  },
  {
    name: 'operations_end',
    on: 'BEFORE UPDATE OF state ON operations',
    when: `OLD.state IN (${list(ENDED_OPERATION_STATES)}) AND NEW.state <> OLD.state`,
    reason: REFUSALS.operation_ended,
  },
  {
    name: 'operations_fence',
    on: 'BEFORE UPDATE OF fence ON operations',
    when: 'NEW.fence < OLD.fence',
    reason: REFUSALS.fence_lowered,
  },
  {
    name: 'journal_end',
    on: 'BEFORE UPDATE ON journal',
    when: `OLD.state IN ('done', 'failed')`,
    reason: REFUSALS.journal_ended,
  },
  ...['audit', 'checkpoints'].map((table) => ({
    name: `${table}_append_only`,
    on: `BEFORE UPDATE OR DELETE ON ${table}`,
    when: null,
    reason: REFUSALS.append_only,
  })),
];

export const postgresTriggers: readonly string[] = [
  // Tells a replica whether a transaction whose COMMIT was not answered is stored (postgres/commit.ts).
  `CREATE TABLE commit_marks (replica text PRIMARY KEY, mark bigint NOT NULL, at bigint NOT NULL) WITH (fillfactor = 10)`,
  ...functions,
  ...rules.map(refuse),
  `CREATE TRIGGER plans_end AFTER UPDATE OF state ON plans FOR EACH ROW
    WHEN (NEW.state IN (${list(TERMINAL_PLAN_STATES)})) EXECUTE FUNCTION pxa_plan_end()`,
  ...['journal', 'locks', 'slots'].map(
    (table) =>
      `CREATE TRIGGER ${table}_fence BEFORE INSERT OR UPDATE ON ${table} FOR EACH ROW EXECUTE FUNCTION pxa_fence()`,
  ),
  ...['audit', 'checkpoints'].map(
    (table) =>
      `CREATE TRIGGER ${table}_no_truncate BEFORE TRUNCATE ON ${table} EXECUTE FUNCTION pxa_refuse('${REFUSALS.append_only}')`,
  ),
  `CREATE TRIGGER events_id BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION pxa_event_id()`,
  `CREATE TRIGGER task_durations_id BEFORE INSERT ON task_durations FOR EACH ROW EXECUTE FUNCTION pxa_duration_id()`,
  `CREATE TRIGGER events_announce AFTER INSERT ON events EXECUTE FUNCTION pxa_announce()`,
];
