import { useNavigate, useSearch } from '@tanstack/react-router';
import { usePeople } from '../../api/people_queries.ts';
import { useMe } from '../../api/queries.ts';
import type { Me } from '../../api/types.ts';
import { Empty, Loaded, Section } from '../../parts/section.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { InviteDialog } from './invite.tsx';
import { PeopleList } from './list.tsx';
import { MakeTokenDialog } from './make_token.tsx';
import { mayNotAdminister } from './may.ts';
import { PersonDialog } from './person.tsx';
import { TokenList } from './tokens.tsx';

/** What the address names: nobody is called so, for an id has hyphens. */
const NEW = 'new';

/** People and tokens, for admins. */
export function People() {
  const query = useMe();
  return (
    <Loaded query={query} what="who you are">
      {(me) => {
        const why = mayNotAdminister(me);
        return why === undefined ? (
          <Administered me={me} />
        ) : (
          <Section id="people" title="People">
            <Empty>{why}</Empty>
          </Section>
        );
      }}
    </Loaded>
  );
}

function Administered({ me }: { me: Me }) {
  const { person, token } = useSearch({ from: '__root__' });
  const navigate = useNavigate();
  const open = (search: { person?: string; token?: string }): void => void navigate({ to: '/people', search });
  const close = (): void => open({});
  return (
    <div className="flex flex-col gap-7">
      <PeopleList me={me} onOpen={(id) => open({ person: id })} onInvite={() => open({ person: NEW })} />
      <TokenList me={me} onMake={() => open({ token: NEW })} />
      {person === NEW && <InviteDialog me={me} onClose={close} />}
      {person !== undefined && person !== NEW && <OnePerson key={person} me={me} id={person} onClose={close} />}
      {token === NEW && <MakeTokenDialog me={me} onClose={close} />}
    </div>
  );
}

function OnePerson({ me, id, onClose }: { me: Me; id: string; onClose: () => void }) {
  const query = usePeople(true);
  const found = query.data?.people.find((one) => one.id === id);
  if (found !== undefined) return <PersonDialog me={me} person={found} onClose={onClose} />;
  return (
    <Dialog title="A person" onClose={onClose}>
      <Loaded query={query} what="the people">
        {() => <p>There is no such person among those whom you look after.</p>}
      </Loaded>
    </Dialog>
  );
}
