import { useState, type FormEvent } from 'react';
import { SHOWN_BEFORE } from '../../api/attempts.ts';
import { Problem } from '../../api/client.ts';
import { usePeopleChange } from '../../api/people_queries.ts';
import type { InvitedPerson } from '../../api/people_types.ts';
import type { Me, Role } from '../../api/types.ts';
import { Button } from '../../parts/button.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { Field } from '../../parts/field.tsx';
import { ProblemNote } from '../../parts/problem_note.tsx';
import { InviteLink } from './link.tsx';
import { chosen } from './may.ts';
import { RoleChoice } from './roles.tsx';

/** Invites somebody, and shows the link once. */
export function InviteDialog({ me, onClose }: { me: Me; onClose: () => void }) {
  const [made, setMade] = useState<InvitedPerson>();
  return (
    <Dialog title={made === undefined ? 'Invite a person' : `${made.name} is invited`} onClose={onClose}>
      {made === undefined ? (
        <InviteForm me={me} onMade={setMade} />
      ) : (
        <div className="flex flex-col gap-3">
          <InviteLink person={made} />
          <div>
            <Button onClick={onClose}>{made.invitation?.code === SHOWN_BEFORE ? 'Close' : 'I have it'}</Button>
          </div>
        </div>
      )}
    </Dialog>
  );
}

function InviteForm({ me, onMade }: { me: Me; onMade: (made: InvitedPerson) => void }) {
  const [name, setName] = useState('');
  const [display, setDisplay] = useState('');
  const [choices, setChoices] = useState<Readonly<Record<string, Role | ''>>>({});
  const send = usePeopleChange<InvitedPerson, void>((client) =>
    client.post('/v1/people', {
      name: name.trim().toLowerCase(),
      ...(display.trim() === '' ? {} : { display: display.trim() }),
      grants: chosen(choices),
    }),
  );
  const errors = send.error instanceof Problem ? send.error.errors : {};
  const placed = ['name', 'display'].filter((field) => errors[field] !== undefined);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    send.mutate(undefined, { onSuccess: onMade });
  };
  const why =
    name.trim() === ''
      ? 'Give a name first.'
      : Object.keys(chosen(choices)).length === 0
        ? 'Choose a role in an environment first.'
        : undefined;
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      {send.error !== null && (placed.length === 0 || placed.length < Object.keys(errors).length) && (
        <ProblemNote error={send.error} placed={placed} />
      )}
      <Field
        label="Name"
        required
        hint="What the person signs in with; it cannot be changed. Lower-case letters, digits, dots and hyphens."
        error={errors['name']}
      >
        {(ids) => (
          <input
            {...ids}
            value={name}
            maxLength={32}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
      <Field label="Full name" error={errors['display']}>
        {(ids) => (
          <input
            {...ids}
            value={display}
            maxLength={100}
            autoComplete="off"
            onChange={(event) => setDisplay(event.target.value)}
          />
        )}
      </Field>
      <RoleChoice me={me} choices={choices} onChange={setChoices} />
      <div>
        <Button type="submit" look="primary" busy={send.isPending} disabledBecause={why}>
          Invite
        </Button>
      </div>
    </form>
  );
}
