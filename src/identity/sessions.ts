import { sha256 } from '../kernel/canonical.ts';
import { AgentError } from '../kernel/errors.ts';
import {
  endSession,
  endSessionsOf,
  insertSession,
  openSessions,
  updatePerson,
  updateSession,
  type PersonRecord,
  type SessionRecord,
  type StoreTx,
} from '../store/index.ts';
import { newSecret, type IdentityDeps, type Place } from './deps.ts';
import { actorOf, type Principal } from './principal.ts';
import { requireSelf } from './tokens.ts';
import { sameText } from './token_text.ts';

/** What a sign-in gives: the secret for the cookie, which is stored nowhere, and what shows that a page has read it. */
export interface OpenedSession {
  readonly id: string;
  readonly secret: string;
  readonly csrf: string;
  readonly expires_at: number;
}

/** Made of the cookie's secret, so that nothing has to be kept, and no way back leads from it. */
export const csrfOf = (secret: string): string => sha256(`csrf:${secret}`);
export const csrfFits = (secret: string, given: string): boolean => sameText(csrfOf(secret), given);

/** How a person signed in: by what, and since when a second factor was part of it. */
export interface Proven {
  readonly method: string;
  readonly factorAt?: number;
}

export async function openSession(
  { clock, ids, audit, sessions }: IdentityDeps,
  trx: StoreTx,
  person: Pick<PersonRecord, 'id' | 'name'>,
  { method, factorAt }: Proven,
  { address, client, via }: Place,
): Promise<OpenedSession> {
  const secret = newSecret(ids);
  const now = clock.now();
  const record: SessionRecord = {
    id: ids.uuid(),
    hash: sha256(secret),
    person_id: person.id,
    method,
    client: client.slice(0, 200),
    address,
    created_at: now,
    seen_at: now,
    expires_at: now + sessions.absolute,
    factor_at: factorAt ?? null,
    ended_at: null,
  };
  await insertSession(trx, record);
  await updatePerson(trx, person.id, { login_at: now });
  await audit.append(trx, {
    actor: { id: person.id, name: person.name, class: 'human', via },
    event: 'session.started',
    ids: { session_id: record.id },
    payload: { method, address },
  });
  return { id: record.id, secret, csrf: csrfOf(secret), expires_at: record.expires_at };
}

/** A session that proved more gets a new secret: one that somebody else knew is worth nothing from then on. */
export async function renewSession(
  { clock, ids, audit }: IdentityDeps,
  trx: StoreTx,
  principal: Principal & { readonly session: string },
  { method, factorAt }: Required<Proven>,
): Promise<Pick<OpenedSession, 'secret' | 'csrf'>> {
  const secret = newSecret(ids);
  await updateSession(trx, principal.session, {
    hash: sha256(secret),
    method,
    factor_at: factorAt,
    seen_at: clock.now(),
  });
  await audit.append(trx, {
    actor: actorOf(principal),
    event: 'session.stepped_up',
    ids: { session_id: principal.session },
    payload: { method },
  });
  return { secret, csrf: csrfOf(secret) };
}

export interface SessionView {
  readonly id: string;
  readonly method: string;
  readonly client: string;
  readonly address: string;
  readonly created_at: string;
  readonly seen_at: string;
  readonly expires_at: string;
  /** Whether it is the one that asks. */
  readonly current: boolean;
}

/** The sessions of one person that are good still. */
export async function sessionsOf(
  { store, clock, sessions }: IdentityDeps,
  person_id: string,
  current?: string,
): Promise<SessionView[]> {
  const now = clock.now();
  const open = await openSessions(store, person_id, now);
  return open
    .filter(({ seen_at }) => seen_at > now - sessions.idle)
    .map(({ id, method, client, address, created_at, seen_at, expires_at }) => ({
      id,
      method,
      client,
      address,
      created_at: new Date(created_at).toISOString(),
      seen_at: new Date(seen_at).toISOString(),
      expires_at: new Date(Math.min(expires_at, seen_at + sessions.idle)).toISOString(),
      current: id === current,
    }));
}

export const ownSessions = (deps: IdentityDeps, principal: Principal): Promise<SessionView[]> =>
  sessionsOf(deps, requireSelf(principal, 'list its sessions'), principal.session);

/** Ends one of the caller's own sessions. Errors: `NOT_FOUND`, `FORBIDDEN`. */
export async function endOwnSession(deps: IdentityDeps, id: string, principal: Principal): Promise<void> {
  const person_id = requireSelf(principal, 'end its sessions');
  await deps.store.commit(async (trx) => {
    if (!(await endSession(trx, person_id, id, deps.clock.now())))
      throw new AgentError('NOT_FOUND', `You have no open session ${id}.`);
    await deps.audit.append(trx, {
      actor: actorOf(principal),
      event: id === principal.session ? 'session.ended' : 'session.revoked',
      ids: { session_id: id, person_id },
    });
  });
}

/** Ends all sessions of a person, whoever asks for it; answers how many. */
export async function endAllSessions(
  { audit, clock }: IdentityDeps,
  trx: StoreTx,
  person_id: string,
  by: Principal,
  except?: string,
): Promise<number> {
  const ended = await endSessionsOf(trx, person_id, clock.now(), except);
  if (ended > 0)
    await audit.append(trx, { actor: actorOf(by), event: 'session.revoked', ids: { person_id }, payload: { ended } });
  return ended;
}
