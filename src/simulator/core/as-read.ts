import type { Call, Handler } from './call.ts';

/** What was read of the cluster is what it is; where nothing was read, what a plain machine answers. */
export const asRead =
  (otherwise: Handler): Handler =>
  (call: Call) =>
    call.world.state.documents[call.path] ?? otherwise(call);
