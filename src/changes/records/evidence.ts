import { AgentError } from '../../kernel/errors.ts';
import { actorOf, type Principal } from '../../identity/index.ts';
import type { MadeNote } from '../../store/index.ts';
import type { ChangesDeps } from '../changes.ts';
import { findChangeAs } from './access.ts';
import type { ChangeRecord } from './record.ts';
import { changeIn, viewChange, type ChangeView } from './records.ts';

/** A record is read whole each time; whatever is longer belongs into a file that the evidence names. */
const MOST_EVIDENCE = 500;

/**
 * Something that shows what was done or found; kept with who said it and when, also after the change has ended. `note`
 * gets the id of the change. Errors: `NOT_FOUND`, `FORBIDDEN`, `CHANGE_STATE` when there is too much of it already.
 */
export async function addEvidence(
  deps: ChangesDeps,
  id: string,
  text: string,
  principal: Principal,
  note?: MadeNote,
): Promise<ChangeView> {
  await findChangeAs(deps.store, id, principal, 'operator');
  const step = (record: ChangeRecord): ChangeRecord => {
    if (record.evidence.length >= MOST_EVIDENCE)
      throw new AgentError(
        'CHANGE_STATE',
        `${id} has ${MOST_EVIDENCE} pieces of evidence; name a file in one of them.`,
      );
    return { ...record, evidence: [...record.evidence, { at: deps.clock.now(), by: actorOf(principal), text }] };
  };
  await deps.store.commit(async (trx) => {
    await changeIn(deps, trx, { id, event: 'change.evidence', step }, principal);
    await note?.(trx, id);
  });
  return viewChange(deps, id, principal);
}
