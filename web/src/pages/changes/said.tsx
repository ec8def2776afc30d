import { useState } from 'react';
import type { useStep } from '../../api/change_queries.ts';
import { Button } from '../../parts/button.tsx';
import { Field } from '../../parts/field.tsx';
import { ProblemNote } from '../../parts/problem_note.tsx';

interface SaidProps {
  readonly label: string;
  readonly button: string;
  readonly step: ReturnType<typeof useStep>;
  readonly path: string;
  readonly disabledBecause: string | undefined;
  readonly rows: number;
}

/** A text that is sent as one step of a change. */
export function Said({ label, button, step, path, disabledBecause, rows }: SaidProps) {
  const [text, setText] = useState('');
  const why = disabledBecause ?? (text.trim() === '' ? 'Write something first.' : undefined);
  return (
    <div className="flex max-w-2xl flex-col gap-2">
      {step.error !== null && <ProblemNote error={step.error} />}
      <Field label={label}>
        {(ids) => <textarea {...ids} rows={rows} value={text} onChange={(event) => setText(event.target.value)} />}
      </Field>
      <Button
        busy={step.isPending}
        disabledBecause={why}
        onClick={() => step.mutate({ path, body: { text: text.trim() } }, { onSuccess: () => setText('') })}
      >
        {button}
      </Button>
    </div>
  );
}
