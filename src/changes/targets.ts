import { hashJson } from '../kernel/canonical.ts';
import { AgentError, isAgentError } from '../kernel/errors.ts';
import { readInventory, type Environment } from '../estate/index.ts';
import { guestIdentity, traceHash, type ExecutablePlan } from '../operations/index.ts';
import { record, text } from '../proxmox/index.ts';
import type { PinnedTarget, PlanBody } from './plan.ts';
import { rehearseLive, type PlannerDeps } from './planner.ts';

/**
 * Reads the targets again before anything is sent. Errors: `TARGET_CHANGED` when one is gone, is another guest, or was
 * changed in a way that leads to another plan: rehearsing it again tells, so a change that does not matter is no reason
 * to refuse.
 */
export async function checkTargets(
  plan: ExecutablePlan,
  body: PlanBody,
  environment: Environment,
  deps: PlannerDeps,
): Promise<void> {
  const guests = body.targets.filter(({ pinned }) => pinned.vmid !== undefined && pinned.kind === 'vm');
  const changed = (await Promise.all(guests.map((target) => checkOne(target, environment)))).filter(
    (target) => target !== undefined,
  );
  if (changed.length === 0) return;
  const inventory = await readInventory(environment.api);
  const { rehearsal } = await rehearseLive(
    plan.requests,
    environment,
    { 'GET /cluster/resources': inventory.raw },
    deps,
  );
  const same =
    rehearsal.failure === undefined &&
    traceHash(rehearsal.trace) === traceHash(plan.trace) &&
    hashJson(rehearsal.diff) === hashJson(body.diff);
  if (same) return;
  const why = rehearsal.failure?.detail ?? difference(rehearsal, body);
  throw new AgentError('TARGET_CHANGED', `${changed.join(', ')} changed since the plan was made: ${why}.`);
}

/** What would now come out otherwise than it was approved, by name. */
function difference({ trace, diff }: Pick<PlanBody, 'trace' | 'diff'>, planned: PlanBody): string {
  const length = Math.max(trace.length, planned.trace.length);
  for (let index = 0; index < length; index++) {
    const [step, approved] = [trace.slice(index, index + 1), planned.trace.slice(index, index + 1)];
    if (traceHash(step) !== traceHash(approved))
      return `step ${index + 1} (${(approved[0] ?? step[0])?.title}) would now be another, or be undone otherwise`;
  }
  const [now, then] = [fieldsOf(diff), fieldsOf(planned.diff)];
  const names = [...new Set([...then.keys(), ...now.keys()])].filter((name) => now.get(name) !== then.get(name));
  return `the same steps would now make another difference to ${names.join(', ')}`;
}

const fieldsOf = (diff: PlanBody['diff']): Map<string, string> =>
  new Map(
    diff.flatMap(({ object, kind, fields }) => [
      [object, kind] as const,
      ...fields.map((field) => [`${object} ${field.name}`, hashJson(field)] as const),
    ]),
  );

/** The target's name when its settings changed; undefined when not. Another or no guest is an error at once. */
async function checkOne({ target, pinned }: PinnedTarget, environment: Environment): Promise<string | undefined> {
  const config = record(await readConfig(target, `/nodes/${pinned.node}/qemu/${pinned.vmid}/config`, environment));
  const uuid = guestIdentity(config);
  if (pinned.uuid !== undefined && uuid !== pinned.uuid) {
    throw new AgentError(
      'TARGET_CHANGED',
      `${target} is another guest now than the one that was planned for (its SMBIOS uuid differs).`,
    );
  }
  return text(config['digest']) === pinned.digest ? undefined : target;
}

async function readConfig(target: string, path: string, { api }: Environment): Promise<unknown> {
  try {
    return await api.get(path);
  } catch (error) {
    if (isAgentError(error, 'PVE_REJECTED') && /does not exist/.test(error.message)) {
      throw new AgentError(
        'TARGET_CHANGED',
        `${target} is no longer where it was when the plan was made: ${error.message}`,
      );
    }
    throw error;
  }
}
