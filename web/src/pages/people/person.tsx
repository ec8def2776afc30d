import { useState } from 'react';
import { usePeopleChange } from '../../api/people_queries.ts';
import type { Grants, PersonRow } from '../../api/people_types.ts';
import type { Me, Role } from '../../api/types.ts';
import { Button } from '../../parts/button.tsx';
import { StateChip } from '../../parts/chip.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { Facts } from '../../parts/facts.tsx';
import { ProblemNote } from '../../parts/problem_note.tsx';
import { Ago } from '../../parts/time.tsx';
import { Part } from '../plan/part.tsx';
import { Access } from './access.tsx';
import { chosen, mayNotChange, signsInWith, whyNotSave } from './may.ts';
import { RoleChoice } from './roles.tsx';
import { TheirSessions } from './sessions.tsx';

interface PersonDialogProps {
  readonly me: Me;
  readonly person: PersonRow;
  readonly onClose: () => void;
}

/** One person: what is known of it, what it may do, and how it gets in. */
export function PersonDialog({ me, person, onClose }: PersonDialogProps) {
  const why = mayNotChange(me, person);
  return (
    <Dialog
      title={person.display === person.name ? person.name : `${person.display} (${person.name})`}
      onClose={onClose}
    >
      <div className="flex flex-col gap-5">
        <Known person={person} />
        {why === undefined ? (
          <>
            <Rights key={JSON.stringify(person.grants)} me={me} person={person} />
            <Access person={person} />
            <TheirSessions person={person} />
          </>
        ) : (
          <p className="text-dim">{why}</p>
        )}
      </div>
    </Dialog>
  );
}

const Known = ({ person }: { person: PersonRow }) => (
  <Facts
    facts={[
      ['State', <StateChip state={person.state} />],
      ['Class', 'human'],
      ['Signs in with', signsInWith(person).join(', ') || 'nothing yet'],
      ['Provider', person.issuer],
      ['Recovery codes', person.totp || person.passkeys > 0 ? `${person.recovery_codes} left` : undefined],
      ['Last sign-in', person.login_at === null ? 'never' : <Ago at={person.login_at} />],
      ['Added', <Ago at={person.created_at} />],
      ['Id', <code className="font-mono text-xs break-all">{person.id}</code>],
    ]}
  />
);

function Rights({ me, person }: { me: Me; person: PersonRow }) {
  const [choices, setChoices] = useState<Readonly<Record<string, Role | ''>>>(person.grants);
  const change = usePeopleChange<PersonRow, Grants>((client, grants) =>
    client.change('PATCH', `/v1/people/${encodeURIComponent(person.id)}`, { grants }),
  );
  const wanted = chosen(choices);
  return (
    <Part title="Rights">
      <form
        className="flex flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate(wanted);
        }}
      >
        {person.issuer !== undefined && (
          <p className="text-dim">
            {person.name} signs in at a provider, which says the rights anew at each sign-in: what you choose here holds
            until then.
          </p>
        )}
        {change.error !== null && <ProblemNote error={change.error} />}
        <RoleChoice me={me} choices={choices} onChange={setChoices} />
        <div>
          <Button type="submit" busy={change.isPending} disabledBecause={whyNotSave(me, person, wanted)}>
            Save the rights
          </Button>
        </div>
      </form>
    </Part>
  );
}
