import { timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { sha256 } from '../kernel/canonical.ts';
import type { Clock } from '../kernel/clock.ts';
import { AgentError, isAgentError } from '../kernel/errors.ts';
import type { Ids } from '../kernel/ids.ts';
import type { Secret } from '../kernel/secret.ts';
import type { Audit } from '../record/index.ts';
import {
  insertOwnerLink,
  insertToken,
  listTokens,
  revokeToken,
  touchToken,
  useOwnerLink,
  validToken,
  type Store,
  type StoreTx,
  type TokenRecord,
} from '../store/index.ts';
import { actorOf, CLASSES, requireRole, ROLES, type Principal, type PrincipalClass, type Role } from './principal.ts';

export interface IdentityDeps {
  readonly store: Store;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly bootstrapToken: Secret | undefined;
}

export const tokenRequestSchema = z.strictObject({
  name: z.string().min(1).max(64).describe('What the token is for; shown in plans, approvals and the audit log.'),
  role: z.enum(ROLES).describe('What it may do at most.'),
  class: z.enum(CLASSES).describe('Who holds it: a person, a service or an agent. Only a person can approve.'),
  environments: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe('Environments that it is good for; all when left out.'),
  expires_in: z
    .string()
    .regex(/^[1-9]\d{0,3}[smhdw]$/, 'must be a number with s, m, h, d or w, such as 90d')
    .optional()
    .describe('How long it is good, such as 90d; for ever when left out.'),
});
export type TokenRequest = z.output<typeof tokenRequestSchema>;

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
const OWNER_LINK_MS = 24 * 3_600_000;
const TOUCH_MS = 60_000;
const SHAPE = /^pxa_[0-9A-Za-z]{40}[0-9a-f]{8}$/;
const LETTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** `pxa_`, 40 random letters (238 bits) and a checksum, so that scanners and typing mistakes are recognised. */
function newToken(ids: Ids): string {
  const letters: string[] = [];
  while (letters.length < 40)
    for (const byte of ids.bytes(64)) if (byte < 248 && letters.length < 40) letters.push(LETTERS[byte % 62] ?? '');
  const body = letters.join('');
  return `pxa_${body}${checksum(body)}`;
}
const checksum = (body: string): string => crc32(body).toString(16).padStart(8, '0');
const wellFormed = (token: string): boolean => SHAPE.test(token) && checksum(token.slice(4, 44)) === token.slice(44);

/** Who holds this token; undefined for nobody. `use` says what for: a bootstrap token's uses are all audited. */
export async function authenticate(
  deps: IdentityDeps,
  token: string,
  use: { readonly via: Principal['via']; readonly what: string },
): Promise<Principal | undefined> {
  const { store, clock, bootstrapToken } = deps;
  if (bootstrapToken !== undefined && sameText(token, bootstrapToken.reveal())) return bootstrapPrincipal(deps, use);
  if (!wellFormed(token)) return undefined;
  const now = clock.now();
  const found = await validToken(store, sha256(token), now);
  if (found === undefined) return undefined;
  if ((found.last_used_at ?? 0) + TOUCH_MS <= now) await touch(store, found.id, now);
  return {
    id: found.id,
    name: found.name,
    class: found.class as PrincipalClass,
    role: found.role as Role,
    environments: found.environments,
    via: use.via,
    method: 'token',
  };
}

/** Somebody who asked for something to be done later, with the rights of now; undefined for one without any. */
export async function stillKnown(
  { store, clock, bootstrapToken }: IdentityDeps,
  then: Principal,
): Promise<Principal | undefined> {
  if (then.method === 'bootstrap-token') return bootstrapToken === undefined ? undefined : then;
  const now = clock.now();
  const found = (await listTokens(store)).find(({ id }) => id === then.id);
  if (found === undefined || found.revoked_at !== null || (found.expires_at ?? Infinity) <= now) return undefined;
  return { ...then, role: found.role as Role, class: found.class as PrincipalClass, environments: found.environments };
}

/** When a token was last used is good to know, and no reason to refuse a read on a full disk. */
async function touch(store: Store, id: string, now: number): Promise<void> {
  try {
    await store.commit((trx) => touchToken(trx, id, now));
  } catch (error) {
    if (!isAgentError(error, 'STORE_FAILED')) throw error;
  }
}

async function bootstrapPrincipal(
  { store, audit }: IdentityDeps,
  { via, what }: { readonly via: Principal['via']; readonly what: string },
): Promise<Principal> {
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

/** Compares hashes in constant time, so that neither content nor length tells itself by the time it takes. */
const sameText = (a: string, b: string): boolean => timingSafeEqual(Buffer.from(sha256(a)), Buffer.from(sha256(b)));

/** Makes a token and answers it: the only time that it can be seen. Errors: `FORBIDDEN`. */
export async function createToken(
  deps: IdentityDeps,
  request: TokenRequest,
  principal: Principal,
): Promise<TokenView & { readonly token: string }> {
  requireRole(principal, 'admin');
  if (principal.class !== 'human') throw new AgentError('FORBIDDEN', 'Only a person can make tokens.');
  if (!within(principal, request.environments ?? null))
    throw new AgentError(
      'FORBIDDEN',
      `${principal.name} has rights in ${principal.environments?.join(', ')} only, and gives no more: name them under environments.`,
      { errors: { environments: `must be among ${principal.environments?.join(', ')}` } },
    );
  return deps.store.commit((trx) => addToken(deps, trx, request, principal));
}

/** Whether all that a token reaches is the caller's as well; null reaches everything. */
const within = ({ environments: own }: Principal, environments: readonly string[] | null): boolean =>
  own === null || (environments !== null && environments.every((name) => own.includes(name)));

async function addToken(
  deps: IdentityDeps,
  trx: StoreTx,
  request: TokenRequest,
  by: Principal,
): Promise<TokenView & { readonly token: string }> {
  const { ids, clock, audit } = deps;
  const token = newToken(ids);
  const now = clock.now();
  const record: TokenRecord = {
    id: ids.uuid(),
    name: request.name,
    hash: sha256(token),
    role: request.role,
    class: request.class,
    environments: request.environments ?? null,
    created_at: now,
    expires_at: request.expires_in === undefined ? null : now + duration(request.expires_in),
    last_used_at: null,
    revoked_at: null,
  };
  await insertToken(trx, record);
  const view = tokenView(record);
  await audit.append(trx, { actor: actorOf(by), event: 'token.created', ids: { token_id: record.id }, payload: view });
  return { ...view, token };
}

const duration = (text: string): number => Number(text.slice(0, -1)) * (UNIT_MS[text.slice(-1)] ?? 0);

export interface TokenView {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly class: string;
  readonly environments: readonly string[] | null;
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly last_used_at: string | null;
  readonly revoked_at: string | null;
}

function tokenView({ id, name, role, class: kind, environments, ...times }: TokenRecord): TokenView {
  const time = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
  return {
    id,
    name,
    role,
    class: kind,
    environments,
    created_at: new Date(times.created_at).toISOString(),
    expires_at: time(times.expires_at),
    last_used_at: time(times.last_used_at),
    revoked_at: time(times.revoked_at),
  };
}

export async function tokens(deps: IdentityDeps, principal: Principal): Promise<TokenView[]> {
  requireRole(principal, 'admin');
  return (await listTokens(deps.store)).filter(({ environments }) => within(principal, environments)).map(tokenView);
}

/** Revokes a token; who is not a person, only its own. Errors: `FORBIDDEN`, `NOT_FOUND`. */
export async function revoke(deps: IdentityDeps, id: string, principal: Principal): Promise<void> {
  requireRole(principal, 'admin');
  const found = (await listTokens(deps.store)).find((token) => token.id === id);
  // Not FORBIDDEN: who may not see a token does not learn that there is one.
  if (found !== undefined && !within(principal, found.environments))
    throw new AgentError('NOT_FOUND', `There is no token ${id}.`);
  // Without its people's tokens a lab has nobody left who can approve.
  if (found !== undefined && found.id !== principal.id && principal.class !== 'human')
    throw new AgentError('FORBIDDEN', 'Only a person can revoke the tokens of others.');
  await deps.store.commit(async (trx) => {
    await revokeToken(trx, id, deps.clock.now());
    await deps.audit.append(trx, { actor: actorOf(principal), event: 'token.revoked', ids: { token_id: id } });
  });
}

const hasOwner = (all: readonly TokenRecord[]): boolean =>
  all.some(({ role, class: kind, revoked_at }) => role === 'admin' && kind === 'human' && revoked_at === null);

/** A code that makes the owner once, within a day; undefined when there is an owner (any admin's token) already. */
export async function ownerCode(deps: IdentityDeps): Promise<string | undefined> {
  const { store, clock, ids } = deps;
  if (hasOwner(await listTokens(store))) return undefined;
  const code = Buffer.from(ids.bytes(24)).toString('base64url');
  const now = clock.now();
  await store.commit((trx) => insertOwnerLink(trx, sha256(code), now, now + OWNER_LINK_MS));
  return code;
}

/** Uses the link. Errors: `UNAUTHENTICATED` when it was used, has expired or never was. */
export async function becomeOwner(deps: IdentityDeps, code: string): Promise<TokenView & { readonly token: string }> {
  const owner: Principal = {
    id: 'owner',
    name: 'owner',
    class: 'human',
    role: 'admin',
    environments: null,
    via: 'web',
    method: 'owner-link',
  };
  return deps.store.commit(async (trx) => {
    // Each start prints a link of its own until there is an owner; the first that is used ends them all.
    if (!(await useOwnerLink(trx, sha256(code), deps.clock.now())) || hasOwner(await listTokens(trx))) {
      throw new AgentError(
        'UNAUTHENTICATED',
        'This link was used already or has expired. Stop the server, start it again, and it prints a new one as long as there is no owner.',
      );
    }
    return addToken(deps, trx, { name: 'owner', role: 'admin', class: 'human' }, owner);
  });
}
