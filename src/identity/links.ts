import { sha256 } from '../kernel/canonical.ts';
import { AgentError, isAgentError } from '../kernel/errors.ts';
import {
  findPerson,
  findPersonNamed,
  insertOwnerLink,
  insertPerson,
  listPasskeys,
  listPeople,
  listTokens,
  openInvitation,
  updatePerson,
  useInvitation,
  useOwnerLink,
  type PersonRecord,
  type StoreReader,
  type StoreTx,
} from '../store/index.ts';
import { countAttempt, noteFailed } from './attempts.ts';
import type { IdentityDeps, Place } from './deps.ts';
import { EVERYWHERE, grantsFor, roleOf, type Grants } from './grants.ts';
import { hashPassword, requireStrong } from './passwords.ts';
import { newPerson } from './people.ts';
import type { Principal } from './principal.ts';
import { openSession, type OpenedSession } from './sessions.ts';
import { addToken, type MadeToken } from './tokens.ts';

const OWNER_LINK_MS = 24 * 3_600_000;
const OWNER = 'owner';

/** Whether somebody can still administer everything: by a token, or as a person who has a way to sign in. */
async function hasOwner(reader: StoreReader, now: number): Promise<boolean> {
  const tokens = (await listTokens(reader)).filter(
    ({ revoked_at, expires_at }) => revoked_at === null && (expires_at ?? now + 1) > now,
  );
  // What an agent holds, or what reaches some environments or actions only, lets nobody administer everything.
  const whole = tokens.filter(
    ({ role, class: kind, environments, actions }) =>
      role === 'admin' && kind === 'human' && environments === null && actions === null,
  );
  if (whole.some(({ person_id }) => person_id === null)) return true;
  for (const person of await listPeople(reader)) {
    const admin = person.state === 'active' && roleOf(person.grants as Grants, EVERYWHERE) === 'admin';
    if (admin && ((await canSignIn(reader, person)) || whole.some(({ person_id }) => person_id === person.id)))
      return true;
  }
  return false;
}

/** Whether a person has anything to sign in with besides tokens. */
export const canSignIn = async (reader: StoreReader, { id, password, issuer }: PersonRecord): Promise<boolean> =>
  password !== null || issuer !== null || (await listPasskeys(reader, id)).length > 0;

/** A code that makes the owner once, within a day; undefined when there is an owner already. */
export async function ownerCode({ store, clock, ids }: IdentityDeps): Promise<string | undefined> {
  const now = clock.now();
  if (await hasOwner(store, now)) return undefined;
  const code = Buffer.from(ids.bytes(24)).toString('base64url');
  await store.commit((trx) => insertOwnerLink(trx, sha256(code), now, now + OWNER_LINK_MS));
  return code;
}

/**
 * Uses the link: makes the person `owner`, admin everywhere, and a token of its own. Errors: `UNAUTHENTICATED` when the
 * link was used, has expired or never was; `RATE_LIMITED`.
 */
export const becomeOwner = (deps: IdentityDeps, code: string, place: Place): Promise<MadeToken> =>
  byLink(deps, place, 'owner-link', () => ownerFrom(deps, code));

/** What a link leads to; a wrong one is counted by address and noted. */
async function byLink<T>(deps: IdentityDeps, place: Place, by: string, follow: () => Promise<T>): Promise<T> {
  const attempt = await countAttempt(deps, undefined, place);
  try {
    const made = await follow();
    await attempt.succeeded();
    return made;
  } catch (error) {
    if (isAgentError(error, 'UNAUTHENTICATED')) await noteFailed(deps, undefined, place, { by });
    else await attempt.undecided();
    throw error;
  }
}

function ownerFrom(deps: IdentityDeps, code: string): Promise<MadeToken> {
  const { store, clock } = deps;
  return store.commit(async (trx) => {
    // Each start prints a link of its own until there is an owner; the first that is used ends them all.
    if (!(await useOwnerLink(trx, sha256(code), clock.now())) || (await hasOwner(trx, clock.now()))) {
      throw new AgentError(
        'UNAUTHENTICATED',
        'This link was used already or has expired. Stop the server, start it again, and it prints a new one as long as there is no owner.',
      );
    }
    const person = await ownerPerson(deps, trx);
    const by: Principal = {
      id: person.id,
      name: person.name,
      class: 'human',
      role: 'admin',
      environments: null,
      via: 'web',
      method: 'owner-link',
    };
    return addToken(deps, trx, { name: person.name, role: 'admin', class: 'human' }, by, person.id);
  });
}

/** The owner of before, where it has lost every way in, else a new person; the name may be taken by somebody else. */
async function ownerPerson(deps: IdentityDeps, trx: StoreTx): Promise<PersonRecord> {
  const grants = grantsFor('admin', null);
  for (let number = 1; ; number++) {
    const name = number === 1 ? OWNER : `${OWNER}-${number}`;
    const found = await findPersonNamed(trx, name);
    if (found !== undefined && (found.state !== 'active' || (await canSignIn(trx, found)))) continue;
    if (found !== undefined) {
      await updatePerson(trx, found.id, { grants });
      return found;
    }
    const person = newPerson(deps, { name, display: 'Owner', state: 'active', grants });
    await insertPerson(trx, person);
    await deps.audit.append(trx, {
      actor: { id: person.id, name, class: 'human', via: 'web' },
      event: 'person.created',
      ids: { person_id: person.id },
      payload: { by: 'owner-link', grants },
    });
    return person;
  }
}

const gone = (): AgentError =>
  new AgentError('UNAUTHENTICATED', 'This invitation was used already or has expired. Ask an admin for a new one.');

/** Whom an invitation is for, without using it. Errors: `UNAUTHENTICATED`, `RATE_LIMITED`. */
export const readInvitation = (
  deps: IdentityDeps,
  code: string,
  place: Place,
): Promise<Pick<PersonRecord, 'name' | 'display'>> => byLink(deps, place, 'invitation', () => invited(deps, code));

async function invited({ store, clock }: IdentityDeps, code: string): Promise<Pick<PersonRecord, 'name' | 'display'>> {
  const person = await findPerson(store, (await openInvitation(store, sha256(code), clock.now())) ?? '');
  if (person?.state !== 'invited') throw gone();
  return { name: person.name, display: person.display };
}

/** Uses an invitation: sets the first password and signs in. Errors as `readInvitation`; `VALIDATION_FAILED`. */
export async function acceptInvitation(
  deps: IdentityDeps,
  { code, password }: { readonly code: string; readonly password: string },
  place: Place,
): Promise<OpenedSession> {
  const { name, display } = await readInvitation(deps, code, place);
  requireStrong(password, [name, display]);
  const hash = await hashPassword(password);
  const now = deps.clock.now();
  return deps.store.commit(async (trx) => {
    const person = await findPerson(trx, (await useInvitation(trx, sha256(code), now)) ?? '');
    if (person?.state !== 'invited') throw gone();
    await updatePerson(trx, person.id, { password: hash, password_at: now, state: 'active' });
    await deps.audit.append(trx, {
      actor: { id: person.id, name, class: 'human', via: place.via },
      event: 'person.joined',
      ids: { person_id: person.id },
    });
    return openSession(deps, trx, person, { method: 'password' }, place);
  });
}
