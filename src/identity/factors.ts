import { z } from 'zod';
import { AgentError } from '../kernel/errors.ts';
import { findPerson, listPasskeys, type PersonRecord } from '../store/index.ts';
import { countAttempt } from './attempts.ts';
import type { IdentityDeps } from './deps.ts';
import { assertionSchema, usePasskey, type Assertion } from './passkeys.ts';
import { actorOf, type Principal } from './principal.ts';
import { useRecovery, useTotp } from './totp.ts';

/** How long a second factor counts as just shown. */
export const FRESH_MS = 5 * 60_000;

export const factorSchema = z
  .union([z.string().min(1).max(200), assertionSchema])
  .describe('A second factor: the code that the authenticator shows, a recovery code, or a passkey’s answer.');
export type Factor = z.output<typeof factorSchema>;

export type FactorKind = 'totp' | 'recovery' | 'passkey';
type Purpose = 'passkey.sign_in' | 'passkey.step_up' | 'passkey.approve';

export const isEnrolled = async ({ store }: IdentityDeps, person: PersonRecord): Promise<boolean> =>
  person.totp !== null || (await listPasskeys(store, person.id)).length > 0;

/** Which factors a person can show. */
export async function factorsOf({ store }: IdentityDeps, person: PersonRecord): Promise<FactorKind[]> {
  const passkeys = (await listPasskeys(store, person.id)).length > 0;
  const totp: FactorKind[] = person.totp === null ? [] : ['totp'];
  return [
    ...totp,
    ...(totp.length > 0 || passkeys ? (['recovery'] as const) : []),
    ...(passkeys ? (['passkey'] as const) : []),
  ];
}

/** Uses a factor up; which it was. Errors: `FACTOR_INVALID`. */
export async function useFactor(
  deps: IdentityDeps,
  person: PersonRecord,
  factor: string | Assertion,
  purpose: Purpose,
  bound?: string,
): Promise<FactorKind> {
  if (typeof factor !== 'string') {
    await usePasskey(deps, purpose, factor, { person_id: person.id, ...(bound === undefined ? {} : { bound }) });
    return 'passkey';
  }
  const code = factor.replaceAll(/\s/g, '');
  if (/^\d{6}$/.test(code)) {
    if (await useTotp(deps, person, code)) return 'totp';
  } else if (await useRecovery(deps, person.id, code)) return 'recovery';
  throw new AgentError('FACTOR_INVALID', 'The code does not fit, or was used already; wait for the next one.', {
    errors: { factor: 'does not fit, or was used already' },
  });
}

/**
 * Checks a factor of somebody who is signed in. Errors: `FACTOR_INVALID`, `RATE_LIMITED`, `FORBIDDEN` for who is no
 * person of ours.
 */
export async function checkFactor(
  deps: IdentityDeps,
  principal: Principal,
  factor: Factor,
  { purpose, bound }: { readonly purpose: Purpose; readonly bound?: string },
): Promise<{ readonly kind: FactorKind; readonly method: string; readonly at: number }> {
  const person = principal.person === undefined ? undefined : await findPerson(deps.store, principal.person);
  if (person === undefined || principal.class !== 'human')
    throw new AgentError('FORBIDDEN', `${principal.name} is not a person with a second factor of its own.`);
  if ((await factorsOf(deps, person)).length === 0)
    throw new AgentError(
      'FACTOR_INVALID',
      'No second factor is enrolled for you; enrol one under your account, or with `proxmox-agent me totp`.',
      { errors: { factor: 'none is enrolled for you' } },
    );
  // Counted apart from signing in: whoever guesses at the door must not keep those inside from approving.
  const attempt = await countAttempt(deps, `factor of ${person.id}`, { via: principal.via });
  try {
    const kind = await useFactor(deps, person, factor, purpose, bound);
    await attempt.succeeded();
    return { kind, method: methodWith(principal.method, kind), at: deps.clock.now() };
  } catch (error) {
    await deps.store.commit((trx) =>
      deps.audit.append(trx, {
        actor: actorOf(principal),
        event: 'auth.factor.failed',
        ids: { person_id: person.id },
        payload: { purpose, kind: typeof factor === 'string' ? 'code' : 'passkey' },
      }),
    );
    throw error;
  }
}

/** `password` with a code is `password+totp`; a passkey verifies its user and is two factors in one. */
export const methodWith = (method: string, kind: FactorKind): string =>
  kind === 'passkey' ? 'passkey' : `${method.split('+')[0]}+${kind}`;

/** The factor of an approval; `changes` asks for it by this shape. */
export interface FactorVerifier {
  verify(input: {
    readonly principal: Principal;
    readonly plan_hash: string;
    readonly factor: Factor;
  }): Promise<{ readonly method: string; readonly at: number }>;
}

/** The factor counts for the plan with this hash: a passkey has signed a challenge made of it. */
export const approvalFactors = (deps: IdentityDeps): FactorVerifier => ({
  verify: ({ principal, plan_hash, factor }) =>
    checkFactor(deps, principal, factor, { purpose: 'passkey.approve', bound: plan_hash }),
});
