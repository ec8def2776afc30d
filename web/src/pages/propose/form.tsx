import { useEffect, useMemo, useRef, useState, type FormEvent } from 'react';
import { Problem } from '../../api/client.ts';
import { useMe, useSend } from '../../api/queries.ts';
import type { Action, Plan } from '../../api/types.ts';
import { Button } from '../../parts/button.tsx';
import { Field } from '../../parts/field.tsx';
import { ProblemNote } from '../../parts/problem_note.tsx';
import { mayNotPropose } from '../rights.ts';
import { ActionField, Params, TargetField, type Lab } from './form_fields.tsx';
import { collect, paramsOf, placeErrors, type Values } from './schema.ts';

interface ProposeFormProps {
  readonly environment: string;
  readonly actions: readonly Action[];
  readonly lab: Lab;
  readonly firstTarget: string;
  /** The change record that it belongs to; empty for none. */
  readonly firstChange: string;
  readonly onPlanned: (plan_id: string) => void;
}

interface Proposal {
  readonly environment: string;
  readonly action: string;
  readonly target: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly reason?: string;
  readonly change_id?: string;
}

/** `vm/101` fits an action on a `vm`. */
const fits = (action: Action, target: string): boolean =>
  target === '' || target.startsWith(`${action.target}/`) || target === action.target;

/** The form: an action, its target, its parameters, the reason. */
export function ProposeForm({ environment, actions, lab, firstTarget, firstChange, onPlanned }: ProposeFormProps) {
  const { data: me } = useMe();
  const [name, setName] = useState('');
  const [target, setTarget] = useState(firstTarget);
  const [values, setValues] = useState<Values>({});
  const [reason, setReason] = useState('');
  const [change, setChange] = useState(firstChange);
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
    'change_id',
    ...params.map(({ name }) => `params.${name}`),
  ]);
  const errorOf = (field: string): string | undefined => own[field] ?? placed[field];

  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    form.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus();
  }, [own, send.error]);
  // Parameters of the same name mean different things in different actions.
  const choose = (chosen: string): void => {
    setName(chosen);
    setValues({});
    setOwn({});
    send.reset();
  };

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    send.reset();
    const { params: given, errors } = collect(params, values);
    if (action === undefined) errors['action'] = 'Choose what is to be done.';
    if (target.trim() === '') errors['target'] = 'Choose what it is to be done to.';
    setOwn(errors);
    if (Object.keys(errors).length > 0 || action === undefined) return;
    const proposal = {
      ...{ environment, action: action.name, target: target.trim(), params: given },
      ...(reason.trim() === '' ? {} : { reason: reason.trim() }),
      ...(change.trim() === '' ? {} : { change_id: change.trim() }),
    };
    send.mutate(proposal, { onSuccess: ({ plan_id }) => onPlanned(plan_id) });
  };

  return (
    <form ref={form} noValidate onSubmit={submit} className="flex flex-col gap-4">
      <ActionField actions={offered} name={name} action={action} error={errorOf('action')} onChange={choose} />
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
      <Field
        label="Change record"
        hint="The change that it is a part of, such as CC-001; none when empty."
        error={errorOf('change_id')}
      >
        {(ids) => <input {...ids} value={change} onChange={(event) => setChange(event.target.value)} />}
      </Field>
      {send.error !== null && <ProblemNote error={send.error} leftover={leftover} />}
      {problem?.plan_id !== undefined && (
        <Button onClick={() => onPlanned(problem.plan_id ?? '')}>Look at the plan that failed</Button>
      )}
      <Submit busy={send.isPending} disabledBecause={mayNotPropose(me)} />
    </form>
  );
}

const Submit = ({ busy, disabledBecause }: { busy: boolean; disabledBecause: string | undefined }) => (
  <>
    {busy && (
      <div role="status">
        <progress className="bar text-accent" aria-label="Rehearsing the change" />
        <p className="mt-1 text-dim">Reading the lab and rehearsing the change on its twin…</p>
      </div>
    )}
    <div className="flex flex-wrap items-center gap-3">
      <Button type="submit" look="primary" busy={busy} disabledBecause={disabledBecause}>
        Plan it
      </Button>
      <span className="text-dim">Nothing is changed yet: you see the plan first.</span>
    </div>
  </>
);
