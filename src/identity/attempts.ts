import { sha256 } from '../kernel/canonical.ts';
import { AgentError } from '../kernel/errors.ts';
import { dropAttempts, getAttempts, putAttempts, type StoreTx } from '../store/index.ts';
import type { IdentityDeps } from './deps.ts';
import type { Principal } from './principal.ts';

/** Failures that cost nothing; each further one doubles the wait. An address may be everybody behind a proxy. */
const FREE = { name: 5, address: 30 } as const;
const LONGEST_MS = { name: 15 * 60_000, address: 60_000 } as const;
const FORGET_MS = 24 * 3_600_000;

type Kind = keyof typeof FREE;
/** Where attempts come from; without an address they are counted by name alone, as those of who is inside already. */
interface Source {
  readonly address?: string;
  readonly via: Principal['via'];
}
interface Key {
  readonly kind: Kind;
  readonly key: string;
}

/** A network of IPv6 counts as one address: whoever has one has all of it. */
const network = (address: string): string => {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '');
  return plain.includes(':') ? plain.split(':').slice(0, 4).join(':') : plain;
};

/** What is counted of one attempt. The name is hashed: a password typed in its place must not stand in the database. */
const keysOf = (name: string | undefined, { address }: Source): Key[] => [
  ...(name === undefined ? [] : [{ kind: 'name' as const, key: `name:${sha256(name.toLowerCase())}` }]),
  ...(address === undefined ? [] : [{ kind: 'address' as const, key: `address:${network(address)}` }]),
];

/** Milliseconds to wait after so many failures. */
export const waitAfter = (kind: Kind, count: number): number =>
  count <= FREE[kind] ? 0 : Math.min(LONGEST_MS[kind], 1_000 * 2 ** Math.min(30, count - FREE[kind] - 1));

/**
 * Counts an attempt before it is looked at, so that many at once count as many. `settle` takes it back: what went well
 * ends the count of the name, what was neither right nor wrong leaves it as it was. Counted in the store, for all
 * replicas. Errors: `RATE_LIMITED` with the seconds to wait, the same for a name that there is not.
 */
export async function countAttempt(deps: IdentityDeps, name: string | undefined, place: Source): Promise<Attempt> {
  const keys = keysOf(name, place);
  const { store, clock } = deps;
  const refused = await store.commit(async (trx) => {
    const now = clock.now();
    const found = await Promise.all(keys.map(({ key }) => getAttempts(trx, key)));
    const until = Math.max(0, ...found.map((one) => one?.until ?? 0));
    if (until > now) return until - now;
    for (const [index, { kind, key }] of keys.entries()) {
      const before = found[index];
      const count = (before === undefined || before.last_at + FORGET_MS <= now ? 0 : before.count) + 1;
      await putAttempts(trx, { key, count, last_at: now, until: now + waitAfter(kind, count) }, now - FORGET_MS);
      if (count === FREE[kind] + 1) await auditLock(deps, trx, kind, place);
    }
    return 0;
  });
  if (refused > 0) throw tooMany(refused);
  return {
    succeeded: () => store.commit((trx) => giveBack(trx, keys, true)),
    undecided: () => store.commit((trx) => giveBack(trx, keys, false)),
  };
}

export interface Attempt {
  succeeded(): Promise<void>;
  undecided(): Promise<void>;
}

async function giveBack(trx: StoreTx, keys: readonly Key[], clear: boolean): Promise<void> {
  for (const { kind, key } of keys) {
    const before = await getAttempts(trx, key);
    if (before === undefined) continue;
    if ((clear && kind === 'name') || before.count <= 1) await dropAttempts(trx, key);
    else await putAttempts(trx, { ...before, count: before.count - 1, until: 0 }, 0);
  }
}

/** A sign-in that did not succeed. `by` is what was shown. */
export const noteFailed = (
  { store, audit }: IdentityDeps,
  person_id: string | undefined,
  { address, via }: Source,
  { event = 'auth.login.failed', by }: { readonly event?: string; readonly by: string },
): Promise<unknown> =>
  // A name that nobody has may be a password in the wrong field, so it is written nowhere.
  store.commit((trx) =>
    audit.append(trx, {
      actor: { id: 'nobody', class: 'system', via },
      event,
      ids: person_id === undefined ? {} : { person_id },
      payload: { by, address },
    }),
  );

const REFUSED_MS = 60_000;

/**
 * A token that was refused. Once a minute for each address: whoever has no token must not be able to fill the log.
 * Without an address nobody outside has sent it.
 */
export async function noteRefusedToken(
  { store, audit, clock }: IdentityDeps,
  { address, via }: Source,
  look: () => Promise<{ readonly why: string; readonly token_id?: string }>,
): Promise<void> {
  if (address === undefined) return;
  const key = `refused:${network(address)}`;
  const now = clock.now();
  if (((await getAttempts(store, key))?.last_at ?? 0) + REFUSED_MS > now) return;
  const { why, ...ids } = await look();
  await store.commit(async (trx) => {
    await putAttempts(trx, { key, count: 1, last_at: now, until: 0 }, now - FORGET_MS);
    const payload = { why, address };
    await audit.append(trx, {
      actor: { id: 'nobody', class: 'system', via },
      event: 'auth.token.refused',
      ids,
      payload,
    });
  });
}

const auditLock = ({ audit }: IdentityDeps, trx: StoreTx, kind: Kind, { address, via }: Source) =>
  audit.append(trx, {
    actor: { id: 'nobody', class: 'system', via },
    event: 'auth.locked',
    payload: { counted_by: kind, address, free: FREE[kind] },
  });

function tooMany(ms: number): AgentError {
  const seconds = Math.ceil(ms / 1000);
  return new AgentError('RATE_LIMITED', `Too many attempts that failed. Try again in ${seconds} seconds.`, {
    more: { retry_after: seconds },
  });
}
