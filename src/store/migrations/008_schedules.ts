import type { Migration } from '../migrate.ts';

/** Plans that are applied later; jobs only remind of what stands here. */
export const schedules: Migration = {
  id: 8,
  name: 'schedules',
  tables: (t) => [
    `CREATE TABLE plan_schedules (
      plan_id ${t.text} PRIMARY KEY REFERENCES plans, environment ${t.text} NOT NULL, at ${t.int} NOT NULL,
      until ${t.int} NOT NULL, planned_expiry ${t.int} NOT NULL, window_name ${t.text}, principal ${t.text} NOT NULL,
      created_at ${t.int} NOT NULL,
      state ${t.text} NOT NULL CHECK (state IN ('waiting', 'begun', 'failed', 'canceled')),
      tried_at ${t.int}, code ${t.text}, detail ${t.text}, operation_id ${t.text})${t.options}`,
    `CREATE INDEX plan_schedules_waiting ON plan_schedules (at) WHERE state = 'waiting'`,
  ],
  triggers: { sqlite: [], postgres: [] },
};
