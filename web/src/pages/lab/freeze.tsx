import { useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { Problem } from '../../api/client.ts';
import { useEnvironments, useMe, useSend } from '../../api/queries.ts';
import type { Environment } from '../../api/types.ts';
import { Button } from '../../parts/button.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { Field } from '../../parts/field.tsx';
import { moment } from '../../parts/format.ts';
import { ProblemNote } from '../../parts/problem_note.tsx';
import { mayNotApprove, mayNotPropose } from '../rights.ts';

type Frozen = Pick<Environment, 'name' | 'frozen'>;

/** A line above everything for each frozen environment; nothing while there are none. */
export function FrozenNotice() {
  const frozen = (useEnvironments().data?.environments ?? []).filter((one) => one.frozen !== undefined);
  return frozen.map(({ name, frozen: its }) => (
    <p key={name} role="status" className="rounded-md border border-warn bg-warn-soft px-3 py-2">
      <strong className="text-warn">{name} is frozen.</strong> Nothing is applied
      {its?.until === undefined ? '' : ` until ${moment(its.until)}`}: {its?.reason}
    </p>
  ));
}

/** Stops every apply of an environment, or lets its operations go on. */
export function FreezeButton({ environment }: { environment: Frozen }) {
  const [open, setOpen] = useState(false);
  const verb = environment.frozen ? 'Thaw' : 'Freeze';
  return (
    <>
      <Button look="quiet" onClick={() => setOpen(true)} label={`${verb} ${environment.name}`}>
        {verb}…
      </Button>
      {open && <FreezeDialog environment={environment} onClose={() => setOpen(false)} />}
    </>
  );
}

function FreezeDialog({ environment: { name, frozen }, onClose }: { environment: Frozen; onClose: () => void }) {
  const { data: me } = useMe();
  const [reason, setReason] = useState('');
  // What the dialog was opened for: the environment may be frozen or thawed by somebody else meanwhile.
  const [verb] = useState(frozen ? 'thaw' : 'freeze');
  const queries = useQueryClient();
  const send = useSend<unknown, string>((post, why) =>
    post(`/v1/environments/${encodeURIComponent(name)}/${verb}`, { reason: why }),
  );
  const may = verb === 'thaw' ? mayNotApprove(me, name) : mayNotPropose(me, name);
  const why = may ?? (reason.trim() === '' ? 'Say why first.' : undefined);
  const refused = send.error instanceof Problem ? send.error.errors : {};
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (why !== undefined || send.isPending) return;
    send.mutate(reason.trim(), {
      onSuccess: onClose,
      onSettled: () => void queries.invalidateQueries({ queryKey: ['environments'] }),
    });
  };
  return (
    <Dialog title={verb === 'thaw' ? `Let ${name} go on` : `Freeze ${name}`} onClose={onClose}>
      <form onSubmit={submit} className="flex flex-col gap-3">
        <p>
          {verb === 'thaw'
            ? 'Operations that wait go on at once, and plans are applied again.'
            : 'No plan is applied from now on, and running operations wait after their current step, until a person with the role approver lets them go on.'}
        </p>
        <Field
          label="Reason"
          required
          hint="Everybody whose change waits sees it; it is kept in the audit."
          error={refused['reason']}
        >
          {(ids) => <input {...ids} value={reason} onChange={(event) => setReason(event.target.value)} />}
        </Field>
        {send.error !== null && <ProblemNote error={send.error} />}
        <Button type="submit" look={verb === 'thaw' ? 'primary' : 'danger'} busy={send.isPending} disabledBecause={why}>
          {verb === 'thaw' ? `Let ${name} go on` : `Freeze ${name}`}
        </Button>
      </form>
    </Dialog>
  );
}
