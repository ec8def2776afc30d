import type { ChangesDeps, PolicyBook } from '../../changes/index.ts';
import type { IdentityDeps, Principal } from '../../identity/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Ids } from '../../kernel/ids.ts';
import type { Logger } from '../../kernel/log.ts';
import type { Engine } from '../../operations/index.ts';
import type { Metrics } from '../../record/index.ts';
import type { Audit, Events } from '../../record/index.ts';
import type { Estate } from '../../estate/index.ts';
import type { Store } from '../../store/index.ts';
import type { AccessRow, Rule } from './access.ts';

/** What the routes are handed by the composition root. */
export interface HttpDeps {
  readonly store: Store;
  readonly audit: Audit;
  readonly events: Events;
  readonly metrics: Metrics;
  readonly estate: Estate;
  readonly engine: Engine;
  readonly changes: ChangesDeps;
  readonly policy: PolicyBook;
  readonly identity: IdentityDeps;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Logger;
  readonly version: string;
  /** Where browsers reach us, when that is not what they say themselves. */
  readonly publicUrl: string | undefined;
  readonly trustedProxies: readonly string[];
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Every route with its rule. */
    accessTable: readonly AccessRow[];
  }
  interface FastifyRequest {
    /** Set by authentication on every route but the public ones. */
    principal: Principal | undefined;
  }
  interface FastifyContextConfig {
    /** Who may call this route; a route without a rule does not start. */
    rule?: Rule | 'public';
  }
}
