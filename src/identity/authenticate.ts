import { sha256 } from '../kernel/canonical.ts';
import { isAgentError } from '../kernel/errors.ts';
import {
  findPerson,
  listPasskeys,
  listTokens,
  touchToken,
  updateSession,
  validSession,
  validToken,
  type PersonRecord,
  type TokenRecord,
} from '../store/index.ts';
import { noteRefusedToken } from './attempts.ts';
import type { IdentityDeps } from './deps.ts';
import { environmentsOf, grantsFor, highest, meet, type Grants, type Role } from './grants.ts';
import { actorOf, type Principal, type PrincipalClass } from './principal.ts';
import { sameText, wellFormed } from './token_text.ts';

/** What a credential is used for: the way in, and the route for the audit of the bootstrap token. */
export interface Use {
  readonly via: Principal['via'];
  readonly what: string;
  /** Address of the other side; absent for what nobody has sent just now. */
  readonly address?: string;
  /** Only a look whether it is good still: that keeps no session alive, and is no use of a token. */
  readonly look?: boolean;
}

const TOUCH_MS = 60_000;

/** Who holds this token; undefined for nobody. `use` says what for: a bootstrap token's uses are all audited. */
export async function authenticate(deps: IdentityDeps, token: string, use: Use): Promise<Principal | undefined> {
  const { store, clock, bootstrapToken } = deps;
  if (bootstrapToken !== undefined && sameText(token, bootstrapToken.reveal())) return bootstrapPrincipal(deps, use);
  const now = clock.now();
  const found = wellFormed(token) ? await validToken(store, sha256(token), now) : undefined;
  const principal =
    found === undefined || found.person_id === null
      ? found && tokenPrincipal(found, use)
      : await ownedToken(deps, found, use);
  if (found === undefined || principal === undefined) {
    if (use.look !== true) await unlessFull(() => noteRefusedToken(deps, use, () => whyRefused(deps, token)));
    return undefined;
  }
  if (use.look !== true && (found.last_used_at ?? 0) + TOUCH_MS <= now)
    await unlessFull(() => store.commit((trx) => touchToken(trx, found.id, now)));
  return principal;
}

async function whyRefused({ store, clock }: IdentityDeps, token: string): Promise<{ why: string; token_id?: string }> {
  const hash = sha256(token);
  const found = (await listTokens(store)).find((one) => one.hash === hash);
  if (found === undefined) return { why: 'unknown' };
  const expired = (found.expires_at ?? Infinity) <= clock.now();
  return { why: found.revoked_at !== null ? 'revoked' : expired ? 'expired' : 'its person', token_id: found.id };
}

/** Whose session a cookie is; undefined for nobody's. */
export async function authenticateSession(
  deps: IdentityDeps,
  secret: string,
  use: Use,
): Promise<Principal | undefined> {
  const { store, clock, sessions } = deps;
  const now = clock.now();
  const session = await validSession(store, sha256(secret), { now, idleBefore: now - sessions.idle });
  if (session === undefined) return undefined;
  const person = await activePerson(deps, session.person_id);
  if (person === undefined) return undefined;
  if (use.look !== true && session.seen_at + TOUCH_MS <= now)
    await unlessFull(() => store.commit((trx) => updateSession(trx, session.id, { seen_at: now })));
  return {
    ...(await personPrincipal(deps, person, person.grants as Grants, use)),
    method: session.method,
    session: session.id,
    since: session.created_at,
    ...(session.factor_at === null ? {} : { factorAt: session.factor_at }),
  };
}

/**
 * Somebody who asked for something to be done later, with the rights of now; undefined for who has none any more: the
 * token is revoked or over, the person disabled.
 */
export async function stillKnown(deps: IdentityDeps, then: Principal): Promise<Principal | undefined> {
  const { store, clock, bootstrapToken } = deps;
  if (then.method === 'bootstrap-token') return bootstrapToken === undefined ? undefined : then;
  const use = { via: then.via, what: 'something scheduled' };
  const by = then.token ?? (then.person === undefined ? then.id : undefined);
  if (by === undefined) {
    const person = await activePerson(deps, then.person ?? '');
    if (person === undefined) return undefined;
    return { ...(await personPrincipal(deps, person, person.grants as Grants, use)), method: then.method };
  }
  const found = (await listTokens(store)).find(({ id }) => id === by);
  const over = found === undefined || found.revoked_at !== null || (found.expires_at ?? Infinity) <= clock.now();
  if (over) return undefined;
  return found.person_id === null ? tokenPrincipal(found, use) : ownedToken(deps, found, use);
}

/** When a credential was used, or refused, is good to know, and no reason to refuse a read on a full disk. */
async function unlessFull(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isAgentError(error, 'STORE_FAILED')) throw error;
  }
}

const tokenPrincipal = (token: TokenRecord, { via }: Use): Principal => ({
  id: token.id,
  name: token.name,
  class: token.class as PrincipalClass,
  role: token.role as Role,
  environments: token.environments,
  ...(token.actions === null ? {} : { actions: token.actions }),
  via,
  method: 'token',
});

/** A person's token reaches what the person reaches now and the token may; of class human it is the person. */
async function ownedToken(deps: IdentityDeps, token: TokenRecord, use: Use): Promise<Principal | undefined> {
  const person = await activePerson(deps, token.person_id ?? '');
  if (person === undefined) return undefined;
  const grants = meet(person.grants as Grants, grantsFor(token.role as Role, token.environments));
  const whose = await personPrincipal(deps, person, grants, use);
  const own = token.class === 'human' ? {} : { id: token.id, name: token.name, class: token.class as PrincipalClass };
  return {
    ...whose,
    ...own,
    token: token.id,
    ...(token.actions === null ? {} : { actions: token.actions }),
  };
}

async function activePerson({ store }: IdentityDeps, id: string): Promise<PersonRecord | undefined> {
  const person = await findPerson(store, id);
  return person?.state === 'active' ? person : undefined;
}

async function personPrincipal(
  deps: IdentityDeps,
  person: PersonRecord,
  grants: Grants,
  { via }: Use,
): Promise<Principal> {
  return {
    id: person.id,
    name: person.name,
    class: 'human',
    role: highest(grants) ?? 'viewer',
    environments: environmentsOf(grants),
    grants,
    via,
    method: 'token',
    person: person.id,
    enrolled: person.totp !== null || (await listPasskeys(deps.store, person.id)).length > 0,
  };
}

async function bootstrapPrincipal({ store, audit }: IdentityDeps, { via, what }: Use): Promise<Principal> {
  const principal: Principal = {
    id: 'bootstrap',
    name: 'bootstrap',
    class: 'human',
    role: 'admin',
    environments: null,
    via,
    method: 'bootstrap-token',
  };
  await store.commit((trx) =>
    audit.append(trx, { actor: actorOf(principal), event: 'auth.bootstrap_token.used', payload: { what } }),
  );
  return principal;
}
