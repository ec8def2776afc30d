import { Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { useChangeMetrics, useChanges, useOverdueReviews } from '../../api/change_queries.ts';
import type { Change, ChangeMetrics } from '../../api/change_types.ts';
import { useMe } from '../../api/queries.ts';
import { Button } from '../../parts/button.tsx';
import { count, duration, nameOf, percent, words } from '../../parts/format.ts';
import { Empty, Loaded, Panel, Section } from '../../parts/section.tsx';
import { Ago } from '../../parts/time.tsx';
import { mayNotPropose } from '../rights.ts';
import { ChangeChips } from './chips.tsx';
import { ImportChange } from './import.tsx';

const STATUSES = ['planned', 'approved', 'in_progress', 'paused', 'completed', 'rolled_back', 'rejected'];

/** Changes that wait for a review first, then all of them, newest first. */
export function ChangeList({ onOpen }: { onOpen: (id: string) => void }) {
  const [status, setStatus] = useState('');
  const query = useChanges(status);
  const overdue = useOverdueReviews().data?.changes ?? [];
  return (
    <Section
      id="changes"
      title="Changes"
      aside={
        <>
          <WriteLink />
          <select aria-label="Status of the changes" value={status} onChange={(event) => setStatus(event.target.value)}>
            <option value="">all</option>
            {STATUSES.map((one) => (
              <option key={one} value={one}>
                {words(one)}
              </option>
            ))}
          </select>
        </>
      }
    >
      <Metrics />
      <Loaded query={query} what="the changes">
        {({ pages }) => (
          <Rows
            changes={sorted(
              pages.flatMap(({ changes }) => changes),
              overdue,
              status,
            )}
            none={
              status === ''
                ? 'There is no change yet. Write one, or import a document below.'
                : `No change is ${words(status)}.`
            }
          />
        )}
      </Loaded>
      {query.hasNextPage && (
        <Button look="quiet" onClick={() => void query.fetchNextPage()}>
          Show more
        </Button>
      )}
      <ImportChange onTaken={onOpen} />
    </Section>
  );
}

function sorted(changes: readonly Change[], overdue: readonly Change[], status: string): readonly Change[] {
  const first = overdue.filter((change) => status === '' || change.status === status);
  const late = new Set(first.map(({ id }) => id));
  return [...first, ...changes.filter(({ id }) => !late.has(id))];
}

function Rows({ changes, none }: { changes: readonly Change[]; none: string }) {
  if (changes.length === 0) return <Empty>{none}</Empty>;
  return (
    <Panel>
      <ul className="divide-y divide-line" aria-label="Changes">
        {changes.map((change) => (
          <li key={change.id} className="flex flex-wrap items-baseline gap-x-4 gap-y-1 px-3 py-2">
            <div className="min-w-0 flex-1 basis-64">
              <Link to="/changes" search={{ change: change.id }} className="font-semibold text-accent hover:underline">
                <span className="font-mono">{change.id}</span> {change.title}
              </Link>
              <p className="text-dim">
                {change.environments.length === 0 ? 'all environments' : change.environments.join(', ')} · by{' '}
                {nameOf(change.created_by)} <Ago at={change.created_at} />
                {change.status_note !== '' && ` · ${change.status_note}`}
              </p>
            </div>
            <ChangeChips change={change} />
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function WriteLink() {
  const navigate = useNavigate();
  const { data: me } = useMe();
  return (
    <Button
      look="primary"
      disabledBecause={mayNotPropose(me)}
      onClick={() => void navigate({ to: '/changes', search: { change: 'new' } })}
    >
      Write a new change
    </Button>
  );
}

function Metrics() {
  const { data } = useChangeMetrics();
  if (data === undefined || data.total === 0) return null;
  return (
    <p className="mb-2 text-dim" aria-label="Figures of the changes" role="note">
      {metricsWords(data).join(' · ')}
    </p>
  );
}

const metricsWords = (metrics: ChangeMetrics): string[] => [
  `${count(metrics.total, 'change')}, ${metrics.ended} ended`,
  ...(metrics.failure_rate === null ? [] : [`${percent(metrics.failure_rate)} rolled back`]),
  ...(metrics.lead_time_seconds === null ? [] : [`lead time ${duration(metrics.lead_time_seconds)}`]),
  ...(metrics.emergency_share === null ? [] : [`${percent(metrics.emergency_share)} emergencies`]),
  ...(metrics.time_to_restore_seconds === null ? [] : [`restored in ${duration(metrics.time_to_restore_seconds)}`]),
  ...(metrics.reviews_overdue === 0 ? [] : [`${count(metrics.reviews_overdue, 'review')} overdue`]),
];
