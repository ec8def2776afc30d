import { seededIds } from '../kernel/ids.ts';
import { DEFAULT_AUTH } from '../kernel/config_auth.ts';
import { createAudit } from '../record/index.ts';
import { loadKeys, type Store } from '../store/index.ts';
import { temporaryStore, type TemporaryStore } from '../store/testing.ts';
import type { IdentityDeps } from './deps.ts';

/** For tests: what the room needs, on a real store whose clock stands still. */
export function testIdentity(
  it: Pick<TemporaryStore, 'clock' | 'directory' | 'store'> = temporaryStore(),
  store: Store = it.store,
): IdentityDeps {
  const { clock } = it;
  const ids = seededIds('identity', clock);
  const keys = loadKeys(it.directory, ids);
  const audit = createAudit({ store, keys, clock });
  return { store, keys, audit, clock, ids, bootstrapToken: undefined, sessions: DEFAULT_AUTH.sessions, oidc: [] };
}
