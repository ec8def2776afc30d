import type { Migration } from '../migrate.ts';

/** Replicas hear of every record that another one has added to the audit chain, not only of events. */
export const heard: Migration = {
  id: 9,
  name: 'heard',
  tables: () => [],
  triggers: {
    sqlite: [],
    postgres: [`CREATE TRIGGER audit_announce AFTER INSERT ON audit EXECUTE FUNCTION pxa_announce()`],
  },
};
