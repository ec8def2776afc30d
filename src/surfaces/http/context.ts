import type {
  ChangesDeps,
  IdentityDeps,
  PolicyBook,
  Principal,
  RunbookDeps,
  SecretStore,
} from '../../changes/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Ids } from '../../kernel/ids.ts';
import type { Logger } from '../../kernel/log.ts';
import type { Engine } from '../../operations/index.ts';
import type { Metrics } from '../../record/index.ts';
import type { Audit, Events } from '../../record/index.ts';
import type { Estate } from '../../estate/index.ts';
import type { Store } from '../../store/index.ts';

/** What the routes are handed by the composition root. */
export interface HttpDeps {
  readonly store: Store;
  readonly audit: Audit;
  readonly events: Events;
  readonly metrics: Metrics;
  readonly estate: Estate;
  readonly engine: Engine;
  readonly changes: ChangesDeps;
  readonly runbooks: RunbookDeps;
  readonly secrets: SecretStore;
  readonly policy: PolicyBook;
  readonly identity: IdentityDeps;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Logger;
  readonly version: string;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by authentication on every route but the public ones. */
    principal: Principal | undefined;
  }
  interface FastifyContextConfig {
    /** Who may call this route; a route without a rule does not start. */
    rule?: Rule;
  }
}

/** `public` needs no token; any other names the least role. What an environment allows is checked by the rooms. */
export type Rule = 'public' | 'viewer' | 'operator' | 'approver' | 'admin';
