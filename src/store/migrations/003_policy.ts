import type { Migration } from '../migrate.ts';

/** The rules as they were at each time, and what an approval proves beside the person. */
export const policy: Migration = {
  id: 3,
  name: 'policy',
  tables: (t) => [
    `CREATE TABLE policy_versions (
      version ${t.key}, hash ${t.text} NOT NULL, rules ${t.text} NOT NULL, at ${t.int} NOT NULL, actor ${t.text} NOT NULL)${t.options}`,
    `CREATE INDEX policy_versions_hash ON policy_versions (hash)`,
    `ALTER TABLE approvals ADD COLUMN role ${t.text}`,
    `ALTER TABLE approvals ADD COLUMN factor ${t.text}`,
  ],
  triggers: { sqlite: [], postgres: [] },
};
