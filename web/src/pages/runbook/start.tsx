import { useId, useState, type FormEvent } from 'react';
import { Problem } from '../../api/client.ts';
import { useEnvironments, useRunbook, useSend } from '../../api/queries.ts';
import type { Parameter, Run, RunbookWhole } from '../../api/runbook_types.ts';
import { Button } from '../../parts/button.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { Field } from '../../parts/field.tsx';
import { ProblemNote } from '../../parts/problem_note.tsx';
import { Loaded } from '../../parts/section.tsx';
import { useMayPropose } from '../use_rights.ts';
import { StepText } from './text.tsx';

interface StartProps {
  readonly onClose: () => void;
  readonly onStarted: (run_id: string) => void;
}

/** What a runbook is for, and the form of its parameters. */
export function StartDialog({ id, onClose, onStarted }: StartProps & { id: string }) {
  const query = useRunbook(id);
  return (
    <Dialog title={query.data?.title ?? 'Runbook'} onClose={onClose}>
      <Loaded query={query} what="the runbook">
        {(runbook) => <StartForm runbook={runbook} onStarted={onStarted} />}
      </Loaded>
    </Dialog>
  );
}

function StartForm({ runbook, onStarted }: { runbook: RunbookWhole } & Pick<StartProps, 'onStarted'>) {
  const { id, summary, introduction = '', parameters } = runbook;
  const [values, setValues] = useState<Readonly<Record<string, string>>>({});
  const [change, setChange] = useState('');
  const may = useMayPropose();
  const send = useSend<Run, object>((post, body) => post('/v1/runbook-runs', body));
  const errors = send.error instanceof Problem ? send.error.errors : {};
  const shown = ['change_id', ...parameters.map(({ name }) => `parameters.${name}`)];
  const start = (event: FormEvent): void => {
    event.preventDefault();
    if (may !== undefined || send.isPending) return;
    const given = Object.fromEntries(Object.entries(values).filter(([, value]) => value.trim() !== ''));
    const body = { runbook: id, parameters: given, ...(change.trim() === '' ? {} : { change_id: change.trim() }) };
    send.mutate(body, { onSuccess: ({ run_id }) => onStarted(run_id) });
  };
  return (
    <form onSubmit={start} className="flex flex-col gap-3">
      <p>{summary}</p>
      <StepText text={introduction} />
      {parameters.map((parameter) => (
        <ParameterField
          key={parameter.name}
          parameter={parameter}
          value={values[parameter.name] ?? ''}
          error={errors[`parameters.${parameter.name}`]}
          onChange={(value) => setValues((old) => ({ ...old, [parameter.name]: value }))}
        />
      ))}
      <Field label="Change record" hint="Such as CC-001; may be left out." error={errors['change_id']}>
        {(ids) => <input {...ids} value={change} maxLength={64} onChange={(event) => setChange(event.target.value)} />}
      </Field>
      {send.error !== null && <ProblemNote error={send.error} placed={shown} />}
      <Button type="submit" look="primary" busy={send.isPending} disabledBecause={may}>
        Start
      </Button>
    </form>
  );
}

interface ParameterProps {
  readonly parameter: Parameter;
  readonly value: string;
  readonly error: string | undefined;
  readonly onChange: (value: string) => void;
}

function ParameterField({ parameter, value, error, onChange }: ParameterProps) {
  const { name, description, type, example, default: usual } = parameter;
  const known = useId();
  const environments = useEnvironments().data?.environments ?? [];
  const hint = usual === undefined ? `${description} Such as ${example}.` : `${description} ${usual} when left out.`;
  return (
    <Field label={<span className="font-mono">{name}</span>} hint={hint} error={error} required={usual === undefined}>
      {(ids) => (
        <>
          <input
            {...ids}
            autoComplete="off"
            list={name === 'environment' ? known : undefined}
            inputMode={type === 'integer' ? 'numeric' : 'text'}
            value={value}
            onChange={(event) => onChange(event.target.value)}
          />
          {name === 'environment' && (
            <datalist id={known}>
              {environments.map((one) => (
                <option key={one.name} value={one.name} />
              ))}
            </datalist>
          )}
        </>
      )}
    </Field>
  );
}
