import { z } from 'zod';
import { AgentError } from '../kernel/errors.ts';
import { findPerson, findPersonNamed, type PersonRecord } from '../store/index.ts';
import { countAttempt, noteFailed, type Attempt } from './attempts.ts';
import type { IdentityDeps, Place } from './deps.ts';
import { checkFactor, factorSchema, factorsOf, methodWith, useFactor, type Factor } from './factors.ts';
import { environmentsOf, highest, type Grants } from './grants.ts';
import { canSignIn } from './links.ts';
import { assertionOptions, usePasskey, type Assertion } from './passkeys.ts';
import { passwordFits } from './passwords.ts';
import { actorOf, type Principal } from './principal.ts';
import { endOwnSession, openSession, renewSession, type OpenedSession, type Proven } from './sessions.ts';
import { addToken, revokeOwn, type MadeToken } from './tokens.ts';

export const signInSchema = z.strictObject({
  name: z.string().min(1).max(100).describe('The name of the person.'),
  password: z.string().min(1).max(1_000),
  factor: factorSchema.optional(),
});
export type SignInRequest = z.output<typeof signInSchema>;

interface SignedIn extends Proven {
  readonly person: PersonRecord;
}

/**
 * Who this is, by name, password and, where one is set up, a second factor. A name that there is not costs as much time
 * and answers the same. Errors: `UNAUTHENTICATED`, `FACTOR_REQUIRED` with the ways there are, `FACTOR_INVALID`,
 * `RATE_LIMITED`.
 */
export async function provePassword(deps: IdentityDeps, request: SignInRequest, place: Place): Promise<SignedIn> {
  const name = request.name.trim().toLowerCase();
  const attempt = await countAttempt(deps, name, place);
  const found = await findPersonNamed(deps.store, name);
  const active = found?.state === 'active' ? found : undefined;
  if (!(await passwordFits(active?.password, request.password)) || active === undefined) {
    await noteFailed(deps, found?.id, place, { by: 'password' });
    throw new AgentError('UNAUTHENTICATED', 'The name or the password is not right.');
  }
  const kinds = await factorsOf(deps, active);
  if (kinds.length === 0) {
    await attempt.succeeded();
    return { person: active, method: 'password' };
  }
  return withFactor(deps, { person: active, kinds, attempt, factor: request.factor, place });
}

interface SecondStep {
  readonly person: PersonRecord;
  readonly kinds: readonly string[];
  readonly attempt: Attempt;
  readonly factor: Factor | undefined;
  readonly place: Place;
}

async function withFactor(
  deps: IdentityDeps,
  { person, kinds, attempt, factor, place }: SecondStep,
): Promise<SignedIn> {
  if (factor === undefined) {
    // Neither right nor wrong: taken back alone, so that it clears no count of wrong codes.
    await attempt.undecided();
    const passkey = kinds.includes('passkey')
      ? { passkey: await assertionOptions(deps, 'passkey.sign_in', place, { person_id: person.id }) }
      : {};
    throw new AgentError('FACTOR_REQUIRED', 'The password is right; now the second factor.', {
      errors: { factor: 'is needed' },
      more: { factors: kinds, ...passkey },
    });
  }
  try {
    const kind = await useFactor(deps, person, factor, 'passkey.sign_in');
    await attempt.succeeded();
    return { person, method: methodWith('password', kind), factorAt: deps.clock.now() };
  } catch (error) {
    const by = typeof factor === 'string' ? 'code' : 'passkey';
    await noteFailed(deps, person.id, place, { event: 'auth.factor.failed', by });
    throw error;
  }
}

/** Signs in and opens a session. Errors as `provePassword`. */
export async function signIn(deps: IdentityDeps, request: SignInRequest, place: Place): Promise<OpenedSession> {
  const { person, ...proven } = await provePassword(deps, request, place);
  return deps.store.commit((trx) => openSession(deps, trx, person, proven, place));
}

/** Whoever the device has a passkey of. */
export const passkeySignInOptions = (deps: IdentityDeps, place: Place): Promise<Record<string, unknown>> =>
  assertionOptions(deps, 'passkey.sign_in', place);

/** Signs in with a passkey alone: it is something one has, and verified who uses it. Errors: `FACTOR_INVALID`. */
export async function signInWithPasskey(
  deps: IdentityDeps,
  assertion: Assertion,
  place: Place,
): Promise<OpenedSession> {
  const attempt = await countAttempt(deps, undefined, place);
  try {
    const person = await findPerson(deps.store, await usePasskey(deps, 'passkey.sign_in', assertion));
    if (person?.state !== 'active') throw new AgentError('FACTOR_INVALID', 'The passkey was not accepted.');
    // Whether somebody of a provider may come in is the provider's to say, each time; here it is a second factor.
    if (person.issuer !== null)
      throw new AgentError('FACTOR_INVALID', 'You sign in at your provider; this passkey is your second factor here.');
    await attempt.succeeded();
    const proven = { method: 'passkey', factorAt: deps.clock.now() };
    return await deps.store.commit((trx) => openSession(deps, trx, person, proven, place));
  } catch (error) {
    await noteFailed(deps, undefined, place, { by: 'passkey' });
    throw error;
  }
}

/** Shows a factor once more in a session, which gets a new secret. Errors as `checkFactor`; `FORBIDDEN` for tokens. */
export async function stepUp(
  deps: IdentityDeps,
  principal: Principal,
  factor: Factor,
): Promise<Pick<OpenedSession, 'secret' | 'csrf'> & { readonly factor_at: number }> {
  const { session } = principal;
  if (session === undefined)
    throw new AgentError(
      'FORBIDDEN',
      'Only a session can be stepped up; with a token send the factor with the request.',
    );
  const { method, at } = await checkFactor(deps, principal, factor, { purpose: 'passkey.step_up' });
  const renewed = await deps.store.commit((trx) =>
    renewSession(deps, trx, { ...principal, session }, { method, factorAt: at }),
  );
  return { ...renewed, factor_at: at };
}

/** For programs: proves the same and answers a token of the person instead of a session. Errors as `provePassword`. */
export async function signInForToken(
  deps: IdentityDeps,
  request: SignInRequest,
  { name, expires_in }: { readonly name: string; readonly expires_in: string },
  place: Place,
): Promise<MadeToken> {
  const { person, method } = await provePassword(deps, request, place);
  const grants = person.grants as Grants;
  const by: Principal = {
    id: person.id,
    name: person.name,
    class: 'human',
    role: highest(grants) ?? 'viewer',
    environments: environmentsOf(grants),
    via: place.via,
    method,
  };
  // The highest role anywhere: what the person has in each environment bounds it at every use.
  const wanted = { name, role: by.role, class: 'human', expires_in } as const;
  return deps.store.commit(async (trx) => {
    const made = await addToken(deps, trx, wanted, by, person.id);
    const ids = { person_id: person.id, token_id: made.id };
    const payload = { method, address: place.address };
    await deps.audit.append(trx, { actor: actorOf(by), event: 'auth.login.succeeded', ids, payload });
    return made;
  });
}

/** Signs out: ends the session, or the person's token, that asks. The last way in of a person is not thrown away. */
export async function endSignIn(deps: IdentityDeps, principal: Principal): Promise<void> {
  const { session, token } = principal;
  if (session !== undefined) return endOwnSession(deps, session, principal);
  const person = await findPerson(deps.store, principal.person ?? '');
  if (token !== undefined && person !== undefined && (await canSignIn(deps.store, person)))
    await revokeOwn(deps, token, principal);
}
