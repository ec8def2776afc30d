import type { Handler, Routes } from '../core/call.ts';
import { sha1 } from '../state/guests.ts';

/** As read, else what a guest without a firewall file has: also one that does not exist (FACTS 37). */
const readOr =
  (empty: () => unknown): Handler =>
  ({ path, world }) =>
    world.state.documents[path] ?? empty();

const guest = '/nodes/{node}/qemu/{vmid}/firewall';

export const firewallRoutes: Routes = {
  [`GET ${guest}/options`]: readOr(() => ({ digest: sha1('') })),
  [`GET ${guest}/rules`]: readOr(() => []),
};
