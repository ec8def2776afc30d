import { z } from 'zod';
import { sha256 } from '../kernel/canonical.ts';
import { AgentError } from '../kernel/errors.ts';
import {
  insertToken,
  listPeople,
  listTokens,
  revokeToken,
  type MadeNote,
  type StoreTx,
  type TokenRecord,
} from '../store/index.ts';
import type { IdentityDeps } from './deps.ts';
import { administers, covers, grantsFor, ROLES, type Role } from './grants.ts';
import { actionAllowed, actorOf, CLASSES, grantsOf, requirePerson, requireRole, type Principal } from './principal.ts';
import { plainText, requireOwnName } from './plain_text.ts';
import { newToken } from './token_text.ts';

export const tokenRequestSchema = z.strictObject({
  name: plainText(64).describe('What the token is for; shown in plans, approvals and the audit log.'),
  role: z.enum(ROLES).describe('What it may do at most.'),
  class: z.enum(CLASSES).describe('Who holds it: a person, a service or an agent. Only a person can approve.'),
  environments: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe('Environments that it is good for; all when left out.'),
  actions: z
    .array(z.string().regex(/^[a-z0-9_.*]{1,64}$/, 'must be such as vm.* or snapshot.create'))
    .min(1)
    .max(50)
    .optional()
    .describe('Patterns of the actions that it is held to, such as vm.*; all when left out.'),
  expires_in: z
    .string()
    .regex(/^[1-9]\d{0,3}[smhdw]$/, 'must be a number with s, m, h, d or w, such as 90d')
    .optional()
    .describe('How long it is good, such as 90d; for ever when left out.'),
});
export type TokenRequest = z.output<typeof tokenRequestSchema>;

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
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
  /** The person with whom it ends, and what that one is called. */
  readonly person_id?: string;
  readonly person?: string;
  readonly actions?: readonly string[];
}
/** With the token itself: the only time that it can be seen. */
export type MadeToken = TokenView & { readonly token: string };

function tokenView(record: TokenRecord): TokenView {
  const { id, name, role, class: kind, environments, person_id, actions, ...times } = record;
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
    ...(person_id === null ? {} : { person_id }),
    ...(actions === null ? {} : { actions }),
  };
}

/** Makes a token that stands for itself. Errors: `FORBIDDEN`. */
export async function createToken(
  deps: IdentityDeps,
  request: TokenRequest,
  principal: Principal,
  note?: MadeNote,
): Promise<MadeToken> {
  requireRole(principal, 'admin');
  requirePerson(principal, 'make tokens');
  const { environments } = request;
  if (!administers(grantsOf(principal), grantsFor(request.role, environments ?? null)))
    throw new AgentError(
      'FORBIDDEN',
      `${principal.name} has the role admin in ${administered(principal)} only, and gives no more: name them under environments.`,
      { errors: { environments: `must be among ${administered(principal)}` } },
    );
  const actions = requireOwnActions(principal, request.actions);
  return deps.store.commit(async (trx) => {
    await requireOwnName(trx, request.name, null);
    const made = await addToken(deps, trx, { ...request, actions }, principal);
    await note?.(trx, made.id);
    return made;
  });
}

/**
 * Makes a token of the caller's own: it ends with the person and never reaches further than the person does at the time
 * of its use. Errors: `FORBIDDEN` for who is no person of ours, and for more than the caller has.
 */
export async function createOwnToken(
  deps: IdentityDeps,
  request: TokenRequest,
  principal: Principal,
  note?: MadeNote,
): Promise<MadeToken> {
  const person_id = requireSelf(principal, 'make tokens of its own');
  if (!covers(grantsOf(principal), grantsFor(request.role, request.environments ?? null)))
    throw new AgentError('FORBIDDEN', `${principal.name} does not have the role ${request.role} in all of these.`, {
      errors: { role: 'must be what you have yourself in each environment; name fewer under environments' },
    });
  const actions = requireOwnActions(principal, request.actions);
  return deps.store.commit(async (trx) => {
    await requireOwnName(trx, request.name, person_id);
    const made = await addToken(deps, trx, { ...request, actions }, principal, person_id);
    await note?.(trx, made.id);
    return made;
  });
}

/** The caller's id as a person. Errors: `FORBIDDEN` for agents, services and tokens that stand for themselves. */
export function requireSelf(principal: Principal, what: string): string {
  requirePerson(principal, what);
  if (principal.person !== undefined) return principal.person;
  throw new AgentError(
    'FORBIDDEN',
    `${principal.name} is a token that stands for itself, not a person; sign in as a person to ${what}.`,
  );
}

