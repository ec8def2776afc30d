import { useNavigate } from '@tanstack/react-router';
import { usePlans } from '../../api/queries.ts';
import type { Plan } from '../../api/types.ts';
import { Button } from '../../parts/button.tsx';
import { Chip, RiskChip, StateChip } from '../../parts/chip.tsx';
import { nameOf } from '../../parts/format.ts';
import { Empty, Loaded, Panel, Section } from '../../parts/section.tsx';
import { Ago, Countdown } from '../../parts/time.tsx';
import { ApplyButton } from './apply.tsx';
import { planTitle } from './title.ts';

/** Plans that wait for a person: to be approved, or to be applied. */
export function Plans() {
  const waiting = usePlans('awaiting_approval');
  const approved = usePlans('approved');
  const ready = approved.data?.pages.flatMap(({ plans }) => plans) ?? [];
  return (
    <Section id="plans" title="Plans">
      <Loaded query={waiting} what="the plans that wait for approval">
        {({ pages }) => {
          const plans = pages.flatMap((page) => page.plans);
          if (plans.length === 0 && ready.length === 0) {
            return (
              <Empty>
                No plan waits for you. A change that is proposed here, on the command line or by an agent appears here
                with all it would do.
              </Empty>
            );
          }
          return plans.length === 0 ? null : (
            <Group
              title="Waiting for approval"
              plans={plans}
              more={waiting.hasNextPage ? () => void waiting.fetchNextPage() : undefined}
            />
          );
        }}
      </Loaded>
      {approved.error !== null && (
        <Loaded query={approved} what="the approved plans">
          {() => null}
        </Loaded>
      )}
      {ready.length > 0 && (
        <Group
          title="Approved, ready to apply"
          plans={ready}
          more={approved.hasNextPage ? () => void approved.fetchNextPage() : undefined}
        />
      )}
    </Section>
  );
}

interface GroupProps {
  readonly title: string;
  readonly plans: readonly Plan[];
  readonly more: (() => void) | undefined;
}

const Group = ({ title, plans, more }: GroupProps) => (
  <div className="mt-3 first-of-type:mt-0">
    <h3 className="mb-1 text-dim">
      {title} <span className="tabular-nums">({more === undefined ? plans.length : `${plans.length}+`})</span>
    </h3>
    <Panel>
      <ul className="divide-y divide-line">
        {plans.map((plan) => (
          <Row key={plan.plan_id} plan={plan} />
        ))}
      </ul>
    </Panel>
    {more !== undefined && (
      <div className="mt-1">
        <Button look="quiet" onClick={more}>
          Show more
        </Button>
      </div>
    )}
  </div>
);

function Row({ plan }: { plan: Plan }) {
  const navigate = useNavigate();
  const { plan_id, state, environment, created_by, created_at, expires_at, risk, reason, irreversible = [] } = plan;
  const open = () => void navigate({ to: '/', search: (old) => ({ ...old, plan: plan_id }) });
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-2 px-3 py-2">
      <div className="min-w-0 flex-1 basis-64">
        <div className="flex flex-wrap items-center gap-x-2 gap-y-1">
          <strong className="font-mono font-semibold break-words">{planTitle(plan)}</strong>
          {risk !== undefined && <RiskChip level={risk.level} />}
          {irreversible.length > 0 && <Chip tone="bad">cannot be undone</Chip>}
          {state !== 'awaiting_approval' && state !== 'approved' && <StateChip state={state} />}
        </div>
        <p className="text-dim">
          {environment} · by {nameOf(created_by)} <Ago at={created_at} /> · expires in <Countdown at={expires_at} />
        </p>
        {reason !== undefined && reason !== null && reason !== '' && <p className="break-words">{reason}</p>}
      </div>
      <div className="flex flex-wrap gap-2">
        <Button
          onClick={open}
          look={state === 'awaiting_approval' ? 'primary' : 'plain'}
          label={`Review ${planTitle(plan)}`}
        >
          Review
        </Button>
        {state === 'approved' && <ApplyButton plan={plan} />}
      </div>
    </li>
  );
}
