import { useMemo, useState, type FormEvent } from 'react';
import { Problem } from '../../api/client.ts';
import { useMe, useSend } from '../../api/queries.ts';
import type { Action, Guest, Plan, PveNode } from '../../api/types.ts';
import { Button } from '../../parts/button.tsx';
import { RiskChip } from '../../parts/chip.tsx';
import { Field } from '../../parts/field.tsx';
import { ProblemNote } from '../../parts/problem_note.tsx';
import { mayNotPropose } from '../rights.ts';
import { ParamField } from './param_field.tsx';
import { collect, paramsOf, placeErrors, toText, type Param, type Values } from './schema.ts';
import { byDomain, riskOf, riskWhy, targetChoices } from './targets.ts';

interface ProposeFormProps {
  readonly environment: string;
  readonly actions: readonly Action[];
  readonly lab: { readonly guests: readonly Guest[]; readonly nodes: readonly PveNode[] };
  readonly firstTarget: string;
  readonly onPlanned: (plan_id: string) => void;
}

interface Proposal {
  readonly environment: string;
  readonly action: string;
  readonly target: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly reason?: string;
}

/** `vm/101` fits an action on a `vm`. */
const fits = (action: Action, target: string): boolean =>
  target === '' || target.startsWith(`${action.target}/`) || target === action.target;

/** The form. What is typed is kept when the action changes and both have a parameter of that name. */
export function ProposeForm({ environment, actions, lab, firstTarget, onPlanned }: ProposeFormProps) {
  const { data: me } = useMe();
  const [name, setName] = useState('');
  const [target, setTarget] = useState(firstTarget);
  const [values, setValues] = useState<Values>({});
  const [reason, setReason] = useState('');
  const [own, setOwn] = useState<Record<string, string>>({});
  const send = useSend<Plan, Proposal>((post, proposal) => post('/v1/actions/plan', proposal));
  const offered = useMemo(() => actions.filter((action) => fits(action, firstTarget)), [actions, firstTarget]);
  const action = offered.find((one) => one.name === name);
  const params = useMemo(() => (action === undefined ? [] : paramsOf(action.params)), [action]);
  const problem = send.error instanceof Problem ? send.error : undefined;
  const { placed, leftover } = placeErrors(problem?.errors ?? {}, [
    'action',
    'target',
    'reason',
    ...params.map(({ name }) => name),
  ]);
  const errorOf = (field: string): string | undefined => own[field] ?? placed[field];

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    send.reset();
    const { params: given, errors } = collect(params, values);
    if (action === undefined) errors['action'] = 'Choose what is to be done.';
    if (target.trim() === '') errors['target'] = 'Choose what it is to be done to.';
    setOwn(errors);
    if (Object.keys(errors).length > 0 || action === undefined) return;
    const proposal = { environment, action: action.name, target: target.trim(), params: given };
    send.mutate(reason.trim() === '' ? proposal : { ...proposal, reason: reason.trim() }, {
      onSuccess: ({ plan_id }) => onPlanned(plan_id),
    });
  };

  return (
    <form noValidate onSubmit={submit} className="flex flex-col gap-4">
      <ActionField actions={offered} name={name} action={action} error={errorOf('action')} onChange={setName} />
      <TargetField kind={action?.target} lab={lab} target={target} error={errorOf('target')} onChange={setTarget} />
      {action !== undefined && (
        <Params
          params={params}
          values={values}
          errorOf={errorOf}
          onChange={setValues}
          example={action.example?.params}
        />
      )}
      <Field label="Reason" hint="Shown to who approves, and kept in the audit." error={errorOf('reason')}>
        {(ids) => <input {...ids} value={reason} onChange={(event) => setReason(event.target.value)} />}
      </Field>
      {send.error !== null && <ProblemNote error={send.error} leftover={leftover} />}
      {problem?.plan_id !== undefined && (
        <Button onClick={() => onPlanned(problem.plan_id ?? '')}>Look at the plan that failed</Button>
      )}
      {send.isPending && (
        <div role="status">
          <progress className="bar text-accent" aria-label="Rehearsing the change" />
          <p className="mt-1 text-dim">Reading the lab and rehearsing the change on its twin…</p>
        </div>
      )}
      <div className="flex flex-wrap items-center gap-3">
        <Button type="submit" look="primary" busy={send.isPending} disabledBecause={mayNotPropose(me)}>
          Plan it
        </Button>
        <span className="text-dim">Nothing is changed yet: you see the plan first.</span>
      </div>
    </form>
  );
}