const administered = (principal: Principal): string =>
  Object.entries(grantsOf(principal))
    .filter(([, role]) => role === 'admin')
    .map(([name]) => name)
    .join(', ');

/** What a restricted token makes is restricted as much. */
function requireOwnActions(
  { name, actions: own }: Principal,
  wanted: readonly string[] | undefined,
): string[] | undefined {
  const asked = wanted ?? own;
  const over = asked?.find((pattern) => !actionAllowed(own, pattern));
  if (over !== undefined)
    throw new AgentError('FORBIDDEN', `${name} may plan ${own?.join(', ')} only, and gives no more than that.`, {
      errors: { actions: `${over} is more than you have` },
    });
  return asked === undefined ? undefined : [...asked];
}

export async function addToken(
  { ids, clock, audit }: IdentityDeps,
  trx: StoreTx,
  request: TokenRequest,
  by: Principal,
  person_id: string | null = null,
): Promise<MadeToken> {
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
    person_id,
    actions: request.actions ?? null,
  };
  await insertToken(trx, record);
  const view = tokenView(record);
  await audit.append(trx, { actor: actorOf(by), event: 'token.created', ids: { token_id: record.id }, payload: view });
  return { ...view, token };
}

const reachOf = (token: TokenRecord) => grantsFor(token.role as Role, token.environments);

/** The tokens that the caller administers. */
export async function tokens(deps: IdentityDeps, principal: Principal): Promise<TokenView[]> {
  requireRole(principal, 'admin');
  const grants = grantsOf(principal);
  const names = new Map((await listPeople(deps.store)).map(({ id, name }) => [id, name]));
  return (await listTokens(deps.store))
    .filter((token) => administers(grants, reachOf(token)))
    .map((token) => {
      const person = names.get(token.person_id ?? '');
      return { ...tokenView(token), ...(person === undefined ? {} : { person }) };
    });
}

/** The caller's own, that still stand. */
export async function ownTokens(deps: IdentityDeps, principal: Principal): Promise<TokenView[]> {
  const person_id = requireSelf(principal, 'list its tokens');
  const all = await listTokens(deps.store);
  return all.filter((token) => token.person_id === person_id && token.revoked_at === null).map(tokenView);
}

/** One that the caller administers or has itself. Errors: `NOT_FOUND`. */
export async function viewToken(deps: IdentityDeps, id: string, principal: Principal): Promise<TokenView> {
  const found = (await listTokens(deps.store)).find((token) => token.id === id);
  const own = found !== undefined && found.person_id !== null && found.person_id === principal.person;
  if (found !== undefined && (own || administers(grantsOf(principal), reachOf(found)))) return tokenView(found);
  throw new AgentError('NOT_FOUND', `There is no token ${id}.`);
}

/** Revokes a token; who is not a person, only its own. Errors: `FORBIDDEN`, `NOT_FOUND`. */
export async function revoke(deps: IdentityDeps, id: string, principal: Principal): Promise<void> {
  requireRole(principal, 'admin');
  const found = (await listTokens(deps.store)).find((token) => token.id === id);
  // Not FORBIDDEN: who may not see a token does not learn that there is one.
  if (found !== undefined && !administers(grantsOf(principal), reachOf(found)))
    throw new AgentError('NOT_FOUND', `There is no token ${id}.`);
  // Without its people's tokens a lab has nobody left who can approve.
  if (found !== undefined && found.id !== (principal.token ?? principal.id) && principal.class !== 'human')
    throw new AgentError('FORBIDDEN', 'Only a person can revoke the tokens of others.');
  await end(deps, id, principal);
}

/** Revokes one of the caller's own. Errors: `FORBIDDEN`, `NOT_FOUND`. */
export async function revokeOwn(deps: IdentityDeps, id: string, principal: Principal): Promise<void> {
  const person_id = requireSelf(principal, 'revoke its tokens');
  const found = (await listTokens(deps.store)).find((token) => token.id === id);
  if (found?.person_id !== person_id) throw new AgentError('NOT_FOUND', `You have no token ${id}.`);
  await end(deps, id, principal);
}

const end = (deps: IdentityDeps, id: string, principal: Principal): Promise<void> =>
  deps.store.commit(async (trx) => {
    await revokeToken(trx, id, deps.clock.now());
    await deps.audit.append(trx, { actor: actorOf(principal), event: 'token.revoked', ids: { token_id: id } });
  });
