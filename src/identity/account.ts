import { z } from 'zod';
import { AgentError } from '../kernel/errors.ts';
import {
  countRecoveryCodes,
  deletePasskey,
  findPerson,
  listPasskeys,
  putRecoveryCodes,
  updatePerson,
  type PersonRecord,
  type StoreTx,
} from '../store/index.ts';
import { countAttempt } from './attempts.ts';
import type { IdentityDeps, Place } from './deps.ts';
import { checkFactor, factorSchema, FRESH_MS, isEnrolled } from './factors.ts';
import { covers, type Grants } from './grants.ts';
import { keepPasskey, registrationOptions, type Registration } from './passkeys.ts';
import { hashPassword, passwordFits, requireStrong } from './passwords.ts';
import { actorOf, grantsOf, type Principal } from './principal.ts';
import { endAllSessions } from './sessions.ts';
import { requireSelf } from './tokens.ts';
import { beginTotp, confirmTotp, newRecoveryCodes, type Enrolment } from './totp.ts';

const RECENT_MS = 10 * 60_000;

/** What a person changes about itself needs the person, not only a credential that was left lying about. */
export const proofSchema = z.strictObject({
  current_password: z.string().max(1_000).optional().describe('The password as it is now.'),
  factor: factorSchema.optional(),
});
export type Proof = z.output<typeof proofSchema>;

/** The caller as a person of ours. Errors: `FORBIDDEN`. */
export async function self({ store }: IdentityDeps, principal: Principal, what: string): Promise<PersonRecord> {
  const person = await findPerson(store, requireSelf(principal, what));
  if (person === undefined) throw new AgentError('NOT_FOUND', 'There is no such person any more.');
  return person;
}

/**
 * Errors: `FACTOR_REQUIRED` where a second factor is set up and was not shown just now, `UNAUTHENTICATED` for a wrong
 * password, `FORBIDDEN` for a token that is less than its person.
 */
export async function requireProof(
  deps: IdentityDeps,
  principal: Principal,
  { current_password, factor }: Proof,
): Promise<PersonRecord> {
  const person = await self(deps, principal, 'change how it signs in');
  if (principal.actions !== undefined || !covers(grantsOf(principal), person.grants as Grants))
    throw new AgentError(
      'FORBIDDEN',
      'This token may do less than its person, so it cannot change how the person signs in.',
    );
  if (await isEnrolled(deps, person)) {
    if (factor !== undefined) await checkFactor(deps, principal, factor, { purpose: 'passkey.step_up' });
    else if (deps.clock.now() - (principal.factorAt ?? 0) > FRESH_MS)
      throw new AgentError('FACTOR_REQUIRED', 'This needs your second factor, shown within the last five minutes.', {
        errors: { factor: 'is needed' },
      });
    return person;
  }
  // Who came by the owner's link has nothing to show yet.
  if (person.password !== null) await requirePassword(deps, person, current_password, principal);
  else if (person.issuer !== null) requireRecent(deps, principal);
  return person;
}

/** Who signs in elsewhere shows it by having done so a moment ago. */
function requireRecent({ clock }: IdentityDeps, { since }: Principal): void {
  if (clock.now() - (since ?? 0) <= RECENT_MS) return;
  throw new AgentError('FORBIDDEN', 'This needs a sign-in of the last ten minutes: sign out, and in again.');
}

async function requirePassword(
  deps: IdentityDeps,
  person: PersonRecord,
  given: string | undefined,
  { via }: Principal,
): Promise<void> {
  const wrong = (why: string): AgentError =>
    new AgentError('VALIDATION_FAILED', `The current password ${why}.`, { errors: { current_password: why } });
  if (given === undefined) throw wrong('is needed');
  const attempt = await countAttempt(deps, `password of ${person.id}`, { via });
  if (!(await passwordFits(person.password, given))) throw wrong('is not right');
  await attempt.succeeded();
}

/** Sets the password and ends the person's other sessions. Errors: `VALIDATION_FAILED`, and those of the proof. */
export async function setPassword(
  deps: IdentityDeps,
  principal: Principal,
  password: string,
  proof: Proof,
): Promise<void> {
  const person = await requireProof(deps, principal, proof);
  // With one of its own it would go on to sign in here when the provider lets it in no more.
  if (person.issuer !== null)
    throw new AgentError('VALIDATION_FAILED', `${person.name} signs in elsewhere and has no password here.`);
  requireStrong(password, [person.name, person.display]);
  const hash = await hashPassword(password);
  await deps.store.commit(async (trx) => {
    await updatePerson(trx, person.id, { password: hash, password_at: deps.clock.now() });
    await note(deps, trx, principal, 'person.password.changed');
    await endAllSessions(deps, trx, person.id, principal, principal.session);
  });
}

