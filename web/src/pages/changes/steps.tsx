import { useState } from 'react';
import { Problem } from '../../api/client.ts';
import { useApproveWithPasskey, useStep } from '../../api/change_queries.ts';
import type { Change, ChangeStatus } from '../../api/change_types.ts';
import { useMe } from '../../api/queries.ts';
import { Button } from '../../parts/button.tsx';
import { Field } from '../../parts/field.tsx';
import { ProblemNote } from '../../parts/problem_note.tsx';
import { Panel } from '../../parts/section.tsx';
import { noPasskeys } from '../../api/passkey.ts';
import { ProofFields, useProof } from '../plan/proof.tsx';
import { isOver, whyNotApprove, whyNotMove } from './may.ts';

const MOVES: readonly (readonly [to: ChangeStatus, label: string, shown: readonly ChangeStatus[]])[] = [
  ['approved', 'Go on as approved', ['paused']],
  ['in_progress', 'Begin', ['planned', 'approved', 'paused']],
  ['completed', 'Complete', ['planned', 'approved', 'in_progress', 'paused']],
  ['paused', 'Pause', ['planned', 'approved', 'in_progress']],
  ['planned', 'Back to planned', ['approved', 'paused']],
  ['rolled_back', 'Mark as rolled back', ['in_progress', 'paused', 'completed']],
];

/** Fields of these steps that show what was said of them. */
const PLACED = ['note', 'factor', 'confirm'];

/** Approve, reject, and say where the change stands. The approval names the digest of exactly what is shown. */
export function Steps({ change }: { change: Change }) {
  const { data: me } = useMe();
  const { id, digest, status } = change;
  const [note, setNote] = useState('');
  const { proof, setProof, typed, sent } = useProof();
  const step = useStep(id);
  const withPasskey = useApproveWithPasskey(id);
  if (isOver(change) && status !== 'completed') return null;
  const done = (): void => {
    setNote('');
    setProof({ factor: '', confirm: '' });
  };
  const go = (path: string, body: Readonly<Record<string, unknown>>): void =>
    step.mutate({ path, body }, { onSuccess: done });
  const said = (name: string): Readonly<Record<string, string>> => (note.trim() === '' ? {} : { [name]: note.trim() });
  const refused = step.error instanceof Problem ? step.error.errors['note'] : undefined;
  return (
    <Panel>
      <div className="flex flex-col gap-3 px-3 py-2.5">
        {step.error !== null && <ProblemNote error={step.error} placed={PLACED} />}
        {withPasskey.error !== null && <ProblemNote error={withPasskey.error} placed={PLACED} />}
        <Field label="Note" hint="Kept with what you say; needed to pause, roll back or reject." error={refused}>
          {(ids) => <input {...ids} value={note} onChange={(event) => setNote(event.target.value)} />}
        </Field>
        <div className="grid gap-3 empty:hidden sm:grid-cols-2">
          <ProofFields
            proof={proof}
            onChange={setProof}
            problem={step.error ?? withPasskey.error}
            withFactor={false}
            of="digest of this change"
            because="you wrote it yourself"
          />
        </div>
        <div className="flex flex-wrap items-start gap-x-3 gap-y-2">
          {status !== 'completed' && (
            <>
              <Button
                look="primary"
                busy={step.isPending && step.variables.path === 'approve'}
                disabledBecause={whyNotApprove(me, change)}
                onClick={() => go('approve', { digest, ...said('comment'), ...sent })}
              >
                Approve
              </Button>
              {(me?.person?.passkeys ?? 0) > 0 && noPasskeys() === undefined && (
                <Button
                  busy={withPasskey.isPending}
                  disabledBecause={whyNotApprove(me, change)}
                  reasonShown={false}
                  onClick={() => withPasskey.mutate({ digest, ...said('comment'), ...typed }, { onSuccess: done })}
                >
                  Approve with a passkey
                </Button>
              )}
              <Button
                look="danger"
                busy={step.isPending && step.variables.path === 'reject'}
                disabledBecause={whyNotMove(me, change, 'rejected', note)}
                onClick={() => go('reject', said('note'))}
              >
                Reject
              </Button>
            </>
          )}
          {MOVES.filter(([, , shown]) => shown.includes(status)).map(([to, label]) => (
            <Button
              key={to}
              busy={step.isPending && step.variables.body['status'] === to}
              disabledBecause={whyNotMove(me, change, to, note)}
              onClick={() => go('status', { status: to, ...said('note') })}
            >
              {label}
            </Button>
          ))}
        </div>
      </div>
    </Panel>
  );
}
