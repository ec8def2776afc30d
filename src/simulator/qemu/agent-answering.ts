import type { Call } from '../core/call.ts';
import { fail } from '../core/errors.ts';
import type { Guest } from '../state/types.ts';
import { agentEnabled } from './power-worker.ts';

/** The guest when its agent answers; else PVE's words for why not. */
export function answering(call: Call): Guest {
  const { world, node, params } = call;
  const guest = world.guestOn(node, params.number('vmid'));
  if (!agentEnabled(guest)) throw fail('No QEMU guest agent configured');
  if (guest.running === undefined) throw fail(`VM ${guest.vmid} is not running`);
  const { agentAt, qmpstatus } = guest.running;
  if (agentAt === undefined || agentAt > world.now() || qmpstatus !== 'running')
    throw fail('QEMU guest agent is not running');
  return guest;
}
