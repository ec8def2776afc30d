import { findPerson, listTokens, type Actor } from '../store/index.ts';
import type { IdentityDeps } from './deps.ts';
import { grantsFor, roleOf, type Grants, type Role } from './grants.ts';

/**
 * What somebody who gave a word once may be in an environment now; undefined for nothing: the person is disabled or has
 * no rights there any more, the token was revoked. A token that has merely expired had its say while it was good.
 */
export async function roleNow(
  { store, bootstrapToken }: Pick<IdentityDeps, 'store' | 'bootstrapToken'>,
  { id, method }: Pick<Actor, 'id'> & { readonly method: string },
  environment: string,
): Promise<Role | undefined> {
  if (method === 'bootstrap-token') return bootstrapToken === undefined ? undefined : 'admin';
  const person = await findPerson(store, id);
  if (person !== undefined) return person.state === 'active' ? roleOf(person.grants as Grants, environment) : undefined;
  const token = (await listTokens(store)).find((one) => one.id === id);
  if (token === undefined || token.revoked_at !== null) return undefined;
  return roleOf(grantsFor(token.role as Role, token.environments), environment);
}
