import { useState } from 'react';
import { usePeopleChange } from '../../api/people_queries.ts';
import type { InvitedPerson, PersonRow } from '../../api/people_types.ts';
import { Button } from '../../parts/button.tsx';
import { Confirm } from '../../parts/confirm.tsx';
import { ProblemNote } from '../../parts/problem_note.tsx';
import { Part } from '../plan/part.tsx';
import { InviteLink } from './link.tsx';

/** Letting a person in, keeping it out, and beginning anew. */
export function Access({ person }: { person: PersonRow }) {
  const [link, setLink] = useState<InvitedPerson>();
  const path = `/v1/people/${encodeURIComponent(person.id)}`;
  const [asks, setAsks] = useState<'disable' | 'reset'>();
  const disable = usePeopleChange<PersonRow, boolean>((client, disabled) => client.change('PATCH', path, { disabled }));
  const reset = usePeopleChange<InvitedPerson, void>((client) => client.post(`${path}/reset`));
  const { name, state, issuer } = person;
  const close = (): void => setAsks(undefined);
  const begin = (what: 'disable' | 'reset'): void => {
    disable.reset();
    reset.reset();
    setAsks(what);
  };
  const off = (): void =>
    disable.mutate(true, {
      onSuccess: () => {
        setLink(undefined);
        close();
      },
    });
  const anew = (): void =>
    reset.mutate(undefined, {
      onSuccess: (made) => {
        setLink(made);
        close();
      },
    });
  return (
    <Part title="Access">
      {asks === undefined && disable.error !== null && <ProblemNote error={disable.error} />}
      <p className="mb-2 text-dim">{STANDING[state](name)}</p>
      <div className="flex flex-wrap gap-2">
        {state === 'disabled' ? (
          <Button busy={disable.isPending} onClick={() => disable.mutate(false)}>
            Enable
          </Button>
        ) : (
          <Button look="danger" onClick={() => begin('disable')}>
            Disable…
          </Button>
        )}
        <Button look="danger" onClick={() => begin('reset')}>
          {state === 'invited' ? 'New link…' : 'Reset…'}
        </Button>
      </div>
      {link !== undefined && (
        <div className="mt-3">
          <InviteLink person={link} />
        </div>
      )}
      {asks === 'disable' && (
        <Confirm
          title={`Disable ${name}?`}
          button={`Disable ${name}`}
          busy={disable.isPending}
          error={disable.error}
          onConfirm={off}
          onClose={close}
        >
          <p>
            All sessions and tokens of {name} end at once, and an open link is worth nothing. The password and the
            second factors are kept: when {name} is enabled again, only the tokens have to be made anew.
          </p>
        </Confirm>
      )}
      {asks === 'reset' && (
        <Confirm
          title={state === 'invited' ? `A new link for ${name}?` : `Reset ${name}?`}
          button={state === 'invited' ? 'Make a new link' : `Reset ${name}`}
          busy={reset.isPending}
          error={reset.error}
          onConfirm={anew}
          onClose={close}
        >
          <ResetWords name={name} state={state} elsewhere={issuer !== undefined} />
        </Confirm>
      )}
    </Part>
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
