import { AgentError } from '../../kernel/errors.ts';
import { actorOf, type Principal } from '../../identity/index.ts';
import type { ChangesDeps } from '../changes.ts';
import { findChangeAs } from './access.ts';
import { change, type ChangeView } from './records.ts';

/** A record is read whole each time; whatever is longer belongs into a file that the evidence names. */
const MOST_EVIDENCE = 500;

/**
 * Something that shows what was done or found; kept with who said it and when, also after the change has ended. Errors:
 * `NOT_FOUND`, `FORBIDDEN`, `CHANGE_STATE` when there is too much of it already.
 */
export async function addEvidence(
  deps: ChangesDeps,
  id: string,
  text: string,
  principal: Principal,
): Promise<ChangeView> {
  await findChangeAs(deps.store, id, principal, 'operator');
  return change(deps, id, principal, 'change.evidence', (record) => {
    if (record.evidence.length >= MOST_EVIDENCE)
      throw new AgentError(
        'CHANGE_STATE',
        `${id} has ${MOST_EVIDENCE} pieces of evidence; name a file in one of them.`,
      );
    return { ...record, evidence: [...record.evidence, { at: deps.clock.now(), by: actorOf(principal), text }] };
  });
}
