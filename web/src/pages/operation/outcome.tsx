import type { Operation } from '../../api/types.ts';
import { StateChip } from '../../parts/chip.tsx';
import { Facts } from '../../parts/facts.tsx';
import { Checks } from '../plan/checks.tsx';
import { resultsOf } from './results.ts';

/** What came of it, what was checked at the end, and what was taken back after a failure. */
export function Outcome({ operation: { verification, compensation, results } }: { operation: Operation }) {
  const checks = verification ?? [];
  const undone = compensation ?? [];
  const found = resultsOf(results);
  return (
    <>
      {found.length > 0 && (
        <div>
          <h4 className="mb-1 text-dim">Result</h4>
          <Facts facts={found} />
        </div>
      )}
      {checks.length > 0 && (
        <div>
          <h4 className="mb-1 text-dim">Verification</h4>
          <Checks checks={checks} />
        </div>
      )}
      {undone.length > 0 && (
        <div>
          <h4 className="mb-1 text-dim">Taken back</h4>
          <ul className="flex flex-col gap-1">
            {undone.map(({ seq, title, state, why }) => (
              <li key={`${seq ?? ''} ${title}`} className="flex flex-wrap items-baseline gap-x-2">
                <StateChip state={state} />
                <span>{title}</span>
                {why !== undefined && why !== '' && <span className="text-dim">{why}</span>}
              </li>
            ))}
          </ul>
        </div>
      )}
    </>
  );
}
