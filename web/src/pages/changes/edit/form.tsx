import { useEffect, useRef, type FormEvent, type ReactNode } from 'react';
import { useEnvironments, useRunbooks } from '../../../api/queries.ts';
import { Problem } from '../../../api/client.ts';
import { Field } from '../../../parts/field.tsx';
import { ProblemNote } from '../../../parts/problem_note.tsx';
import { Part } from '../../plan/part.tsx';
import { CriteriaField } from './criteria.tsx';
import { placedErrors, type Draft, type DraftKey } from './draft.ts';
import { LABELS } from './labels.ts';
import { RowInput, Rows } from './rows.tsx';

interface ChangeFormProps {
  readonly draft: Draft;
  readonly onChange: (draft: Draft) => void;
  readonly error: Error | null;
  readonly onSubmit: () => void;
  /** The buttons below. */
  readonly children: ReactNode;
}

interface PartProps {
  readonly draft: Draft;
  readonly put: (some: Partial<Draft>) => void;
  readonly errorOf: (key: DraftKey) => string | undefined;
}

/** Everything that a person writes of a change. What the server refuses stands at the field that it is about. */
export function ChangeForm({ draft, onChange, error, onSubmit, children }: ChangeFormProps) {
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    form.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus();
  }, [error]);
  const { placed, leftover } = placedErrors(error instanceof Problem ? error.errors : {});
  const part: PartProps = {
    draft,
    put: (some) => onChange({ ...draft, ...some }),
    errorOf: (key) => placed[key],
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    onSubmit();
  };
  return (
    <form ref={form} noValidate onSubmit={submit} className="flex max-w-4xl flex-col gap-5">
      <Head {...part} />
      <Part title="Scope and risk">
        <div className="grid gap-4 sm:grid-cols-2">
          <Lines {...part} name="scope_in" />
          <Lines {...part} name="scope_out" />
          <Text {...part} name="out_note" hint="Such as “for this change”." />
          <RiskLevel {...part} />
          <Lines {...part} name="identified" />
          <Lines {...part} name="mitigations" />
        </div>
      </Part>
      <Part title="Impact and way back">
        <div className="flex flex-col gap-4">
          <Impact {...part} />
          <Text {...part} name="downtime" />
          <Lines {...part} name="rollback" />
        </div>
      </Part>
      <CriteriaField
        value={draft.validation}
        error={placed.validation}
        onChange={(validation) => part.put({ validation })}
      />
      <Part title="Where and how">
        <div className="grid gap-4 sm:grid-cols-2">
          <Environments {...part} />
          <Runbooks {...part} />
        </div>
      </Part>
      <Area {...part} name="notes" rows={4} />
      <More {...part} />
      {error !== null && <ProblemNote error={error} leftover={leftover} />}
      {children}
    </form>
  );
}

type TextKey = { [K in DraftKey]: Draft[K] extends string ? K : never }[DraftKey];
interface NamedProps extends PartProps {
  readonly name: TextKey;
  readonly hint?: string;
}

const Text = ({ draft, put, errorOf, name, hint }: NamedProps) => (
  <Field label={LABELS[name]} hint={hint} error={errorOf(name)} required={name === 'title'}>
    {(ids) => <input {...ids} value={draft[name]} onChange={(event) => put({ [name]: event.target.value })} />}
  </Field>
);

const Area = ({ draft, put, errorOf, name, hint, rows }: NamedProps & { readonly rows: number }) => (
  <Field label={LABELS[name]} hint={hint} error={errorOf(name)}>
    {(ids) => (
      <textarea
        {...ids}
        className="max-h-96 min-h-20 [field-sizing:content]"
        rows={rows}
        value={draft[name]}
        onChange={(event) => put({ [name]: event.target.value })}
      />
    )}
  </Field>
);

const Lines = (props: NamedProps) => (
  <Area {...props} rows={3} hint="One to a line; two spaces further in for what is below another." />
);

