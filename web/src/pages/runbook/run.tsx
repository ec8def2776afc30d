import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useApi } from '../../api/context.tsx';
import { useRun } from '../../api/queries.ts';
import type { Attempt, Run, RunStep } from '../../api/runbook_types.ts';
import { Button } from '../../parts/button.tsx';
import { StateChip } from '../../parts/chip.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { Facts } from '../../parts/facts.tsx';
import { nameOf } from '../../parts/format.ts';
import { ProblemNote } from '../../parts/problem_note.tsx';
import { Loaded } from '../../parts/section.tsx';
import { Ago } from '../../parts/time.tsx';
import { Act } from './act.tsx';
import { Control } from './control.tsx';
import { Progress } from './progress.tsx';
import { StepText } from './text.tsx';

/** A run with its steps; the one that it stands at is open and can be answered. */
export function RunDialog({ run_id, onClose }: { run_id: string; onClose: () => void }) {
  const query = useRun(run_id);
  return (
    <Dialog wide title={query.data?.title ?? 'Run'} onClose={onClose}>
      <Loaded query={query} what="the run">
        {(run) => <RunView run={run} />}
      </Loaded>
    </Dialog>
  );
}

function RunView({ run }: { run: Run }) {
  const { run_id, runbook, version, state, change_id, created_by, created_at, steps, steps_done, steps_total } = run;
  const open = state !== 'done' && state !== 'canceled';
  return (
    <div className="flex flex-col gap-4">
      <div>
        <StateChip state={state} />
        <Progress done={steps_done} total={steps_total} />
        <Facts
          facts={[
            ['Runbook', `${runbook}, version ${version}`],
            ['Change', change_id],
            [
              'Started',
              <span>
                by {nameOf(created_by)} <Ago at={created_at} />
              </span>,
            ],
            ...Object.entries(run.parameters).map(([name, value]) => [name, String(value)] as const),
            ['Run', <code className="font-mono text-xs break-all">{run_id}</code>],
          ]}
        />
      </div>
      <StepText text={run.introduction} />
      <ol className="flex flex-col gap-2">
        {steps.map((step) => (
          <Step key={step.number} run={run} step={step} current={open && step.number === run.current} />
        ))}
      </ol>
      {run.notes.length > 0 && (
        <ul>
          {run.notes.map(({ what, by, at, reason }) => (
            <li key={`${what} ${at}`}>
              {what} by {nameOf(by)} <Ago at={at} />
              {reason !== undefined && `: ${reason}`}
            </li>
          ))}
        </ul>
      )}
      <div className="flex flex-wrap items-start gap-3">
        <Report run_id={run_id} />
        {open && <Control run={run} />}
      </div>
    </div>
  );
}

function Step({ run, step, current }: { run: Run; step: RunStep; current: boolean }) {
  const { number, title, text, state, kind, attempts } = step;
  return (
    <li
      aria-current={current ? 'step' : undefined}
      className={`min-w-0 rounded-md border px-3 py-2 ${current ? 'border-accent-strong' : 'border-line'}`}
    >
      <details open={current}>
        <summary>
          <span className="font-medium">
            {number}. {title}
          </span>{' '}
          <span className="text-xs text-dim">{kind}</span> <StateChip state={state} />
        </summary>
        <div className="mt-2 flex flex-col gap-2">
          <StepText text={text} />
          {attempts.map((attempt, at) => (
            <AttemptLine key={at} attempt={attempt} />
          ))}
        </div>
      </details>
      {current && <Act key={`${run.state} ${state} ${attempts.length}`} run={run} step={step} />}
    </li>
  );
}

function AttemptLine({ attempt }: { attempt: Attempt }) {
  const { begun_by, ended_by, begun_at, ended_at, outcome, evidence, reason, plan_id } = attempt;
  return (
    <div className="border-l-2 border-line pl-2 text-dim">
      {outcome ?? 'begun'} by {nameOf(ended_by ?? begun_by)} <Ago at={ended_at ?? begun_at} />
      {plan_id !== undefined && (
        <>
          {' · '}
          <Link
            to="/"
            search={(old) => ({ ...old, plan: plan_id })}
            className="text-accent underline underline-offset-2"
          >
            plan
          </Link>
        </>
      )}
      {reason !== undefined && reason !== evidence && <p className="break-words text-bad">{reason}</p>}
      {evidence !== undefined && <p className="break-words text-text">{evidence}</p>}
    </div>
  );
}

/** The report as text to copy; the page asks for it with its token, so it cannot be a plain link. */
function Report({ run_id }: { run_id: string }) {
  const { client } = useApi();
  const [report, setReport] = useState<string>();
  const [error, setError] = useState<Error>();
  const read = async (): Promise<void> => {
    setError(undefined);
    try {
      setReport(await client.text(`/v1/runbook-runs/${encodeURIComponent(run_id)}/report`));
    } catch (thrown) {
      setError(thrown as Error);
    }
  };
  return (
    <div className="min-w-0">
      <Button onClick={() => void read()}>Report</Button>
      {error !== undefined && <ProblemNote error={error} what="the report could not be read" />}
      {report !== undefined && (
        <pre
          tabIndex={0}
          aria-label="Report"
          className="mt-2 max-h-96 overflow-auto rounded bg-sunken p-2 text-xs whitespace-pre-wrap"
        >
          {report}
        </pre>
      )}
    </div>
  );
}
