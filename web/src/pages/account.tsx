import { useState } from 'react';
import { useApi } from '../api/context.tsx';
import { useMe } from '../api/queries.ts';
import { Button } from '../parts/button.tsx';
import { CopyText } from '../parts/copy.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { Facts } from '../parts/facts.tsx';
import { Loaded } from '../parts/section.tsx';
import { KeepChoice } from './door.tsx';

/** Who is signed in, and the way out. */
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
  const [kept, setKept] = useState(session.kept);
  const [shown, setShown] = useState(false);
  const token = session.token() ?? '';
  return (
    <Dialog title="Signed in" onClose={onClose}>
      <Loaded query={me} what="who you are">
        {({ id, name, role, class: kind, environments }) => (
          <Facts
            facts={[
              ['Name', name],
              ['Role', role],
              ['Class', kind],
              [
                'Environments',
                environments === null || environments === undefined || environments.includes('*')
                  ? 'all'
                  : environments.join(', '),
              ],
              ['Token id', <code className="font-mono">{id}</code>],
            ]}
          />
        )}
      </Loaded>
      <div className="my-4 flex flex-col gap-3">
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
      <Button look="danger" onClick={() => session.signOut()}>
        Sign out
      </Button>
    </Dialog>
  );
}
