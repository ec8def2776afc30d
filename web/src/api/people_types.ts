import type { Instant, OpenSession, Person, Role } from './types.ts';

/** What the HTTP API answers about people and tokens to who administers them. */

export type Grants = Readonly<Record<string, Role>>;

export interface PersonRow extends Person {
  readonly state: 'invited' | 'active' | 'disabled';
  readonly grants: Grants;
  readonly created_at: Instant;
  readonly login_at: Instant | null;
}

/** With the code of a link, which is shown once; none for who signs in elsewhere. */
export interface InvitedPerson extends PersonRow {
  readonly invitation?: { readonly code: string; readonly expires_at: Instant };
}

export type TokenClass = 'human' | 'service' | 'agent';

export interface Token {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly class: TokenClass;
  /** Null: all. */
  readonly environments: readonly string[] | null;
  readonly actions?: readonly string[];
  readonly created_at: Instant;
  readonly expires_at: Instant | null;
  readonly last_used_at: Instant | null;
  readonly revoked_at: Instant | null;
  readonly person_id?: string;
  readonly person?: string;
}

export interface MadeToken extends Token {
  readonly token: string;
}

export interface TokenRequest {
  readonly name: string;
  readonly role: Role;
  readonly class: TokenClass;
  readonly environments?: readonly string[];
  readonly actions?: readonly string[];
  readonly expires_in?: string;
}

export interface TheirSessions {
  readonly sessions: readonly OpenSession[];
}
