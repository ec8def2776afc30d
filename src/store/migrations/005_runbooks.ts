import type { Migration } from '../migrate.ts';

/** Runs of runbooks; what happened in each step is in `body`, so that one row is the whole truth of a run. */
export const runbooks: Migration = {
  id: 5,
  name: 'runbooks',
  tables: (t) => [
    `CREATE TABLE runbook_runs (
      run_id ${t.text} PRIMARY KEY, runbook_id ${t.text} NOT NULL, state ${t.text} NOT NULL CHECK (state IN
        ('running', 'paused', 'waiting', 'done', 'failed', 'canceled')),
      change_id ${t.text}, created_at ${t.int} NOT NULL, updated_at ${t.int} NOT NULL, ended_at ${t.int},
      created_by ${t.text} NOT NULL, body ${t.text} NOT NULL)${t.options}`,
    `CREATE INDEX runbook_runs_open ON runbook_runs (run_id) WHERE ended_at IS NULL`,
  ],
  triggers: { sqlite: [], postgres: [] },
};
