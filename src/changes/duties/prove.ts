import { AgentError } from '../../kernel/errors.ts';
import type { Factor, Principal } from '../../identity/index.ts';
import { isBootstrap } from './person.ts';
import type { Factors } from './seams.ts';

/** A step-up older than this is not fresh. */
const FRESH_MS = 5 * 60_000;
export const SHORT_HASH = 8;

/** The first 8 digits of a hash: what a person types to say that it is this one. */
export const shortHash = (hash: string): string => hash.slice(0, SHORT_HASH);

export interface Proof {
  readonly factor?: Factor | undefined;
  readonly confirm?: string | undefined;
}

/** What an approval was given with. */
export interface Proven {
  /** How the second factor was shown; absent when none was. */
  readonly factor?: string;
  /** How the approver proved who it is, where that is more than the caller's own method. */
  readonly method?: string;
}

/** What is approved, and what that takes. */
export interface Approved {
  /** "plan's hash": what `hash` is called in words. */
  readonly mark: string;
  readonly hash: string;
  /** What a passkey has to have signed; the hash where that is of this one thing alone. */
  readonly bound?: string;
  readonly plan_id?: string;
  /** Why the approver needs a second factor and the beginning of the hash; undefined when not. */
  readonly own: string | undefined;
  /** Why everybody's approval needs a second factor; undefined when not. */
  readonly all: string | undefined;
}

/** Whether a second factor was shown a moment ago. */
export const isFresh = ({ factorAt }: Pick<Principal, 'factorAt'>, now: number): boolean =>
  factorAt !== undefined && now - factorAt <= FRESH_MS;

/** What `prove` would ask for now. */
export function neededOf({ own, all }: Approved, now: number, principal: Principal): readonly ('factor' | 'confirm')[] {
  if (isBootstrap(principal) || (own === undefined && all === undefined)) return [];
  return [
    ...(isFresh(principal, now) ? [] : (['factor'] as const)),
    ...(own === undefined ? [] : (['confirm'] as const)),
  ];
}

/**
 * What a person has to bring along with an approval; answers the second factor that was given. Errors:
 * `SECOND_FACTOR_REQUIRED` naming `factor` and `confirm`, `VALIDATION_FAILED` for a hash that is not this one, and what
 * checking the factor says.
 */
export async function prove(
  deps: { readonly factors: Factors; readonly clock: { now(): number } },
  approved: Approved,
  proof: Proof,
  principal: Principal,
): Promise<Proven> {
  const { hash, bound = hash, own, all } = approved;
  refuseOtherHash(approved, proof);
  if (isBootstrap(principal) && proof.factor === undefined) return {};
  // Before the factor is looked at: a code that was looked at is used up.
  if (own !== undefined && proof.confirm === undefined) throw unproven(approved, principal, proof);
  if (proof.factor !== undefined) {
    const { method } = await deps.factors.verify({ principal, plan_hash: bound, factor: proof.factor });
    return { factor: method, method };
  }
  if (isFresh(principal, deps.clock.now())) return { factor: 'step-up' };
  if (own !== undefined || all !== undefined) throw unproven(approved, principal, proof);
  return {};
}

const details = ({ plan_id }: Approved) => (plan_id === undefined ? {} : { plan_id });

function refuseOtherHash(approved: Approved, { confirm }: Proof): void {
  const { hash, mark } = approved;
  if (confirm === undefined || confirm.toLowerCase() === shortHash(hash)) return;
  throw new AgentError('VALIDATION_FAILED', `confirm is not the beginning of this ${mark}.`, {
    ...details(approved),
    errors: { confirm: `must be the first ${SHORT_HASH} digits of the ${mark} that is shown` },
  });
}

/** What is missing, by field. */
function unproven(approved: Approved, { enrolled }: Principal, proof: Proof): AgentError {
  const { mark, own, all } = approved;
  const errors = {
    ...(proof.factor === undefined ? { factor: 'is needed: the code of your authenticator, or your passkey' } : {}),
    ...(own !== undefined && proof.confirm === undefined
      ? { confirm: `is needed: the first ${SHORT_HASH} digits of the ${mark}` }
      : {}),
  };
  const nowhere =
    enrolled === true ? '' : ' No second factor is enrolled for this caller; enrol one, or let another person approve.';
  return new AgentError('SECOND_FACTOR_REQUIRED', (own ?? all ?? '') + nowhere, { ...details(approved), errors });
}