const note = ({ audit }: IdentityDeps, trx: StoreTx, principal: Principal, event: string, payload: object = {}) =>
  audit.append(trx, { actor: actorOf(principal), event, ids: { person_id: principal.person ?? '' }, payload });

/** Begins to set an authenticator up. One that counts already goes on to count until the new one is confirmed. */
export async function enrolTotp(deps: IdentityDeps, principal: Principal, proof: Proof): Promise<Enrolment> {
  return beginTotp(deps, await requireProof(deps, principal, proof));
}

/** Turns it on; answers recovery codes where there are none yet. */
export async function finishTotp(
  deps: IdentityDeps,
  principal: Principal,
  code: string,
): Promise<string[] | undefined> {
  const person = await self(deps, principal, 'set an authenticator up');
  let codes: string[] | undefined;
  await confirmTotp(deps, person, code, async (trx) => {
    codes =
      (await countRecoveryCodes(trx, person.id)) > 0 ? undefined : await newRecoveryCodes(trx, deps.ids, person.id);
    await note(deps, trx, principal, 'person.totp.enrolled');
  });
  return codes;
}

export async function removeTotp(deps: IdentityDeps, principal: Principal, proof: Proof): Promise<void> {
  const person = await requireProof(deps, principal, proof);
  await deps.store.commit(async (trx) => {
    await updatePerson(trx, person.id, { totp: null, totp_pending: null });
    await dropUnusable(trx, person.id, false);
    await note(deps, trx, principal, 'person.totp.removed');
  });
}

/** Recovery codes stand in for another factor; without any they would be the only one. */
async function dropUnusable(trx: StoreTx, person_id: string, totp: boolean): Promise<void> {
  if (totp || (await listPasskeys(trx, person_id)).length > 0) return;
  await putRecoveryCodes(trx, person_id, []);
}

/** New recovery codes in the place of all earlier ones. Errors: `VALIDATION_FAILED` without another factor. */
export async function renewRecoveryCodes(deps: IdentityDeps, principal: Principal, proof: Proof): Promise<string[]> {
  const person = await requireProof(deps, principal, proof);
  if (!(await isEnrolled(deps, person)))
    throw new AgentError(
      'VALIDATION_FAILED',
      'Set up an authenticator or a passkey first; recovery codes stand in for it.',
    );
  return deps.store.commit(async (trx) => {
    await note(deps, trx, principal, 'person.recovery_codes.renewed');
    return newRecoveryCodes(trx, deps.ids, person.id);
  });
}

export async function beginPasskey(
  deps: IdentityDeps,
  principal: Principal,
  proof: Proof,
  place: Place,
): Promise<object> {
  return registrationOptions(deps, await requireProof(deps, principal, proof), place);
}

/** Keeps the passkey that was begun; answers recovery codes where there are none yet. */
export async function finishPasskey(
  deps: IdentityDeps,
  principal: Principal,
  request: { readonly name: string; readonly credential: Registration },
): Promise<{ readonly id: string; readonly recovery_codes?: string[] }> {
  const person = await self(deps, principal, 'keep a passkey');
  let codes: string[] | undefined;
  const { id } = await keepPasskey(deps, person.id, request, async (trx) => {
    codes =
      (await countRecoveryCodes(trx, person.id)) > 0 ? undefined : await newRecoveryCodes(trx, deps.ids, person.id);
    await note(deps, trx, principal, 'person.passkey.added', { name: request.name });
  });
  return { id, ...(codes === undefined ? {} : { recovery_codes: codes }) };
}

/** The caller's passkeys, without what they verify with. */
export async function ownPasskeys(deps: IdentityDeps, principal: Principal): Promise<object[]> {
  const { id } = await self(deps, principal, 'list its passkeys');
  return (await listPasskeys(deps.store, id)).map(({ id, name, rp_id, created_at, last_used_at }) => ({
    id,
    name,
    host: rp_id,
    created_at: new Date(created_at).toISOString(),
    last_used_at: last_used_at === null ? null : new Date(last_used_at).toISOString(),
  }));
}

export async function removePasskey(deps: IdentityDeps, principal: Principal, id: string, proof: Proof): Promise<void> {
  const person = await requireProof(deps, principal, proof);
  await deps.store.commit(async (trx) => {
    if (!(await deletePasskey(trx, person.id, id))) throw new AgentError('NOT_FOUND', 'You have no such passkey.');
    await dropUnusable(trx, person.id, person.totp !== null);
    await note(deps, trx, principal, 'person.passkey.removed');
  });
}
