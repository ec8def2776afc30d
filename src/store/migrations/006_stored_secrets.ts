import type { Migration } from '../migrate.ts';

/** Secrets that are kept here because they have no place of their own; sealed, with the name of the key that did it. */
export const storedSecrets: Migration = {
  id: 6,
  name: 'stored_secrets',
  tables: (t) => [
    `CREATE TABLE stored_secrets (
      name ${t.text} PRIMARY KEY, blob ${t.blob} NOT NULL, key_id ${t.text} NOT NULL, created_at ${t.int} NOT NULL,
      updated_at ${t.int} NOT NULL, updated_by ${t.text} NOT NULL)${t.options}`,
  ],
  triggers: { sqlite: [], postgres: [] },
};
