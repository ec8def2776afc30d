import type { Change } from '../../../api/change_types.ts';
import { Button } from '../../../parts/button.tsx';
import { differing, draftOf, rebased, type Draft, type DraftKey } from './draft.ts';
import { LABELS } from './labels.ts';

interface ConflictProps {
  readonly base: Change;
  readonly draft: Draft;
  /** The change as it is now. */
  readonly theirs: Change;
  readonly onResolved: (draft: Draft) => void;
}

const names = (keys: readonly DraftKey[]): string => keys.map((key) => LABELS[key]).join(', ');
const shown = (value: Draft[DraftKey]): string => (typeof value === 'string' ? value : JSON.stringify(value, null, 1));

/** Somebody else has written meanwhile: what, and what is to become of one's own words. */
export function Conflict({ base, draft, theirs, onResolved }: ConflictProps) {
  const [before, now] = [draftOf(base), draftOf(theirs)];
  const changed = differing(before, now);
  const mine = new Set(differing(before, draft));
  const both = changed.filter((key) => mine.has(key) && shown(draft[key]) !== shown(now[key]));
  return (
    <div role="alert" className="rounded-md border border-warn bg-warn-soft px-3 py-2">
      <p className="font-medium">{theirs.id} was rewritten while you wrote. Nothing of yours is lost or saved yet.</p>
      <p>{changed.length === 0 ? 'It reads as before.' : `New there: ${names(changed)}.`}</p>
      {both.length > 0 && (
        <>
          <p>You both wrote: {names(both)}. It says there now:</p>
          <dl className="mt-1 max-w-3xl">
            {both.map((key) => (
              <div key={key} className="mb-1">
                <dt className="text-xs text-dim">{LABELS[key]}</dt>
                <dd className="break-words whitespace-pre-wrap">{shown(now[key])}</dd>
              </div>
            ))}
          </dl>
        </>
      )}
      <div className="mt-2 flex flex-wrap gap-2">
        <Button look="primary" onClick={() => onResolved(rebased(before, draft, now))}>
          Keep what I wrote, take the rest from there
        </Button>
        <Button onClick={() => onResolved(now)}>Take all from there</Button>
      </div>
    </div>
  );
}
