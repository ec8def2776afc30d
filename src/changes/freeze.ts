import { z } from 'zod';
import { AgentError } from '../kernel/errors.ts';
import { getSetting, putSetting, type Actor, type StoreReader } from '../store/index.ts';
import type { ChangesDeps } from './changes.ts';
import { actorOf, requireRole, type Principal } from '../identity/index.ts';

export const freezeRequestSchema = z.strictObject({
  reason: z
    .string()
    .trim()
    .min(3)
    .max(500)
    .describe('Why; shown to everybody whose change waits, and kept in the audit log.'),
});

export interface Freeze {
  readonly reason: string;
  readonly by: Actor;
  readonly at: number;
}

const keyOf = (environment: string): string => `frozen:${environment}`;

/** The freeze of an environment; undefined when it is not frozen. Read anew each time, so every replica sees it. */
export async function freezeOf(reader: StoreReader, environment: string): Promise<Freeze | undefined> {
  return ((await getSetting(reader, keyOf(environment))) ?? undefined) as Freeze | undefined;
}

/**
 * Stops every apply of an environment at once: none begins, and running operations finish their current effect and wait.
 * Whoever may plan may do this, since it only ever does less. Errors: `FORBIDDEN`, `NOT_FOUND`.
 */
export async function freeze(
  deps: ChangesDeps,
  environment: string,
  reason: string,
  principal: Principal,
): Promise<Freeze> {
  requireRole(principal, 'operator', environment);
  deps.estate.get(environment);
  const made: Freeze = { reason, by: actorOf(principal), at: deps.clock.now() };
  await set(deps, environment, made, 'environment.frozen', reason, principal);
  return made;
}

/** Lets operations go on. A person's word, because a person's change waits for it. Errors: `FORBIDDEN`, `NOT_FOUND`. */
export async function thaw(
  deps: ChangesDeps,
  environment: string,
  reason: string,
  principal: Principal,
): Promise<void> {
  requireRole(principal, 'approver', environment);
  if (principal.class !== 'human') throw new AgentError('FORBIDDEN', 'Only a person can thaw an environment.');
  deps.estate.get(environment);
  await set(deps, environment, null, 'environment.thawed', reason, principal);
}

async function set(
  deps: ChangesDeps,
  environment: string,
  value: Freeze | null,
  event: string,
  reason: string,
  principal: Principal,
): Promise<void> {
  await deps.store.commit(async (trx) => {
    await putSetting(trx, keyOf(environment), value, deps.clock.now());
    await deps.audit.append(trx, { actor: actorOf(principal), environment, event, payload: { reason } });
    await deps.events.publish(trx, { type: event, environment, data: { reason } });
  });
}

/** Errors: `ENVIRONMENT_FROZEN` with who froze it and why. */
export async function requireThawed(deps: ChangesDeps, environment: string, plan_id: string): Promise<void> {
  const frozen = await freezeOf(deps.store, environment);
  if (frozen === undefined) return;
  throw new AgentError(
    'ENVIRONMENT_FROZEN',
    `${environment} was frozen by ${frozen.by.name ?? frozen.by.id}: ${frozen.reason}`,
    { plan_id },
  );
}
