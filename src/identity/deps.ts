import type { Clock } from '../kernel/clock.ts';
import type { OidcProvider } from '../kernel/config_auth.ts';
import type { Ids } from '../kernel/ids.ts';
import type { Secret } from '../kernel/secret.ts';
import type { Audit } from '../record/index.ts';
import type { Keys, Store } from '../store/index.ts';

export interface IdentityDeps {
  readonly store: Store;
  readonly keys: Keys;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly bootstrapToken: Secret | undefined;
  /** How long a session lasts, in milliseconds: without use, and at the most. */
  readonly sessions: { readonly idle: number; readonly absolute: number };
  readonly oidc: readonly OidcProvider[];
}

/** Where a request came from and by which name it reached us; for records, limits and passkeys. */
export interface Place {
  /** Address of the other side. */
  readonly address: string;
  /** What the other side calls itself, for the list of sessions. */
  readonly client: string;
  readonly via: 'http' | 'cli' | 'web';
  /** Origin of the page, such as `https://lab.example`. */
  readonly origin: string;
}

/** A new secret text of 256 bits, for links, cookies and challenges. */
export const newSecret = (ids: Ids): string => Buffer.from(ids.bytes(32)).toString('base64url');