function Head(part: PartProps) {
  const { draft, put, errorOf } = part;
  return (
    <>
      <Text {...part} name="title" />
      <div className="grid gap-4 sm:grid-cols-2">
        <Field
          label={LABELS.category}
          hint="Normal changes are approved first. An emergency begins now, with a second factor, and is reviewed afterwards. Standard is only for what a rule has allowed beforehand."
          error={errorOf('category')}
        >
          {(ids) => (
            <select {...ids} value={draft.category} onChange={(event) => put({ category: event.target.value })}>
              <option value="standard">standard</option>
              <option value="normal">normal</option>
              <option value="emergency">emergency</option>
            </select>
          )}
        </Field>
        <Text {...part} name="date" hint="When it is meant to happen." />
        <Text {...part} name="requested_by" />
        <Text {...part} name="role" />
        <Text {...part} name="phase" hint="Of the roadmap that it belongs to." />
      </div>
      <Area {...part} name="summary" rows={5} hint="What is done and why." />
    </>
  );
}

const RiskLevel = ({ draft, put, errorOf }: PartProps) => (
  <Field label={LABELS.risk_level} error={errorOf('risk_level')}>
    {(ids) => (
      <select
        {...ids}
        value={draft.risk_level}
        onChange={(event) => put({ risk_level: event.target.value as Draft['risk_level'] })}
      >
        <option value="low">low</option>
        <option value="medium">medium</option>
        <option value="high">high</option>
      </select>
    )}
  </Field>
);

const Impact = ({ draft, put, errorOf }: PartProps) => (
  <Rows
    legend={LABELS.impact}
    hint="What a VLAN, a service or the household notices."
    error={errorOf('impact')}
    one="impact"
    rows={draft.impact}
    fresh={{ on: '', effect: '' }}
    onChange={(impact) => put({ impact })}
  >
    {(row, change, name) => (
      <div className="flex flex-wrap gap-2">
        <RowInput label={`On, ${name}`} value={row.on} onChange={(on) => change({ ...row, on })} />
        <RowInput label={`Effect, ${name}`} value={row.effect} onChange={(effect) => change({ ...row, effect })} />
      </div>
    )}
  </Rows>
);

const More = ({ draft, put, errorOf }: PartProps) => (
  <Rows
    legend={LABELS.more}
    error={errorOf('more')}
    one="section"
    rows={draft.more}
    fresh={{ heading: '', text: '' }}
    onChange={(more) => put({ more })}
  >
    {(row, change, name) => (
      <>
        <RowInput label={`Heading, ${name}`} value={row.heading} onChange={(heading) => change({ ...row, heading })} />
        <RowInput label={`Text, ${name}`} rows={4} value={row.text} onChange={(text) => change({ ...row, text })} />
      </>
    )}
  </Rows>
);

interface ChoicesProps {
  readonly legend: string;
  readonly hint: string;
  readonly error: string | undefined;
  readonly known: readonly string[];
  readonly chosen: readonly string[];
  readonly onChange: (chosen: readonly string[]) => void;
}

/** Boxes to tick; one that was chosen and is not known any more can still be taken away. */
const Choices = ({ legend, hint, error, known, chosen, onChange }: ChoicesProps) => (
  <fieldset className="min-w-0">
    <legend className="font-medium">{legend}</legend>
    <p className="mb-1 text-xs text-dim">{hint}</p>
    {[...new Set([...known, ...chosen])].map((name) => (
      <label key={name} className="flex items-center gap-2 py-0.5">
        <input
          type="checkbox"
          checked={chosen.includes(name)}
          onChange={({ target }) =>
            onChange(target.checked ? [...chosen, name] : chosen.filter((other) => other !== name))
          }
        />
        {name}
      </label>
    ))}
    {error !== undefined && (
      <p role="alert" className="text-bad">
        {error}
      </p>
    )}
  </fieldset>
);

function Environments({ draft, put, errorOf }: PartProps) {
  const known = (useEnvironments().data?.environments ?? []).map(({ name }) => name);
  return (
    <Choices
      legend={LABELS.environments}
      hint="That it touches; all when none is ticked."
      error={errorOf('environments')}
      known={known}
      chosen={draft.environments}
      onChange={(environments) => put({ environments })}
    />
  );
}

function Runbooks({ draft, put, errorOf }: PartProps) {
  const known = (useRunbooks().data?.runbooks ?? []).map(({ id }) => id);
  return (
    <Choices
      legend={LABELS.runbooks}
      hint="That it follows."
      error={errorOf('runbooks')}
      known={known}
      chosen={draft.runbooks}
      onChange={(runbooks) => put({ runbooks })}
    />
  );
}
