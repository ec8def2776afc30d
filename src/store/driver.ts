import type { DatabaseConnection, Driver } from 'kysely';

const refuse = async (): Promise<never> => {
  throw new Error('transactions are opened by store.commit only');
};

/** A Kysely driver that hands out one connection and opens no transactions: those are the group commit's alone. */
export function oneConnection(connection: DatabaseConnection): Driver {
  const nothing = async (): Promise<void> => {};
  return {
    init: nothing,
    acquireConnection: async () => connection,
    beginTransaction: refuse,
    commitTransaction: refuse,
    rollbackTransaction: refuse,
    releaseConnection: nothing,
    destroy: nothing,
  };
}
