import { useNavigate } from '@tanstack/react-router';
import { useMe, useSend } from '../../api/queries.ts';
import type { Plan } from '../../api/types.ts';
import { Button } from '../../parts/button.tsx';
import { ProblemNote } from '../../parts/problem_note.tsx';
import { mayNotPropose } from '../rights.ts';
import { useExpired } from './apply.tsx';

/** Those of which something else can still come, or that came to nothing. What was applied is another change. */
const OVER = ['expired', 'canceled', 'denied', 'failed', 'planned'];

/** Makes a plan that came to nothing once more, and shows the new one. */
export function PlanAgain({ plan }: { plan: Plan }) {
  const { data: me } = useMe();
  const late = useExpired(plan) !== undefined && ['awaiting_approval', 'approved'].includes(plan.state);
  const navigate = useNavigate();
  const again = useSend<Plan, string>((post, plan_id) => post(`/v1/plans/${encodeURIComponent(plan_id)}/replan`, {}));
  if (!late && !OVER.includes(plan.state)) return null;
  const show = ({ plan_id }: Plan): void =>
    void navigate({ to: '.', search: (now) => ({ ...now, plan: plan_id }), replace: true });
  return (
    <div>
      {again.error !== null && <ProblemNote error={again.error} />}
      <Button
        busy={again.isPending}
        disabledBecause={mayNotPropose(me, plan.environment)}
        onClick={() => again.mutate(plan.plan_id, { onSuccess: show })}
      >
        Plan it again
      </Button>
      <p className="mt-1 text-sm text-dim">Rehearsed on the lab as it is now. Approvals stay if nothing has changed.</p>
    </div>
  );
}
