import { hoursSinceBackup, tierOf, type Environment, type Graph, type Inventory } from '../../estate/index.ts';
import type { PreparedRequest, Rehearsal } from '../../operations/index.ts';
import { num, record } from '../../proxmox/index.ts';
import type { Draft } from '../planner.ts';
import type { BlastRadius } from '../plan.ts';
import { readableParams } from './params.ts';
import { unknownTarget } from './scope.ts';
import type { ChangeFacts, PlanFacts, TargetFacts } from './types.ts';

/** The one fact about a target that needs reads of its own: only made when a rule asks. */
export const BACKUP_AGE = 'target.last_backup_age_hours';

/** What rules may read of a plan, as the lab is now. Errors: `PVE_UNREACHABLE` while backups are looked for. */
export async function factsOf(
  { requests, rehearsal, inventory, capture }: Draft,
  environment: Environment,
  graph: Graph | undefined,
  more: {
    readonly blast: BlastRadius;
    readonly change: ChangeFacts | null;
    readonly seconds: number;
    readonly wants: ReadonlySet<string>;
    readonly now: number;
  },
): Promise<PlanFacts> {
  const targets: Record<string, TargetFacts> = {};
  for (const { input } of requests) {
    const { text, node, vmid } = input.target;
    if (text in targets) continue;
    const age = more.wants.has(BACKUP_AGE) ? await hoursSinceBackup(environment.api, inventory, vmid, more.now) : null;
    const config = record(capture[`GET /nodes/${node}/qemu/${vmid}/config`]);
    targets[text] = {
      ...targetFacts(input.target, inventory, graph),
      protection: num(config['protection']) === 1,
      last_backup_age_hours: age,
    };
  }
  const { guests, services, nodes, score } = more.blast;
  return {
    targets,
    params: Object.fromEntries(requests.map(({ id, action, input }) => [id, readableParams(action, input.params)])),
    change: more.change,
    blast_radius: { guests, services, nodes, score },
    rehearsal: rehearsalFacts(rehearsal, more.seconds),
  };
}

function targetFacts(
  target: PreparedRequest['input']['target'],
  inventory: Inventory,
  graph: Graph | undefined,
): TargetFacts {
  const guest = inventory.guests.get(target.vmid);
  if (guest === undefined) return { ...unknownTarget(target), name: target.id };
  const carried = (graph?.edges ?? [])
    .filter(({ from, to }) => to === target.text && from.startsWith('service/'))
    .map(({ from }) => graph?.objects.get(from)?.tier ?? 3);
  const { name, node, tags, pool = '', status, template } = guest;
  const tier = Math.min(tierOf(tags) ?? Infinity, ...carried);
  return {
    ...unknownTarget(target),
    name,
    node,
    tags,
    pool,
    status,
    template,
    tier: tier === Infinity ? 0 : tier,
  };
}

function rehearsalFacts({ failure, preflight, trace }: Rehearsal, seconds: number): PlanFacts['rehearsal'] {
  const warned = preflight.some(({ result }) => result !== 'pass');
  return {
    result: failure === undefined ? (warned ? 'warn' : 'pass') : 'fail',
    steps: trace.length,
    irreversible: trace.filter(({ undo }) => undo.kind === 'irreversible').length,
    seconds: Math.round(seconds),
  };
}
