import { useStep } from '../../api/change_queries.ts';
import type { Change } from '../../api/change_types.ts';
import { useMe } from '../../api/queries.ts';
import { nameOf } from '../../parts/format.ts';
import { Ago } from '../../parts/time.tsx';
import { Part } from '../plan/part.tsx';
import { mayNotWork } from './may.ts';
import { Said } from './said.tsx';

/** What shows what was done; it can be added to after the end as well. */
export function Evidence({ change }: { change: Change }) {
  const { data: me } = useMe();
  const step = useStep(change.id);
  return (
    <Part title={`Evidence (${change.evidence.length})`}>
      <ul className="mb-2">
        {change.evidence.map(({ at, by, text }, index) => (
          <li key={`${index} ${text}`} className="break-words whitespace-pre-wrap">
            {nameOf(by)} <Ago at={at} />: {text}
          </li>
        ))}
      </ul>
      <Said
        of={change.id}
        label="Add evidence"
        button="Add it"
        step={step}
        path="evidence"
        disabledBecause={mayNotWork(me, change)}
        rows={2}
      />
    </Part>
  );
}
