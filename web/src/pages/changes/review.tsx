import { useStep } from '../../api/change_queries.ts';
import type { Change } from '../../api/change_types.ts';
import { useMe } from '../../api/queries.ts';
import { nameOf } from '../../parts/format.ts';
import { Ago } from '../../parts/time.tsx';
import { Part } from '../plan/part.tsx';
import { mayNotDecide } from './may.ts';
import { Said } from './said.tsx';
import { Prose } from './words.tsx';

/** What was learned of an emergency; due within days of its end. */
export function Review({ change, review }: { change: Change; review: NonNullable<Change['review']> }) {
  const { data: me } = useMe();
  const step = useStep(change.id);
  const { done, due_at, overdue } = review;
  return (
    <Part title="Review of the emergency">
      {done !== undefined ? (
        <>
          <p className="text-dim">
            by {nameOf(done.by)} <Ago at={done.at} />
          </p>
          <Prose text={done.text} />
        </>
      ) : (
        <>
          <p className={overdue ? 'text-bad' : 'text-dim'}>
            {overdue ? 'Overdue: it was due ' : 'Due '}
            <Ago at={due_at} />.
          </p>
          <Said
            of={change.id}
            label="What was learned"
            button="Keep the review"
            step={step}
            path="review"
            disabledBecause={mayNotDecide(me, change)}
            rows={4}
          />
        </>
      )}
    </Part>
  );
}
