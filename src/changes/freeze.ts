import { z } from 'zod';
import { AgentError } from '../kernel/errors.ts';
import { getSetting, putSetting, type Actor, type StoreReader } from '../store/index.ts';
import type { ChangesDeps } from './changes.ts';
import { actorOf, requireRole, type Principal } from '../identity/index.ts';

const reasonSchema = z.strictObject({
  reason: z
    .string()
    .trim()
    .min(3, 'must say why, in three letters or more')
    .max(500)
    .describe('Why; shown to everybody whose change waits, and kept in the audit log.'),
});
export const thawRequestSchema = reasonSchema;
export const freezeRequestSchema = reasonSchema.extend({
  until: z.iso
    .datetime({ offset: true, error: 'must be a time such as 2026-12-24T18:00:00Z' })
    .optional()
    .describe('When it ends by itself; when left out, when a person ends it.'),
});

export interface Freeze {
  readonly reason: string;
  readonly by: Actor;
  readonly at: number;
  /** When it ends by itself. */
  readonly until?: number;
}

const keyOf = (environment: string): string => `frozen:${environment}`;

/** The freeze of an environment; undefined when it is not frozen now. Read anew each time, so every replica sees it. */
export async function freezeOf(reader: StoreReader, environment: string, now: number): Promise<Freeze | undefined> {
  const kept = await keptFreeze(reader, environment);
  return kept?.until !== undefined && kept.until <= now ? undefined : kept;
}

const keptFreeze = async (reader: StoreReader, environment: string): Promise<Freeze | undefined> =>
  ((await getSetting(reader, keyOf(environment))) ?? undefined) as Freeze | undefined;

/** Writes down that freezes are over whose time is; they have not held since. */
export async function endFreezes(deps: ChangesDeps): Promise<void> {
  for (const { name } of deps.estate.list()) {
    const kept = await keptFreeze(deps.store, name);
    if (kept?.until === undefined || kept.until > deps.clock.now()) continue;
    const reason = `the freeze ended at ${new Date(kept.until).toISOString()}, as it was set`;
    await set(deps, name, null, 'environment.thawed', { reason }, { id: 'system', class: 'system' });
  }
}

/**
 * Stops every apply of an environment at once: none begins, and running operations finish their current effect and wait.
 * Whoever may plan may do this, since it only ever does less. Errors: `FORBIDDEN`, `NOT_FOUND`.
 */
export async function freeze(
  deps: ChangesDeps,
  environment: string,
  { reason, until }: z.output<typeof freezeRequestSchema>,
  principal: Principal,
): Promise<Freeze> {
  requireRole(principal, 'operator', environment);
  deps.estate.get(environment);
  const at = deps.clock.now();
  const end = until === undefined ? {} : { until: Date.parse(until) };
  if (end.until !== undefined && end.until <= at)
    throw new AgentError('VALIDATION_FAILED', 'A freeze ends in the future.', {
      errors: { until: 'must be in the future' },
    });
  const made: Freeze = { reason, by: actorOf(principal), at, ...end };
  const payload = { reason, ...(until === undefined ? {} : { until }) };
  await set(deps, environment, made, 'environment.frozen', payload, actorOf(principal));
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
  await set(deps, environment, null, 'environment.thawed', { reason }, actorOf(principal));
}

async function set(
  deps: ChangesDeps,
  environment: string,
  value: Freeze | null,
  event: string,
  payload: { readonly reason: string; readonly until?: string },
  actor: Actor,
): Promise<void> {
  await deps.store.commit(async (trx) => {
    await putSetting(trx, keyOf(environment), value, deps.clock.now());
    await deps.audit.append(trx, { actor, environment, event, payload });
    await deps.events.publish(trx, { type: event, environment, data: payload });
  });
}

/** Errors: `ENVIRONMENT_FROZEN` with who froze it and why. */
export async function requireThawed(deps: ChangesDeps, environment: string, plan_id: string): Promise<void> {
  const frozen = await freezeOf(deps.store, environment, deps.clock.now());
  if (frozen === undefined) return;
  throw new AgentError(
    'ENVIRONMENT_FROZEN',
    `${environment} was frozen by ${frozen.by.name ?? frozen.by.id}${frozen.until === undefined ? '' : ` until ${new Date(frozen.until).toISOString()}`}: ${frozen.reason}`,
    { plan_id },
  );
}