interface ActionFieldProps {
  readonly actions: readonly Action[];
  readonly name: string;
  readonly action: Action | undefined;
  readonly error: string | undefined;
  readonly onChange: (name: string) => void;
}

const ActionField = ({ actions, name, action, error, onChange }: ActionFieldProps) => (
  <div>
    <Field label="Action" required error={error}>
      {(ids) => (
        <select {...ids} value={name} onChange={(event) => onChange(event.target.value)} className="w-full">
          <option value="">choose what is to be done</option>
          {byDomain(actions).map(([domain, members]) => (
            <optgroup key={domain} label={domain}>
              {members.map((one) => (
                <option key={one.name} value={one.name}>
                  {one.title} ({one.name})
                </option>
              ))}
            </optgroup>
          ))}
        </select>
      )}
    </Field>
    {action !== undefined && (
      <p className="mt-1">
        <RiskChip level={riskOf(action)} />{' '}
        <span className="text-dim">{[action.summary, riskWhy(action)].filter(Boolean).join(' Risk: ')}</span>
      </p>
    )}
  </div>
);

interface TargetFieldProps {
  readonly kind: string | undefined;
  readonly lab: ProposeFormProps['lab'];
  readonly target: string;
  readonly error: string | undefined;
  readonly onChange: (target: string) => void;
}

function TargetField({ kind, lab, target, error, onChange }: TargetFieldProps) {
  const choices = targetChoices(kind, lab.guests, lab.nodes);
  return (
    <Field
      label="Target"
      required
      error={error}
      hint={`Such as ${kind === undefined ? 'vm/101' : `${kind}/…`}; type to search by number or name.`}
    >
      {(ids) => (
        <>
          <input
            {...ids}
            list={`${ids.id}-list`}
            autoComplete="off"
            spellCheck={false}
            value={target}
            onChange={(event) => onChange(event.target.value)}
            className="font-mono"
          />
          <datalist id={`${ids.id}-list`}>
            {choices.map(({ value, text }) => (
              <option key={value} value={value} label={text} />
            ))}
          </datalist>
        </>
      )}
    </Field>
  );
}

interface ParamsProps {
  readonly params: readonly Param[];
  readonly values: Values;
  readonly errorOf: (name: string) => string | undefined;
  readonly onChange: (values: Values) => void;
  readonly example: Readonly<Record<string, unknown>> | undefined;
}

function Params({ params, values, errorOf, onChange, example }: ParamsProps) {
  if (params.length === 0) return <p className="text-dim">This action has no parameters.</p>;
  const fill = (): void =>
    onChange(Object.fromEntries(params.map((param) => [param.name, toText(param, example?.[param.name])])));
  const hasExample = example !== undefined && Object.keys(example).length > 0;
  return (
    <fieldset className="rounded-md border border-line px-3 pt-1 pb-3">
      <legend className="px-1 text-dim">Parameters</legend>
      {hasExample && (
        <div className="mb-2">
          <Button look="quiet" onClick={fill}>
            Fill in the example
          </Button>
        </div>
      )}
      <div className="grid gap-x-4 gap-y-3 sm:grid-cols-2">
        {params.map((param) => (
          <ParamField
            key={param.name}
            param={param}
            value={values[param.name] ?? ''}
            error={errorOf(param.name)}
            onChange={(value) => onChange({ ...values, [param.name]: value })}
          />
        ))}
      </div>
    </fieldset>
  );
}
