import { Link } from '@tanstack/react-router';
import { usePlan } from '../../api/queries.ts';
import type { Plan } from '../../api/types.ts';
import { RiskChip, StateChip } from '../../parts/chip.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { Facts } from '../../parts/facts.tsx';
import { duration, nameOf, oneLine, words } from '../../parts/format.ts';
import { Loaded } from '../../parts/section.tsx';
import { Ago, Countdown } from '../../parts/time.tsx';
import { PlanAgain } from './again.tsx';
import { Checks, Permissions } from './checks.tsx';
import { Decide } from './decide.tsx';
import { Diff } from './diff.tsx';
import { Part } from './part.tsx';
import { Reach } from './reach.tsx';
import { Reasons } from './risk.tsx';
import { ScheduleText } from './schedule.tsx';
import { planTitle, targetsText } from './title.ts';
import { Trace } from './trace.tsx';

/** One plan with all that is known about it, and what can be done with it. */
export function PlanDialog({ plan_id, onClose }: { plan_id: string; onClose: () => void }) {
  const query = usePlan(plan_id);
  return (
    <Dialog
      wide
      onClose={onClose}
      title={query.data === undefined ? 'Plan' : <span className="font-mono">{planTitle(query.data)}</span>}
    >
      <Loaded query={query} what="the plan">
        {(plan) => <PlanView plan={plan} onClose={onClose} />}
      </Loaded>
    </Dialog>
  );
}

const OPEN = ['draft', 'planned', 'awaiting_approval', 'approved'];

function PlanView({ plan, onClose }: { plan: Plan; onClose: () => void }) {
  const { trace = [], irreversible = [], preflight = [], permissions = [], approvals = [], failure } = plan;
  return (
    <div className="flex flex-col gap-5">
      <Head plan={plan} />
      {failure !== undefined && failure !== null && (
        <div role="alert" className="rounded-md border border-bad bg-bad-soft px-3 py-2">
          <p className="font-medium text-bad">
            The rehearsal failed{failure.step === undefined ? '' : ` at step ${failure.step}`}. Nothing was changed.
          </p>
          <p>
            {failure.title === undefined ? '' : `${failure.title}: `}
            {failure.detail ?? failure.message ?? oneLine(failure)}
          </p>
        </div>
      )}
      {irreversible.length > 0 && (
        <div className="rounded-md border border-bad px-3 py-2">
          <h3 className="font-semibold text-bad">What cannot be undone</h3>
          <ul className="list-disc pl-5">
            {irreversible.map((item) => (
              <li key={oneLine(item)}>
                {typeof item === 'string' ? item : [item.title, item.why ?? item.reason].filter(Boolean).join(': ')}
              </li>
            ))}
          </ul>
        </div>
      )}
      <Permissions permissions={permissions} />
      <Part title="What changes">
        <Diff diff={plan.diff ?? []} />
      </Part>
      <div className="grid gap-5 md:grid-cols-2">
        <Part title="Risk and rules">
          <Reasons plan={plan} />
        </Part>
        <Part title="Reach">
          <Reach plan={plan} />
        </Part>
      </div>
      {preflight.length > 0 && (
        <Part title="Preflight">
          <Checks checks={preflight} />
        </Part>
      )}
      <Part title={`Calls to Proxmox VE (${trace.length})`}>
        <Trace trace={trace} />
      </Part>
      {approvals.length > 0 && (
        <Part title="Approvals">
          <ul>
            {approvals.map((approval) => (
              <li key={oneLine(approval)}>
                {nameOf(approval.by ?? approval.actor)} <Ago at={approval.at} />
                {approval.comment !== undefined &&
                  approval.comment !== null &&
                  approval.comment !== '' &&
                  `: ${approval.comment}`}
              </li>
            ))}
          </ul>
        </Part>
      )}
      {OPEN.includes(plan.state) && <Decide plan={plan} onClose={onClose} />}
      <PlanAgain plan={plan} />
    </div>
  );
}

function Head({ plan }: { plan: Plan }) {
  const {
    plan_id,
    plan_hash,
    state,
    environment,
    risk,
    reason,
    change_id,
    created_at,
    created_by,
    expires_at,
    predicted_seconds,
  } = plan;
  return (
    <div>
      <div className="mb-2 flex flex-wrap gap-2">
        <StateChip state={state} />
        {risk !== undefined && <RiskChip level={risk.level} />}
      </div>
      <Facts
        facts={[
          ['Environment', environment],
          ['Targets', targetsText(plan)],
          ['Requests', plan.requests.length < 2 ? undefined : <Requests plan={plan} />],
          ['Reason', reason],
          ['Change', change_id && <ChangeLink id={change_id} />],
          [
            'Proposed',
            <span>
              by {nameOf(created_by)} <Ago at={created_at} />
            </span>,
          ],
          [
            OPEN.includes(state) ? 'Expires in' : 'State',
            OPEN.includes(state) ? <Countdown at={expires_at} /> : words(state),
          ],
          ['Schedule', plan.schedule === undefined ? undefined : <ScheduleText plan={plan} />],
          [
            'Takes about',
            predicted_seconds === undefined || predicted_seconds === 0 ? undefined : duration(predicted_seconds),
          ],
          ['Plan', <code className="font-mono text-xs break-all">{plan_id}</code>],
          ['Hash', <code className="font-mono text-xs break-all">{plan_hash}</code>],
        ]}
      />
    </div>
  );
}

/** A change that is kept elsewhere has a name of its own making, and no page here. */
const ChangeLink = ({ id }: { id: string }) =>
  /^CC-\d{3,9}$/.test(id) ? (
    <Link to="/changes" search={{ change: id }} className="text-accent underline">
      {id}
    </Link>
  ) : (
    id
  );

/** The requests of a plan with several, and which wait for which. */
const Requests = ({ plan: { requests } }: { plan: Plan }) => (
  <ol>
    {requests.map(({ id, action, target, after = [] }, at) => (
      <li key={id ?? at}>
        <span className="font-mono">
          {id === undefined ? '' : `${id}: `}
          {action} {target}
        </span>
        {after.length > 0 && <span className="text-dim"> after {after.join(', ')}</span>}
      </li>
    ))}
  </ol>
);
