import type { Grants, PersonRow, Token } from '../../api/people_types.ts';
import type { Me, Role } from '../../api/types.ts';

/*
 * Why something cannot be done with people and tokens, or undefined. This only explains buttons: the server decides,
 * and asks nobody here.
 */

type Why = string | undefined;

export const EVERYWHERE = '*';
export const placeName = (environment: string): string =>
  environment === EVERYWHERE ? 'all environments' : environment;

const grantsOf = ({ grants, environments, role }: Me): Grants =>
  grants ?? Object.fromEntries((environments ?? [EVERYWHERE]).map((name) => [name, role]));

/** Who is no admin anywhere, or no person, has nothing to look for on this page. */
export function mayNotAdminister(me: Me): Why {
  if (me.class !== 'human')
    return `Only a person looks after people and tokens; you are here with a token of class ${me.class}.`;
  if (me.role !== 'admin')
    return `Only an admin looks after people and tokens; your role is ${me.role}. Ask an admin for the role admin in an environment.`;
  if (me.actions !== undefined)
    return `This token may plan ${me.actions.join(', ')} only, so it does not look after people. Sign in as yourself.`;
  return undefined;
}

/** Why rights in one environment, or in all that are not named, are not the caller's to give and take. */
export function mayNotGrant(me: Me, environment: string): Why {
  const own = grantsOf(me);
  if (environment === EVERYWHERE) {
    const less = Object.entries(own).find(([, role]) => role !== 'admin')?.[0];
    if (own[EVERYWHERE] !== 'admin') return 'You are not admin in all environments.';
    return less === undefined ? undefined : `You are not admin in ${less}.`;
  }
  return (own[environment] ?? own[EVERYWHERE]) === 'admin' ? undefined : `You are not admin in ${environment}.`;
}

export const mayNotChange = (me: Me, person: PersonRow): Why =>
  me.person?.id === person.id
    ? 'This is you: nobody looks after their own rights. Ask another admin, or use your account above.'
    : undefined;

/** The roles that a choice came to: environments without a word are left out. */
export const chosen = (choices: Readonly<Record<string, Role | ''>>): Grants =>
  Object.fromEntries(Object.entries(choices).filter((entry): entry is [string, Role] => entry[1] !== ''));

const same = (a: Grants, b: Grants): boolean =>
  [...Object.keys(a), ...Object.keys(b)].every((name) => a[name] === b[name]);

export const whyNotSave = (me: Me, { name, grants }: PersonRow, wanted: Grants): Why =>
  same(wanted, grants)
    ? 'Nothing is changed yet.'
    : Object.keys(wanted).length === 0 && mayNotGrant(me, EVERYWHERE) !== undefined
      ? `Nobody but an admin of all environments looks after somebody without any rights: disable ${name} instead.`
      : undefined;

/** All environments first, then by name. */
export const inOrder = (grants: Grants): (readonly [string, Role])[] =>
  Object.entries(grants).toSorted(([a], [b]) => (a === EVERYWHERE ? -1 : b === EVERYWHERE ? 1 : a.localeCompare(b)));

export const isOver = ({ revoked_at, expires_at }: Token, now: number): boolean =>
  revoked_at !== null || (expires_at !== null && new Date(expires_at).getTime() <= now);

/** What a person can sign in with, in words. */
export const signsInWith = ({ password, totp, passkeys, issuer }: PersonRow): string[] => [
  ...(issuer === undefined ? [] : ['a provider']),
  ...(password ? ['password'] : []),
  ...(totp ? ['authenticator'] : []),
  ...(passkeys > 0 ? [passkeys === 1 ? '1 passkey' : `${passkeys} passkeys`] : []),
];

/** Patterns of actions as they are typed: divided by commas or spaces. */
export const patterns = (text: string): string[] => text.split(/[\s,]+/).filter((pattern) => pattern !== '');
