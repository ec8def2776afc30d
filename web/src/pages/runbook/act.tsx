import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { Problem } from '../../api/client.ts';
import { useMe, useSend } from '../../api/queries.ts';
import type { Me } from '../../api/types.ts';
import type { Run, RunStep } from '../../api/runbook_types.ts';
import { Button } from '../../parts/button.tsx';
import { Field } from '../../parts/field.tsx';
import { ProblemNote } from '../../parts/problem_note.tsx';
import { mayNotPropose } from '../rights.ts';

/** Why the caller cannot give a person's word, or undefined; the server decides. */
const mayNotAnswer = (me: Me | undefined): string | undefined =>
  me !== undefined && me.class !== 'human'
    ? `Only a person can; this token is of class ${me.class}.`
    : mayNotPropose(me);

/** What can be said to the step that a run stands at. */
export function Act({ run, step }: { run: Run; step: RunStep }) {
  const { data: me } = useMe();
  const [said, setSaid] = useState('');
  const path = `/v1/runbook-runs/${encodeURIComponent(run.run_id)}/steps/${step.number}`;
  const send = useSend<Run, object>((post, body) => post(path, body));
  if (run.next === undefined || run.next === 'resume') return null;
  if (run.next === 'wait')
    return (
      <p role="status" className="mt-2 text-dim">
        Its operation is under way.
      </p>
    );
  const errors = send.error instanceof Problem ? send.error.errors : {};
  const words = said.trim();
  const skip = words.length < 3 ? 'Say why in the field above.' : mayNotAnswer(me);
  return (
    <div className="mt-3 flex flex-col gap-3 border-t border-line pt-3">
      <Question run={run} step={step} />
      <Field
        label={LABELS[run.next] ?? 'Note'}
        hint="Kept for ever: no passwords, no keys."
        error={errors['evidence'] ?? errors['reason']}
      >
        {(ids) => (
          <textarea {...ids} rows={2} value={said} maxLength={4000} onChange={(event) => setSaid(event.target.value)} />
        )}
      </Field>
      {send.error !== null && <ProblemNote error={send.error} placed={['evidence', 'reason']} />}
      <div className="flex flex-wrap items-center gap-2">
        <Choices run={run} step={step} me={me} words={words} busy={send.isPending} onSay={send.mutate} />
        <Button
          look="quiet"
          disabledBecause={skip}
          reasonShown={false}
          onClick={() => send.mutate({ do: 'skip', reason: words })}
        >
          Skip
        </Button>
      </div>
    </div>
  );
}

const LABELS: Readonly<Record<string, string>> = {
  answer: 'What was seen',
  approve: 'Comment',
  run: 'Why it is skipped',
  retry: 'Why it is skipped',
};

function Question({ run, step: { check, question, attempts } }: { run: Run; step: RunStep }) {
  const { plan_id, outcome } = attempts.at(-1) ?? {};
  if (run.next === 'run' && plan_id !== undefined && outcome === undefined)
    return (
      <p>
        <Link to="/" search={(old) => ({ ...old, plan: plan_id })} className="text-accent underline underline-offset-2">
          Its plan
        </Link>{' '}
        waits for its approval or to be applied.
      </p>
    );
  const text = run.next === 'answer' ? check : run.next === 'approve' ? question : undefined;
  return text === undefined ? null : <p className="font-medium break-words">{text}</p>;
}

interface ChoicesProps {
  readonly run: Run;
  readonly step: RunStep;
  readonly me: Me | undefined;
  readonly words: string;
  readonly busy: boolean;
  readonly onSay: (body: object) => void;
}

function Choices({ run, step, me, words, busy, onSay }: ChoicesProps) {
  const evidence = words === '' ? {} : { evidence: words };
  const person = mayNotAnswer(me);
  const needed = step.evidence === 'required' && words === '' ? 'Say what was seen first.' : person;
  switch (run.next) {
    case 'answer':
      return (
        <>
          <Button
            look="primary"
            busy={busy}
            disabledBecause={needed}
            onClick={() => onSay({ do: 'answer', passed: true, ...evidence })}
          >
            Yes
          </Button>
          <Button
            look="danger"
            busy={busy}
            disabledBecause={person}
            reasonShown={false}
            onClick={() => onSay({ do: 'answer', passed: false, ...evidence })}
          >
            No
          </Button>
        </>
      );
    case 'approve':
      return (
        <Button
          look="primary"
          busy={busy}
          disabledBecause={person}
          onClick={() => onSay({ do: 'approve', ...(words === '' ? {} : { comment: words }) })}
        >
          Approve
        </Button>
      );
    case 'retry':
      return (
        <Button look="primary" busy={busy} disabledBecause={mayNotPropose(me)} onClick={() => onSay({ do: 'retry' })}>
          Try again
        </Button>
      );
    default:
      return (
        <Button look="primary" busy={busy} disabledBecause={mayNotPropose(me)} onClick={() => onSay({ do: 'run' })}>
          Run this step
        </Button>
      );
  }
}
