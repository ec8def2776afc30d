import type { Migration } from '../migrate.ts';

/** What was made under an Idempotency-Key; null in what an earlier version writes, which keeps the answer only. */
export const made: Migration = {
  id: 10,
  name: 'made',
  tables: (t) => [`ALTER TABLE idempotency_keys ADD COLUMN made ${t.text}`],
  triggers: { sqlite: [], postgres: [] },
};
