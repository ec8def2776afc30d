import { useNavigate, useSearch } from '@tanstack/react-router';
import { Runbooks } from './list.tsx';
import { RunDialog } from './run.tsx';
import { StartDialog } from './start.tsx';

/** Runbooks and their runs, and over them what the address names: one to be started, or a run. */
export function RunbooksPage() {
  const { runbook, run } = useSearch({ from: '__root__' });
  const navigate = useNavigate();
  const go = (next: { run?: string }): void => void navigate({ to: '/runbooks', search: next });
  return (
    <>
      <Runbooks />
      {run !== undefined && <RunDialog key={run} run_id={run} onClose={() => go({})} />}
      {run === undefined && runbook !== undefined && (
        <StartDialog id={runbook} onClose={() => go({})} onStarted={(made) => go({ run: made })} />
      )}
    </>
  );
}
