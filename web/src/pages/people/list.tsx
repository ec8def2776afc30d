import { usePeople } from '../../api/people_queries.ts';
import type { PersonRow } from '../../api/people_types.ts';
import type { Me } from '../../api/types.ts';
import { Button } from '../../parts/button.tsx';
import { StateChip } from '../../parts/chip.tsx';
import { toMs } from '../../parts/format.ts';
import { Empty, Loaded, Panel, Section } from '../../parts/section.tsx';
import { Table, type Column } from '../../parts/table.tsx';
import { Ago } from '../../parts/time.tsx';
import { signsInWith } from './may.ts';
import { Roles } from './roles.tsx';

interface PeopleProps {
  readonly me: Me;
  readonly onOpen: (id: string) => void;
  readonly onInvite: () => void;
}

/** Everybody whom the caller looks after. */
export function PeopleList({ me, onOpen, onInvite }: PeopleProps) {
  const query = usePeople(true);
  return (
    <Section
      id="people"
      title="People"
      aside={
        <Button look="primary" onClick={onInvite}>
          Invite a person
        </Button>
      }
    >
      {me.person === undefined && (
        <p className="mb-2 text-dim">
          You are here with a token that stands for itself. To have a password, a second factor and passkeys, invite
          yourself as a person and open the link.
        </p>
      )}
      <Loaded query={query} what="the people">
        {({ people }) =>
          people.length === 0 ? (
            <Empty>Nobody yet. Invite somebody, and give them the link.</Empty>
          ) : (
            <Panel>
              <Table
                caption="People"
                columns={columns(me, onOpen)}
                rows={people.toSorted((a, b) => a.name.localeCompare(b.name))}
                id={({ id }) => id}
              />
            </Panel>
          )
        }
      </Loaded>
    </Section>
  );
}

const columns = (me: Me, onOpen: (id: string) => void): readonly Column<PersonRow>[] => [
  {
    label: 'Name',
    heads: true,
    bare: true,
    by: ({ name }) => name,
    cell: ({ id, name, display }) => (
      <>
        <button
          type="button"
          onClick={() => onOpen(id)}
          className="max-w-full text-left font-semibold break-words text-accent hover:underline"
        >
          {name}
        </button>
        <span className="block text-xs text-dim">
          {display === name ? 'human' : `${display}, human`}
          {me.person?.id === id && ', you'}
        </span>
      </>
    ),
  },
  { label: 'State', by: ({ state }) => state, cell: ({ state }) => <StateChip state={state} /> },
  { label: 'Roles', cell: ({ grants }) => <Roles grants={grants} /> },
  {
    label: 'Signs in with',
    cell: (person) => {
      const ways = signsInWith(person);
      return ways.length === 0 ? <span className="text-dim">nothing yet</span> : ways.join(', ');
    },
  },
  {
    label: 'Last sign-in',
    by: ({ login_at }) => toMs(login_at) ?? 0,
    cell: ({ login_at }) => (login_at === null ? <span className="text-dim">never</span> : <Ago at={login_at} />),
  },
];
