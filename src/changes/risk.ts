import type { RiskLevel } from '../actions/index.ts';
import type { Inventory } from '../estate/index.ts';
import type { Capture } from '../estate/index.ts';
import { num, record } from '../proxmox/index.ts';
import type { Risk } from './plan.ts';
import type { PreparedRequest } from '../operations/index.ts';

const ORDER: readonly RiskLevel[] = ['low', 'medium', 'high'];
export const higher = (a: RiskLevel, b: RiskLevel): RiskLevel => (ORDER.indexOf(a) >= ORDER.indexOf(b) ? a : b);

/** The highest base of the actions, raised by what they touch; each raise says why, and nothing lowers it. */
export function assessRisk(
  requests: readonly PreparedRequest[],
  context: {
    readonly production: boolean;
    readonly inventory: Inventory;
    readonly capture: Capture;
    /** What depends on what is touched. */
    readonly reach?: Risk['raises'];
  },
): Risk {
  const worst = requests.reduce(
    (a, b) => (higher(a.action.risk.base, b.action.risk.base) === a.action.risk.base ? a : b),
    requests[0] as PreparedRequest,
  );
  const { base, why } = worst.action.risk;
  const raises: { to: RiskLevel; reason: string }[] = [];
  if (base !== 'low') {
    if (context.production) raises.push({ to: 'high', reason: 'the environment is in production' });
    for (const { input } of requests) raises.push(...guestRaises(input.target, context));
    raises.push(...(context.reach ?? []));
  }
  const unique = [...new Map(raises.map((raise) => [raise.reason, raise])).values()].filter(
    ({ to }) => higher(to, base) !== base,
  );
  return { level: unique.reduce((level, { to }) => higher(level, to), base), base, why, raises: unique };
}

function guestRaises(
  target: PreparedRequest['input']['target'],
  { inventory, capture }: { readonly inventory: Inventory; readonly capture: Capture },
) {
  const raises: { to: RiskLevel; reason: string }[] = [];
  const guest = inventory.guests.get(target.vmid);
  if (guest === undefined || guest.template) return raises;
  if (guest.tags.includes('tier-1') || guest.tags.includes('tier1'))
    raises.push({ to: 'high', reason: `${target.text} carries a tier-1 service (by its tag)` });
  const config = record(capture[`GET /nodes/${target.node}/qemu/${target.vmid}/config`]);
  if (num(config['protection']) === 1)
    raises.push({ to: 'high', reason: `${target.text} has its protection flag set` });
  return raises;
}
