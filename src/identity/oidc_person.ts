import type { OidcProvider } from '../kernel/config_auth.ts';
import {
  findPersonNamed,
  findPersonOf,
  insertPerson,
  updatePerson,
  type PersonRecord,
  type StoreTx,
} from '../store/index.ts';
import type { IdentityDeps, Place } from './deps.ts';
import type { Grants } from './grants.ts';
import { newPerson } from './people.ts';

/** What a provider says of somebody; issuer and subject together say who it is. */
export type Claims = Readonly<Record<string, unknown>> & { readonly iss: string; readonly sub: string };

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value.trim() !== '' ? value.trim().slice(0, 100) : undefined;

/** Names of people of a provider carry its name, so that none can ever be the name of somebody who is known here. */
function nameOf({ name }: OidcProvider, claims: Claims, number: number): string {
  const said = textOf(claims['preferred_username']) ?? textOf(claims['email'])?.split('@')[0] ?? claims.sub;
  const plain = said
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]/g, '-')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, 32);
  return `${plain === '' ? 'somebody' : plain}${number === 1 ? '' : `-${number}`}@${name}`;
}

/** The person behind the claims, made at the first sign-in; its grants are what the provider says now. */
export async function personFrom(
  deps: IdentityDeps,
  trx: StoreTx,
  provider: OidcProvider,
  claims: Claims,
  grants: Grants,
  { via }: Place,
): Promise<PersonRecord> {
  const { iss: issuer, sub: subject } = claims;
  const found = await findPersonOf(trx, issuer, subject);
  if (found !== undefined) {
    const changed = JSON.stringify(found.grants) !== JSON.stringify(grants);
    await updatePerson(trx, found.id, { grants });
    if (changed) await note(deps, trx, found, via, 'person.granted', { before: found.grants, after: grants });
    return found;
  }
  for (let number = 1; ; number++) {
    const name = nameOf(provider, claims, number);
    if ((await findPersonNamed(trx, name)) !== undefined) continue;
    const display = textOf(claims['name']) ?? name;
    const person = newPerson(deps, { name, display, state: 'active', grants, issuer, subject });
    await insertPerson(trx, person);
    await note(deps, trx, person, via, 'person.created', { by: 'oidc', provider: provider.name, grants });
    return person;
  }
}

const note = (
  { audit }: IdentityDeps,
  trx: StoreTx,
  { id, name }: PersonRecord,
  via: Place['via'],
  event: string,
  payload: object,
) => audit.append(trx, { actor: { id, name, class: 'human', via }, event, ids: { person_id: id }, payload });
