import { useState } from 'react';
import { usePeopleChange } from '../../api/people_queries.ts';
import type { InvitedPerson, PersonRow } from '../../api/people_types.ts';
import { Button } from '../../parts/button.tsx';
import { Confirm } from '../../parts/confirm.tsx';
import { ProblemNote } from '../../parts/problem_note.tsx';
import { Part } from '../plan/part.tsx';
import { InviteLink } from './link.tsx';

const pathOf = ({ id }: PersonRow): string => `/v1/people/${encodeURIComponent(id)}`;

/** Letting a person in, keeping it out, and beginning anew. */
export function Access({ person }: { person: PersonRow }) {
  const [link, setLink] = useState<InvitedPerson>();
  const [asks, setAsks] = useState<'disable' | 'reset'>();
  const enable = usePeopleChange<PersonRow, void>((client) =>
    client.change('PATCH', pathOf(person), { disabled: false }),
  );
  const { name, state } = person;
  const close = (): void => setAsks(undefined);
  const done = (made?: InvitedPerson): void => {
    setLink(made);
    close();
  };
  return (
    <Part title="Access">
      {enable.error !== null && <ProblemNote error={enable.error} />}
      <p className="mb-2 text-dim">{STANDING[state](name)}</p>
      <div className="flex flex-wrap gap-2">
        {state === 'disabled' ? (
          <Button busy={enable.isPending} onClick={() => enable.mutate()}>
            Enable
          </Button>
        ) : (
          <Button look="danger" onClick={() => setAsks('disable')}>
            Disable…
          </Button>
        )}
        <Button look="danger" onClick={() => setAsks('reset')}>
          {state === 'invited' ? 'New link…' : 'Reset…'}
        </Button>
      </div>
      {link !== undefined && (
        <div className="mt-3">
          <InviteLink person={link} />
        </div>
      )}
      {asks === 'disable' && <Disable person={person} onDone={done} onClose={close} />}
      {asks === 'reset' && <Reset person={person} onDone={done} onClose={close} />}
    </Part>
  );
}

interface AskProps {
  readonly person: PersonRow;
  readonly onDone: (made?: InvitedPerson) => void;
  readonly onClose: () => void;
}

function Disable({ person, onDone, onClose }: AskProps) {
  const { name } = person;
  const disable = usePeopleChange<PersonRow, void>((client) =>
    client.change('PATCH', pathOf(person), { disabled: true }),
  );
  return (
    <Confirm
      title={`Disable ${name}?`}
      button={`Disable ${name}`}
      busy={disable.isPending}
      error={disable.error}
      onConfirm={() => disable.mutate(undefined, { onSuccess: () => onDone() })}
      onClose={onClose}
    >
      <p>
        All sessions and tokens of {name} end at once, and an open link is worth nothing. The password and the second
        factors are kept: when {name} is enabled again, only the tokens have to be made anew.
      </p>
    </Confirm>
  );
}

function Reset({ person, onDone, onClose }: AskProps) {
  const { name, state, issuer } = person;
  const reset = usePeopleChange<InvitedPerson, void>((client) => client.post(`${pathOf(person)}/reset`));
  return (
    <Confirm
      title={state === 'invited' ? `A new link for ${name}?` : `Reset ${name}?`}
      button={state === 'invited' ? 'Make a new link' : `Reset ${name}`}
      busy={reset.isPending}
      error={reset.error}
      onConfirm={() => reset.mutate(undefined, { onSuccess: onDone })}
      onClose={onClose}
    >
      <ResetWords name={name} state={state} elsewhere={issuer !== undefined} />
    </Confirm>
  );
}

const STANDING: Readonly<Record<PersonRow['state'], (name: string) => string>> = {
  invited: (name) => `${name} has not come in yet. A link is good for a week; after that, make a new one.`,
  active: (name) => `${name} can sign in. Reset is for somebody who has lost everything to sign in with.`,
  disabled: (name) => `${name} is kept out. A reset lets ${name} in again, by a new link.`,
};

const ResetWords = ({ name, state, elsewhere }: { name: string; state: string; elsewhere: boolean }) => (
  <p>
    {state === 'invited'
      ? 'The link of before ends, and you get a new one to give away.'
      : `The password, the second factors, all sessions and all tokens of ${name} are taken away. `}
    {state !== 'invited' &&
      (elsewhere
        ? `${name} signs in at a provider and needs no link.`
        : `You get a new link, by which ${name} comes in and sets a password; the rights stay.`)}
  </p>
);
