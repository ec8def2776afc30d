import { z } from 'zod';
import { sha256 } from '../kernel/canonical.ts';
import { isoTime } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';
import { REDACTED } from '../kernel/secret.ts';
import {
  countRecoveryCodes,
  deletePasskeysOf,
  endInvitations,
  findOpenInvitation,
  findPerson,
  insertInvitation,
  insertPerson,
  listPasskeys,
  listPeople,
  putRecoveryCodes,
  revokeTokensOf,
  updatePerson,
  type MadeNote,
  type PersonRecord,
  type StoreTx,
} from '../store/index.ts';
import { newSecret, type IdentityDeps } from './deps.ts';
import { administers, grantsFor, grantsSchema, type Grants } from './grants.ts';
import { isReserved, plainText } from './plain_text.ts';
import { actorOf, grantsOf, requirePerson, requireRole, type Principal } from './principal.ts';
import { endAllSessions, sessionsOf, type SessionView } from './sessions.ts';

const INVITATION_MS = 7 * 24 * 3_600_000;

export const personRequestSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,31}$/, 'must be lower-case letters, digits, dots and hyphens')
    .refine((name) => !isReserved(name), 'is taken')
    .describe('What the person signs in with; it cannot be changed.'),
  display: plainText(100).optional().describe('The full name; the name when left out.'),
  grants: grantsSchema,
});
export const personChangeSchema = z.strictObject({
  display: plainText(100).optional(),
  grants: grantsSchema.optional(),
  disabled: z.boolean().optional().describe('True ends all sessions and tokens of the person at once.'),
});

export interface PersonView {
  readonly id: string;
  readonly name: string;
  readonly display: string;
  readonly state: string;
  readonly grants: Grants;
  readonly password: boolean;
  readonly totp: boolean;
  readonly passkeys: number;
  readonly recovery_codes: number;
  /** The identity provider that the person signs in at. */
  readonly issuer?: string;
  readonly created_at: string;
  readonly login_at: string | null;
}

export async function personView({ store }: IdentityDeps, person: PersonRecord): Promise<PersonView> {
  const { id, name, display, state, grants, password, totp, issuer, created_at, login_at } = person;
  return {
    id,
    name,
    display,
    state,
    grants: grants as Grants,
    password: password !== null,
    totp: totp !== null,
    passkeys: (await listPasskeys(store, id)).length,
    recovery_codes: await countRecoveryCodes(store, id),
    ...(issuer === null ? {} : { issuer }),
    created_at: new Date(created_at).toISOString(),
    login_at: login_at === null ? null : new Date(login_at).toISOString(),
  };
}

export const newPerson = (
  { ids, clock }: IdentityDeps,
  person: Pick<PersonRecord, 'name' | 'display' | 'state' | 'grants'> & Partial<PersonRecord>,
): PersonRecord => ({
  id: ids.uuid(),
  password: null,
  totp: null,
  totp_pending: null,
  totp_step: null,
  issuer: null,
  subject: null,
  created_at: clock.now(),
  password_at: null,
  login_at: null,
  ...person,
});

/** Errors: `FORBIDDEN` for who is no admin in person, or a token that is held to some actions. */
function requireAdmin(principal: Principal, what: string): void {
  requirePerson(principal, what);
  requireRole(principal, 'admin');
  if (principal.actions !== undefined)
    throw new AgentError('FORBIDDEN', `A token that may plan ${principal.actions.join(', ')} only cannot ${what}.`);
}

/**
 * Somebody without any rights is left to who is admin everywhere: rights may come back, and whoever had reset the person
 * meanwhile would have them.
 */
const looksAfter = (principal: Principal, grants: Grants): boolean =>
  administers(grantsOf(principal), Object.keys(grants).length === 0 ? grantsFor('viewer', null) : grants);

function requireAdministered(principal: Principal, grants: Grants): void {
  if (looksAfter(principal, grants)) return;
  if (Object.keys(grants).length === 0)
    throw new AgentError(
      'FORBIDDEN',
      `${principal.name} is not admin in all environments, and cannot leave somebody without any rights; disable the person.`,
      { errors: { grants: 'must name an environment' } },
    );
  throw new AgentError(
    'FORBIDDEN',
    `${principal.name} is not admin in all of these environments, and cannot give rights there.`,
    {
      errors: { grants: 'must name only environments in which you are admin' },
    },
  );
}

/** Whom the caller administers. */
export async function people(deps: IdentityDeps, principal: Principal): Promise<PersonView[]> {
  requireAdmin(principal, 'list people');
  const all = await listPeople(deps.store);
  const mine = all.filter(({ grants }) => looksAfter(principal, grants as Grants));
  return Promise.all(mine.map((person) => personView(deps, person)));
}

/** Errors: `NOT_FOUND`, also for somebody whom the caller does not administer. */
async function administered(deps: IdentityDeps, id: string, principal: Principal, what: string): Promise<PersonRecord> {
  requireAdmin(principal, what);
  const person = await findPerson(deps.store, id);
  if (person === undefined || !looksAfter(principal, person.grants as Grants))
    throw new AgentError('NOT_FOUND', `There is no person ${id}.`);
  if (person.id === principal.person)
    throw new AgentError('FORBIDDEN', 'Nobody administers themselves: ask another admin, or use your own account.');
  return person;
}

/** What lets a person in, once. */
export interface Invitation {
  readonly code: string;
  readonly expires_at: string;
}

