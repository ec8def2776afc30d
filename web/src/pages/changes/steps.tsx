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
  ['completed', 'Complete', ['in_progress']],
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
  const notApprove = whyNotApprove(me, change);
  const notReject = whyNotMove(me, change, 'rejected', note);
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
                disabledBecause={notApprove}
                onClick={() => go('approve', { digest, ...said('comment'), ...sent })}
              >
                Approve
              </Button>
              {(me?.person?.passkeys ?? 0) > 0 && noPasskeys() === undefined && (
                <Button
                  busy={withPasskey.isPending}
                  disabledBecause={notApprove}
                  reasonShown={false}
                  onClick={() => withPasskey.mutate({ digest, ...said('comment'), ...typed }, { onSuccess: done })}
                >
                  Approve with a passkey
                </Button>
              )}
              <Button
                look="danger"
                busy={step.isPending && step.variables.path === 'reject'}
                disabledBecause={notReject}
                reasonShown={notReject !== notApprove}
                onClick={() => go('reject', said('note'))}
              >
                Reject
              </Button>
            </>
          )}
          <Moves
            change={change}
            note={note}
            said={status === 'completed' ? [] : [notApprove, notReject]}
            under={step.isPending ? step.variables.body['status'] : undefined}
            onMove={(to) => go('status', { status: to, ...said('note') })}
          />
        </div>
      </div>
    </Panel>
  );
}

interface MovesProps {
  readonly change: Change;
  readonly note: string;
  /** Reasons that stand beside other buttons already. */
  readonly said: readonly (string | undefined)[];
  /** The status that is being set. */
  readonly under: unknown;
  readonly onMove: (to: ChangeStatus) => void;
}

/** Where the change can go from here. A reason that several buttons share is shown once. */
function Moves({ change, note, said, under, onMove }: MovesProps) {
  const { data: me } = useMe();
  const moves = MOVES.filter(([, , shown]) => shown.includes(change.status)).map(([to, label]) => ({
    to,
    label,
    why: whyNotMove(me, change, to, note),
  }));
  const reasons = [...said, ...moves.map(({ why }) => why)];
  return moves.map(({ to, label, why }, at) => (
    <Button
      key={to}
      busy={under === to}
      disabledBecause={why}
      reasonShown={reasons.indexOf(why) === said.length + at}
      onClick={() => onMove(to)}
    >
      {label}
    </Button>
  ));
}
