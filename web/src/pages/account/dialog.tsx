import { useState } from 'react';
import { createClient } from '../../api/client.ts';
import { useApi } from '../../api/context.tsx';
import { useMe } from '../../api/queries.ts';
import type { Me } from '../../api/types.ts';
import { Button } from '../../parts/button.tsx';
import { CopyText } from '../../parts/copy.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { Facts } from '../../parts/facts.tsx';
import { Loaded } from '../../parts/section.tsx';
import { KeepChoice } from '../door.tsx';
import { OwnTokens, Sessions } from './open.tsx';
import { Credentials } from './credentials.tsx';

/** Who is signed in, how that is proven, and the way out. */
export function Account() {
  const { data } = useMe();
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button look="quiet" onClick={() => setOpen(true)} label={`Account: ${data?.name ?? 'unknown'}`}>
        <span className="max-w-40 truncate">{data?.name ?? 'Account'}</span>
      </Button>
      {open && <AccountDialog onClose={() => setOpen(false)} />}
    </>
  );
}

function AccountDialog({ onClose }: { onClose: () => void }) {
  const { session } = useApi();
  const me = useMe();
  const signOut = (): void => {
    // A cookie is the server's to end; whatever it answers, this page lets go of it.
    if (session.token() === undefined)
      void createClient(session)
        .change('DELETE', '/v1/session')
        .catch(() => undefined);
    session.signOut();
  };
  return (
    <Dialog title="Your account" onClose={onClose}>
      <Loaded query={me} what="who you are">
        {(found) => (
          <div className="flex flex-col gap-5">
            <Who me={found} />
            {session.token() !== undefined && <KeptToken />}
            {found.person === undefined && found.class === 'human' && (
              <p className="text-dim">
                This token stands for itself. Somebody with a password, a second factor and passkeys is a person: an
                admin invites one on the page People.
              </p>
            )}
            {found.person !== undefined && found.class === 'human' && (
              <>
                <Credentials person={found.person} fresh={found.factor_at} />
                <Sessions />
                <OwnTokens />
              </>
            )}
          </div>
        )}
      </Loaded>
      <div className="mt-5">
        <Button look="danger" onClick={signOut}>
          Sign out
        </Button>
      </div>
    </Dialog>
  );
}

const rolesOf = ({ grants, environments }: Me): string =>
  grants === undefined
    ? environments === null || environments === undefined || environments.includes('*')
      ? 'all'
      : environments.join(', ')
    : Object.entries(grants)
        .map(([name, role]) => `${name === '*' ? 'all' : name} (${role})`)
        .join(', ');

const Who = ({ me }: { me: Me }) => (
  <Facts
    facts={[
      [
        'Name',
        me.person !== undefined && me.person.display !== me.name ? `${me.name} (${me.person.display})` : me.name,
      ],
      ['Role', me.role],
      ['Class', me.class],
      ['Environments', rolesOf(me)],
      ['Actions', me.actions?.join(', ')],
      [me.person === undefined ? 'Token id' : 'Id', <code className="font-mono break-all">{me.id}</code>],
    ]}
  />
);

/** The token that this browser keeps. */
function KeptToken() {
  const { session } = useApi();
  const [kept, setKept] = useState(session.kept);
  const [shown, setShown] = useState(false);
  const token = session.token() ?? '';
  return (
    <div className="flex flex-col gap-3">
      <KeepChoice
        keep={kept}
        onChange={(keep) => {
          session.signIn(token, keep);
          setKept(keep);
        }}
      />
      {shown ? (
        <CopyText text={token} label="Your token" />
      ) : (
        <div>
          <Button onClick={() => setShown(true)}>Show the token</Button>
        </div>
      )}
    </div>
  );
}
