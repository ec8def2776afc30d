import { useState } from 'react';
import { useEnded, useOperations, useRequests } from '../../api/queries.ts';
import type { Check, Operation } from '../../api/types.ts';
import { Button } from '../../parts/button.tsx';
import { StateChip } from '../../parts/chip.tsx';
import { count } from '../../parts/format.ts';
import { Empty, Loaded, Panel, Section } from '../../parts/section.tsx';
import { Ago, Elapsed } from '../../parts/time.tsx';
import { planTitle } from '../plan/title.ts';
import { Outcome } from './outcome.tsx';
import { StepList } from './step_list.tsx';
import { errorText, hasEnded, stepsOf } from './steps.ts';

/** So many stand above the lab without pushing it out of sight. */
const SHOWN = 5;

/** Operations that have ended, newest first. */
export function FinishedOperations() {
  const query = useOperations();
  const [all, setAll] = useState(false);
  return (
    <Section id="finished" title="Finished">
      <Loaded query={query} what="the finished operations">
        {({ pages }) => {
          const ended = pages.flatMap((page) => page.operations).filter(hasEnded);
          if (ended.length === 0) return <Empty>No operation has ended yet.</Empty>;
          return (
            <Panel>
              <ul className="divide-y divide-line">
                {ended.slice(0, all ? undefined : SHOWN).map((operation) => (
                  <Row key={operation.operation_id} operation={operation} />
                ))}
              </ul>
              {(query.hasNextPage || (!all && ended.length > SHOWN)) && (
                <Button
                  look="quiet"
                  onClick={() => {
                    if (all || ended.length <= SHOWN) void query.fetchNextPage();
                    setAll(true);
                  }}
                >
                  Show older
                </Button>
              )}
            </Panel>
          );
        }}
      </Loaded>
    </Section>
  );
}

/** One line about the checks after the last step. */
function verdict(checks: readonly Check[] | null | undefined): string | undefined {
  if (checks === null || checks === undefined || checks.length === 0) return undefined;
  const failed = checks.filter(({ result }) => result === 'fail').length;
  return failed === 0
    ? `${count(checks.length, 'check')} passed`
    : `${failed} of ${count(checks.length, 'check')} failed`;
}

/** One line about what was taken back after a failure. */
function takenBack(compensation: Operation['compensation']): string | undefined {
  const entries = compensation ?? [];
  const undone = entries.filter(({ state }) => state === 'undone').length;
  const left = entries.filter(({ state }) => state === 'left' || state === 'failed').length;
  const parts = [
    undone === 0 ? '' : `${count(undone, 'step')} taken back`,
    left === 0 ? '' : `${count(left, 'step')} left as it is`,
  ];
  return parts.filter((part) => part !== '').join(', ') || undefined;
}

function Row({ operation: listed }: { operation: Operation }) {
  const [open, setOpen] = useState(false);
  const { data: operation = listed } = useEnded(listed.operation_id);
  const { data: plan } = useRequests(listed.plan_id);
  const { state, started_at, ended_at, verification, compensation } = operation;
  const back = takenBack(compensation);
  const error = errorText(operation.error);
  const title = plan === undefined ? (operation.effects?.[0]?.title ?? operation.operation_id) : planTitle(plan);
  return (
    <li>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary className="flex flex-wrap items-baseline gap-x-3 gap-y-0.5 px-3 py-2 hover:bg-sunken">
          <strong className="font-mono font-semibold break-words">{title}</strong>
          <StateChip state={state} />
          <span className="text-dim">
            <Ago at={ended_at ?? started_at} />
            {ended_at !== undefined && ended_at !== null && started_at !== undefined && started_at !== null && (
              <>
                {' '}
                · took <Elapsed from={started_at} to={ended_at} />
              </>
            )}
            {verdict(verification) !== undefined && ` · ${verdict(verification)}`}
            {back !== undefined && ` · ${back}`}
          </span>
          {error !== undefined && <span className="basis-full text-bad">{error}</span>}
        </summary>
        {open && (
          <div className="border-t border-line bg-sunken/50 px-3 py-3">
            <Details operation={operation} />
          </div>
        )}
      </details>
    </li>
  );
}

const Details = ({ operation }: { operation: Operation }) => (
  <div className="flex flex-col gap-3">
    <p className="font-mono text-xs break-all text-dim">{operation.operation_id}</p>
    <StepList steps={stepsOf(operation, undefined)} />
    <Outcome operation={operation} />
  </div>
);
