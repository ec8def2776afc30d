import type { useStep } from '../../api/change_queries.ts';
import { useMe } from '../../api/queries.ts';
import { Button } from '../../parts/button.tsx';
import { Field } from '../../parts/field.tsx';
import { useKept } from '../../parts/kept.ts';
import { ProblemNote } from '../../parts/problem_note.tsx';

interface SaidProps {
  /** The change that it is about. */
  readonly of: string;
  readonly label: string;
  readonly button: string;
  readonly step: ReturnType<typeof useStep>;
  readonly path: string;
  readonly disabledBecause: string | undefined;
  readonly rows: number;
}

/** A text that is sent as one step of a change; until then it outlives a reload. */
export function Said({ of, label, button, step, path, disabledBecause, rows }: SaidProps) {
  const { data: me } = useMe();
  const [kept, setText] = useKept<string>(`${me?.id ?? ''}.${of} ${path}`);
  const text = kept ?? '';
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
        onClick={() => step.mutate({ path, body: { text: text.trim() } }, { onSuccess: () => setText(undefined) })}
      >
        {button}
      </Button>
    </div>
  );
}
