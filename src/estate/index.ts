export { connect, Estate, type Environment } from './environments.ts';
export { inventoryOf, locate, nextVmid, readInventory, type GuestEntry, type Inventory } from './inventory.ts';
export { buildTwin, guestKeys, readInto, type Capture, type LiveTwin } from './twin.ts';
export { hoursSinceBackup } from './backups.ts';
export { holds, readPermissions, type Held } from './permissions.ts';
/** The twin came to something that was not read; reading `missing` and beginning again helps. */
export { NotRead } from '../simulator/index.ts';
export * from './graph/index.ts';
