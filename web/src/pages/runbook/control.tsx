import { useState } from 'react';
import { useMe, useSend } from '../../api/queries.ts';
import type { Run } from '../../api/runbook_types.ts';
import { Button } from '../../parts/button.tsx';
import { Field } from '../../parts/field.tsx';
import { ProblemNote } from '../../parts/problem_note.tsx';
import { mayNotPropose } from '../rights.ts';

interface Said {
  readonly verb: 'pause' | 'resume' | 'abort';
  readonly body: object;
}

/** Pause, resume and abort, each but resume with a reason. */
export function Control({ run }: { run: Run }) {
  const { data: me } = useMe();
  const [reason, setReason] = useState('');
  const send = useSend<Run, Said>((post, { verb, body }) =>
    post(`/v1/runbook-runs/${encodeURIComponent(run.run_id)}/${verb}`, body),
  );
  const words = reason.trim();
  const may = mayNotPropose(me) ?? (words.length < 3 ? 'Say why first.' : undefined);
  return (
    <details className="min-w-0" open={run.state === 'paused'}>
      <summary className="text-accent">{run.state === 'paused' ? 'Resume or abort' : 'Pause or abort'}</summary>
      <div className="mt-2 flex flex-col gap-2">
        <Field label="Reason">
          {(ids) => (
            <input {...ids} value={reason} maxLength={500} onChange={(event) => setReason(event.target.value)} />
          )}
        </Field>
        {send.error !== null && <ProblemNote error={send.error} />}
        <div className="flex flex-wrap gap-2">
          {run.state === 'paused' ? (
            <Button
              look="primary"
              busy={send.isPending}
              disabledBecause={mayNotPropose(me)}
              onClick={() => send.mutate({ verb: 'resume', body: {} })}
            >
              Resume
            </Button>
          ) : (
            <Button
              busy={send.isPending}
              disabledBecause={may}
              onClick={() => send.mutate({ verb: 'pause', body: { reason: words } })}
            >
              Pause
            </Button>
          )}
          <Button
            look="danger"
            busy={send.isPending}
            disabledBecause={may}
            reasonShown={false}
            onClick={() => send.mutate({ verb: 'abort', body: { reason: words } })}
          >
            Abort
          </Button>
        </div>
      </div>
    </details>
  );
}