async function invitation({ ids, clock }: IdentityDeps, trx: StoreTx, person_id: string): Promise<Invitation> {
  const code = newSecret(ids);
  const now = clock.now();
  await insertInvitation(trx, { hash: sha256(code), person_id, created_at: now, expires_at: now + INVITATION_MS });
  return { code, expires_at: new Date(now + INVITATION_MS).toISOString() };
}

/** Adds a person and answers the code of the link that lets it in. Errors: `FORBIDDEN`, `VALIDATION_FAILED`. */
export async function invite(
  deps: IdentityDeps,
  { name, display, grants }: z.output<typeof personRequestSchema>,
  principal: Principal,
  made?: MadeNote,
): Promise<PersonView & { readonly invitation: Invitation }> {
  requireAdmin(principal, 'invite people');
  requireAdministered(principal, grants);
  const person = newPerson(deps, { name, display: display ?? name, state: 'invited', grants });
  const link = await deps.store.commit(async (trx) => {
    if (!(await insertPerson(trx, person)))
      throw new AgentError('VALIDATION_FAILED', `There is somebody named ${name} already.`, {
        errors: { name: 'is taken' },
      });
    await note(deps, trx, principal, 'person.invited', person, { name, grants });
    await made?.(trx, person.id);
    return invitation(deps, trx, person.id);
  });
  return { ...(await personView(deps, person)), invitation: link };
}

/** Somebody who was invited, without the code of the link, which is shown once. Errors: `FORBIDDEN`, `NOT_FOUND`. */
export async function viewInvited(
  deps: IdentityDeps,
  id: string,
  principal: Principal,
): Promise<PersonView & { readonly invitation?: Invitation }> {
  const person = await administered(deps, id, principal, 'invite people');
  const expires_at = await findOpenInvitation(deps.store, id, deps.clock.now());
  const link = expires_at === undefined ? {} : { invitation: { code: REDACTED, expires_at: isoTime(expires_at) } };
  return { ...(await personView(deps, person)), ...link };
}

const note = (
  { audit }: IdentityDeps,
  trx: StoreTx,
  principal: Principal,
  event: string,
  { id }: PersonRecord,
  payload: object = {},
) => audit.append(trx, { actor: actorOf(principal), event, ids: { person_id: id }, payload });

/** Changes what a person is called and may do, and disables or enables it. Errors: `FORBIDDEN`, `NOT_FOUND`. */
export async function changePerson(
  deps: IdentityDeps,
  id: string,
  { display, grants, disabled }: z.output<typeof personChangeSchema>,
  principal: Principal,
): Promise<PersonView> {
  const person = await administered(deps, id, principal, 'change people');
  if (grants !== undefined) requireAdministered(principal, grants);
  await deps.store.commit(async (trx) => {
    if (display !== undefined) await updatePerson(trx, id, { display });
    if (grants !== undefined) {
      await updatePerson(trx, id, { grants });
      await note(deps, trx, principal, 'person.granted', person, { before: person.grants, after: grants });
    }
    if (disabled === true) await disable(deps, trx, person, principal);
    if (disabled === false && person.state === 'disabled') {
      // Who never had anything to sign in with still needs a link: reset makes one.
      const able = person.password !== null || person.issuer !== null;
      await updatePerson(trx, id, { state: able ? 'active' : 'invited' });
      await note(deps, trx, principal, 'person.enabled', person);
    }
  });
  return personView(deps, (await findPerson(deps.store, id)) ?? person);
}

async function disable(deps: IdentityDeps, trx: StoreTx, person: PersonRecord, principal: Principal): Promise<void> {
  const now = deps.clock.now();
  await updatePerson(trx, person.id, { state: 'disabled' });
  await endInvitations(trx, person.id, now);
  await endAllSessions(deps, trx, person.id, principal);
  await revokeTokensOf(trx, person.id, now);
  await note(deps, trx, principal, 'person.disabled', person);
}

/**
 * For who lost everything: takes away password, factors, sessions and tokens, and answers a new link. Somebody who signs
 * in at an identity provider needs none and gets none. Errors: `FORBIDDEN`, `NOT_FOUND`.
 */
export async function resetPerson(
  deps: IdentityDeps,
  id: string,
  principal: Principal,
): Promise<PersonView & { readonly invitation?: Invitation }> {
  const person = await administered(deps, id, principal, 'reset people');
  const elsewhere = person.issuer !== null;
  const made = await deps.store.commit(async (trx) => {
    const state = elsewhere ? person.state : 'invited';
    await updatePerson(trx, id, { password: null, totp: null, totp_pending: null, state });
    await putRecoveryCodes(trx, id, []);
    await deletePasskeysOf(trx, id);
    await endAllSessions(deps, trx, id, principal);
    await revokeTokensOf(trx, id, deps.clock.now());
    await note(deps, trx, principal, 'person.reset', person);
    return elsewhere ? undefined : invitation(deps, trx, id);
  });
  const view = await personView(deps, (await findPerson(deps.store, id)) ?? person);
  return { ...view, ...(made === undefined ? {} : { invitation: made }) };
}

export async function sessionsOfPerson(deps: IdentityDeps, id: string, principal: Principal): Promise<SessionView[]> {
  return sessionsOf(deps, (await administered(deps, id, principal, 'list the sessions of others')).id);
}

/** Ends all sessions of somebody else. Errors: `FORBIDDEN`, `NOT_FOUND`. */
export async function endSessionsOfPerson(deps: IdentityDeps, id: string, principal: Principal): Promise<number> {
  const person = await administered(deps, id, principal, 'end the sessions of others');
  return deps.store.commit((trx) => endAllSessions(deps, trx, person.id, principal));
}
