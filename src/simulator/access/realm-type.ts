import { textOf } from '../core/text.ts';
import type { State } from '../state/types.ts';

/** The realm's type; undefined for a realm that is not there, of which users may exist all the same (FACTS 19). */
export const realmType = (state: State, realm: string): string | undefined => {
  const type = state.realms.get(realm)?.type;
  return type === undefined ? undefined : textOf(type);
};

/** Users and groups of such a realm are kept elsewhere and can be fetched. */
export const isDirectory = (type: string): boolean => type === 'ad' || type === 'ldap';
