import { useNavigate, useSearch } from '@tanstack/react-router';
import { Audit } from './audit.tsx';
import { OverdueReviews } from './changes/overdue.tsx';
import { Environments } from './lab/environments.tsx';
import { FrozenNotice } from './lab/freeze.tsx';
import { Guests } from './lab/guests.tsx';
import { Nodes } from './lab/nodes.tsx';
import { ActiveOperations, Attention } from './operation/active.tsx';
import { FinishedOperations } from './operation/finished.tsx';
import { PlanDialog } from './plan/dialog.tsx';
import { Plans } from './plan/list.tsx';
import { ProposeDialog } from './propose/dialog.tsx';
import { OpenRuns } from './runbook/list.tsx';

/** Everything on one page: first what waits for a person, then what is happening and how the last of it ended, then the lab, then the log. */
export function Overview() {
  const { plan, propose, change } = useSearch({ from: '__root__' });
  const navigate = useNavigate();
  const go = (next: { plan?: string }): void =>
    void navigate({
      to: '/',
      search: ({ environment }) => ({ ...(environment === undefined ? {} : { environment }), ...next }),
    });
  return (
    <div className="flex flex-col gap-7">
      <Attention />
      <FrozenNotice />
      <OverdueReviews />
      <Plans />
      <ActiveOperations />
      <OpenRuns />
      <FinishedOperations />
      <div className="grid gap-7 xl:grid-cols-2">
        <Environments />
        <Nodes />
      </div>
      <Guests />
      <Audit />
      {plan !== undefined && <PlanDialog key={plan} plan_id={plan} onClose={() => go({})} />}
      {plan === undefined && propose !== undefined && (
        <ProposeDialog
          target={propose === 'any' ? '' : propose}
          change={change}
          onClose={() => go({})}
          onPlanned={(made) => go({ plan: made })}
        />
      )}
    </div>
  );
}
