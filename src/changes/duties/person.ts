import type { Actor } from '../../store/index.ts';
import type { Decision, Obligation } from '../plan.ts';
import { ROLES, type Principal, type Role } from '../../identity/index.ts';

export const obligationOf = ({ obligations }: Decision, name: Obligation['obligation']): Obligation | undefined =>
  obligations.find(({ obligation }) => obligation === name);

export type Person = Pick<Actor, 'id' | 'class' | 'name'>;

/** A person with two tokens is one person: tokens are named after who holds them. */
export const samePerson = (a: Person, b: Person): boolean =>
  a.id === b.id || (a.class === 'human' && b.class === 'human' && a.name !== undefined && a.name === b.name);

/** For automation and the first set-up; every use of it is audited by itself. */
export const isBootstrap = ({ method }: Pick<Principal, 'method'>): boolean => method === 'bootstrap-token';

/** Of the role that an approval was given with; those of older versions were given by an approver. */
export const rankOf = (role = 'approver'): number => ROLES.indexOf(role as Role);
