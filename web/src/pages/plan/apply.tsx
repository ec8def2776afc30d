import { useMe, useSend } from '../../api/queries.ts';
import type { Operation, Plan } from '../../api/types.ts';
import { Button } from '../../parts/button.tsx';
import { toMs } from '../../parts/format.ts';
import { ProblemNote } from '../../parts/problem_note.tsx';
import { useNow } from '../../parts/time.tsx';
import { mayNotPropose } from '../rights.ts';

/** Why the plan's time is over, or undefined. */
export function useExpired({ expires_at }: Plan): string | undefined {
  const now = useNow(5);
  const end = toMs(expires_at);
  return end !== undefined && end <= now ? 'The plan has expired; plan it again.' : undefined;
}

/** Starts an approved plan. A plan is applied once, so a second press can do no harm. */
export function ApplyButton({ plan, onStarted }: { plan: Plan; onStarted?: () => void }) {
  const { data: me } = useMe();
  const expired = useExpired(plan);
  const apply = useSend<Operation, string>((post, plan_id) => post('/v1/actions/apply', { plan_id }));
  return (
    <div className="min-w-0">
      {apply.error !== null && <ProblemNote error={apply.error} />}
      <Button
        look="primary"
        busy={apply.isPending}
        disabledBecause={expired ?? mayNotPropose(me, plan.environment)}
        onClick={() => apply.mutate(plan.plan_id, { onSuccess: () => onStarted?.() })}
      >
        Apply
      </Button>
    </div>
  );
}
