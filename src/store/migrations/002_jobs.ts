import type { ColumnTypes, Migration } from '../migrate.ts';

/** What the embedded queue keeps; replicas on PostgreSQL have pg-boss, which keeps its own tables. */
const tables = (t: ColumnTypes): string[] => [
  `CREATE TABLE jobs (
    id ${t.autoKey}, name ${t.text} NOT NULL, key ${t.text} NOT NULL, data ${t.text} NOT NULL,
    state ${t.text} NOT NULL CHECK (state IN ('waiting', 'running', 'failed')), run_at ${t.int} NOT NULL,
    attempt ${t.int} NOT NULL, ended_at ${t.int}, error ${t.text})${t.options}`,
  `CREATE UNIQUE INDEX jobs_waiting ON jobs (name, key) WHERE state = 'waiting'`,
  `CREATE TABLE schedules (name ${t.text} PRIMARY KEY, cron ${t.text} NOT NULL, zone ${t.text} NOT NULL,
    next_at ${t.int} NOT NULL)${t.clustered}`,
];

export const jobs: Migration = { id: 2, name: 'jobs', tables, triggers: { sqlite: [], postgres: [] } };
