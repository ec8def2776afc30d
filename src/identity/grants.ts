import { z } from 'zod';

export const ROLES = ['viewer', 'operator', 'approver', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** Role by environment; `*` is every environment that is not named itself. */
export type Grants = Readonly<Record<string, Role>>;

export const EVERYWHERE = '*';
export const grantsSchema = z
  .record(z.string().regex(/^(\*|[a-z][a-z0-9-]{0,31})$/, 'must be the name of an environment or *'), z.enum(ROLES))
  .describe('Role by environment, such as {"home": "approver", "*": "viewer"}; * is every one that is not named.');

export const rank = (role: Role): number => ROLES.indexOf(role);
export const atLeast = (held: Role | undefined, role: Role): boolean => held !== undefined && rank(held) >= rank(role);
const higher = (a: Role | undefined, b: Role | undefined): Role | undefined =>
  a === undefined || (b !== undefined && rank(b) > rank(a)) ? b : a;
const lower = (a: Role, b: Role): Role => (rank(a) < rank(b) ? a : b);

/** A grant that names the environment counts instead of `*`, so that one can be held lower or higher. */
export const roleOf = (grants: Grants, environment: string): Role | undefined =>
  Object.hasOwn(grants, environment)
    ? grants[environment]
    : Object.hasOwn(grants, EVERYWHERE)
      ? grants[EVERYWHERE]
      : undefined;

export const highest = (grants: Grants): Role | undefined =>
  Object.values(grants).reduce<Role | undefined>((held, role) => higher(held, role), undefined);

/** Null for grants that reach all environments. */
export const environmentsOf = (grants: Grants): readonly string[] | null =>
  Object.hasOwn(grants, EVERYWHERE) ? null : Object.keys(grants);

/** The same role in each of `environments`; null is all of them. */
export const grantsFor = (role: Role, environments: readonly string[] | null): Grants =>
  Object.fromEntries((environments ?? [EVERYWHERE]).map((name) => [name, role]));

const names = (...all: readonly Grants[]): string[] => [...new Set(all.flatMap((grants) => Object.keys(grants)))];

/** All that any of them gives. */
export const union = (all: readonly Grants[]): Grants =>
  Object.fromEntries(
    names(...all).flatMap((name) => {
      const role = all.map((grants) => roleOf(grants, name)).reduce<Role | undefined>(higher, undefined);
      return role === undefined ? [] : [[name, role]];
    }),
  );

/** What both give: nothing more than either. */
export const meet = (a: Grants, b: Grants): Grants =>
  Object.fromEntries(
    names(a, b).flatMap((name) => {
      const [one, other] = [roleOf(a, name), roleOf(b, name)];
      return one === undefined || other === undefined ? [] : [[name, lower(one, other)]];
    }),
  );

/** Whether `inner` gives nothing that `outer` does not. */
export const covers = (outer: Grants, inner: Grants): boolean =>
  names(outer, inner).every((name) => {
    const role = roleOf(inner, name);
    return role === undefined || atLeast(roleOf(outer, name), role);
  });

/** Whether whoever has `outer` is admin wherever `inner` gives anything, and so may give it or take it. */
export const administers = (outer: Grants, inner: Grants): boolean =>
  names(outer, inner).every((name) => roleOf(inner, name) === undefined || roleOf(outer, name) === 'admin');
