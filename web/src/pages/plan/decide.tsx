import { useState } from 'react';
import { Problem } from '../../api/client.ts';
import { useApi } from '../../api/context.tsx';
import { askPasskey, noPasskeys } from '../../api/passkey.ts';
import { useMe, useSend } from '../../api/queries.ts';
import type { Plan } from '../../api/types.ts';
import { Button } from '../../parts/button.tsx';
import { Field } from '../../parts/field.tsx';
import { ProblemNote } from '../../parts/problem_note.tsx';
import { mayNotApprove, mayNotPropose } from '../rights.ts';
import { ApplyButton, useExpired } from './apply.tsx';
import { ProofFields, useProof } from './proof.tsx';
import { ScheduleButtons } from './schedule.tsx';

interface Verdict {
  readonly verb: 'approve' | 'reject' | 'cancel';
  readonly body: Readonly<Record<string, unknown>>;
}

/** Approve, reject, apply or withdraw a plan. The approval names the hash of exactly what is shown above. */
export function Decide({ plan, onClose }: { plan: Plan; onClose: () => void }) {
  const { data: me } = useMe();
  const [comment, setComment] = useState('');
  const { proof, setProof, typed, sent } = useProof();
  const { client } = useApi();
  const expired = useExpired(plan);
  const { plan_id, plan_hash, state } = plan;
  const said = comment.trim() === '' ? {} : { comment: comment.trim() };
  const send = useSend<Plan, Verdict>((post, { verb, body }) =>
    post(`/v1/plans/${encodeURIComponent(plan_id)}/${verb}`, body),
  );
  const withPasskey = useSend<Plan, void>(async (post) => {
    const asked = await client.get<Record<string, unknown>>(
      `/v1/plans/${encodeURIComponent(plan_id)}/passkey-challenge`,
    );
    const answer = await askPasskey(asked);
    return post(`/v1/plans/${encodeURIComponent(plan_id)}/approve`, { plan_hash, ...said, ...typed, factor: answer });
  });
  const waiting = state === 'awaiting_approval';
  const problem = send.error ?? withPasskey.error;
  const refused = problem instanceof Problem ? problem.errors : {};
  const placed = waiting ? ['comment', 'factor', 'confirm'] : [];
  const needs = plan.approval_needs ?? [];
  const may = expired ?? mayNotApprove(me, plan.environment);
  return (
    <div className="-mx-4 -mb-3 border-t border-line bg-panel px-4 py-3 sm:sticky sm:-bottom-3">
      {send.error !== null && <ProblemNote error={send.error} placed={placed} />}
      {withPasskey.error !== null && <ProblemNote error={withPasskey.error} placed={placed} />}
      {waiting && (
        <div className="mb-3 grid gap-3 sm:grid-cols-2 lg:grid-cols-3">
          <Field label="Comment" error={refused['comment']}>
            {(ids) => <input {...ids} value={comment} onChange={(event) => setComment(event.target.value)} />}
          </Field>
          <ProofFields
            proof={proof}
            onChange={setProof}
            problem={problem}
            withFactor={needs.includes('factor')}
            withConfirm={needs.includes('confirm')}
            of="hash of this plan"
            because="you asked for it yourself"
          />
        </div>
      )}
      <div className="flex flex-wrap items-center gap-2">
        {waiting && (
          <>
            <Button
              look="primary"
              busy={send.isPending && send.variables.verb === 'approve'}
              disabledBecause={may}
              onClick={() => send.mutate({ verb: 'approve', body: { plan_hash, ...said, ...sent } })}
            >
              Approve
            </Button>
            {(me?.person?.passkeys ?? 0) > 0 && noPasskeys() === undefined && (
              <Button
                disabledBecause={may}
                reasonShown={false}
                busy={withPasskey.isPending}
                onClick={() => withPasskey.mutate()}
              >
                Approve with a passkey
              </Button>
            )}
            <Button
              look="danger"
              busy={send.isPending && send.variables.verb === 'reject'}
              disabledBecause={may}
              reasonShown={false}
              onClick={() => send.mutate({ verb: 'reject', body: said }, { onSuccess: onClose })}
            >
              Reject
            </Button>
          </>
        )}
        {state === 'approved' && (
          <>
            <ApplyButton plan={plan} onStarted={onClose} />
            <ScheduleButtons plan={plan} />
          </>
        )}
        <Button
          look="quiet"
          busy={send.isPending && send.variables.verb === 'cancel'}
          disabledBecause={mayNotPropose(me, plan.environment)}
          onClick={() => send.mutate({ verb: 'cancel', body: {} }, { onSuccess: onClose })}
        >
          Withdraw the plan
        </Button>
      </div>
    </div>
  );
}
