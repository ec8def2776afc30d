import { Link } from '@tanstack/react-router';
import { useOpenRuns, useRunbooks, useRuns } from '../../api/queries.ts';
import type { RunSummary } from '../../api/runbook_types.ts';
import { Button } from '../../parts/button.tsx';
import { StateChip } from '../../parts/chip.tsx';
import { nameOf } from '../../parts/format.ts';
import { Empty, Loaded, Panel, Section } from '../../parts/section.tsx';
import { Ago } from '../../parts/time.tsx';
import { Progress } from './progress.tsx';

/** Runs that can still go on; nothing while there are none. */
export function OpenRuns() {
  const runs = useOpenRuns().data?.pages.flatMap((page) => page.runs) ?? [];
  return runs.length === 0 ? null : (
    <Section id="runs" title="Runbooks under way">
      <RunRows runs={runs} />
    </Section>
  );
}

/** The runbooks that can be started, and all runs, the newest first. */
export function Runbooks() {
  const runs = useRuns();
  return (
    <Section id="runbooks" title="Runbooks" aside={<span className="text-dim">procedures, step by step</span>}>
      <div className="grid gap-5 xl:grid-cols-2">
        <Startable />
        <div className="min-w-0">
          <h3 className="mb-1.5 text-dim">Runs</h3>
          <Loaded query={{ ...runs, data: runs.data?.pages.flatMap((page) => page.runs) }} what="the runs">
            {(all) => (all.length === 0 ? <Empty>No runbook was started yet.</Empty> : <RunRows runs={all} />)}
          </Loaded>
          {runs.hasNextPage && (
            <div className="mt-2">
              <Button onClick={() => void runs.fetchNextPage()} busy={runs.isFetchingNextPage}>
                More runs
              </Button>
            </div>
          )}
        </div>
      </div>
    </Section>
  );
}

const RunRows = ({ runs }: { runs: readonly RunSummary[] }) => (
  <Panel>
    <ul className="divide-y divide-line">
      {runs.map((run) => (
        <RunRow key={run.run_id} run={run} />
      ))}
    </ul>
  </Panel>
);

function RunRow({ run }: { run: RunSummary }) {
  const { run_id, title, state, steps_done, steps_total, current, current_title, created_by, created_at, change_id } =
    run;
  return (
    <li className="px-3 py-2">
      <div className="flex flex-wrap items-center gap-x-2 gap-y-1">
        <Link to="/runbooks" search={{ run: run_id }} className="font-medium text-accent underline underline-offset-2">
          {title}
        </Link>
        <StateChip state={state} />
        {change_id !== undefined && <span className="font-mono text-xs text-dim">{change_id}</span>}
      </div>
      <Progress done={steps_done} total={steps_total} />
      <p className="text-dim">
        {current === undefined ? '' : `Step ${current}: ${current_title ?? ''} · `}
        {nameOf(created_by)} <Ago at={created_at} />
      </p>
    </li>
  );
}

function Startable() {
  const query = useRunbooks();
  return (
    <div className="min-w-0">
      <h3 className="mb-1.5 text-dim">To start</h3>
      <Loaded query={query} what="the runbooks">
        {({ runbooks }) =>
          runbooks.length === 0 ? (
            <Empty>There are no runbooks here.</Empty>
          ) : (
            <Panel>
              <ul className="divide-y divide-line">
                {runbooks.map(({ id, title, summary }) => (
                  <li key={id} className="px-3 py-2">
                    <Link
                      to="/runbooks"
                      search={{ runbook: id }}
                      className="font-medium text-accent underline underline-offset-2"
                    >
                      {title}
                    </Link>
                    <p className="text-dim">{summary}</p>
                  </li>
                ))}
              </ul>
            </Panel>
          )
        }
      </Loaded>
    </div>
  );
}
