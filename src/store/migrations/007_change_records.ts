import type { ColumnTypes, Migration } from '../migrate.ts';

const tables = (t: ColumnTypes): string[] => [
  `CREATE TABLE change_records (
    id ${t.text} PRIMARY KEY, number ${t.int} NOT NULL UNIQUE, category ${t.text} NOT NULL, status ${t.text} NOT NULL,
    created_at ${t.int} NOT NULL, updated_at ${t.int} NOT NULL, body ${t.text} NOT NULL)${t.options}`,
  `CREATE INDEX change_records_open ON change_records (number)
    WHERE status NOT IN ('completed', 'rolled_back', 'rejected')`,
];

/** What people decide together before, during and after a change. */
export const changeRecords: Migration = {
  id: 7,
  name: 'change records',
  tables,
  triggers: { sqlite: [], postgres: [] },
};
