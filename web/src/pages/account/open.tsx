import { useAccountChange, useOwnTokens, useSessions } from '../../api/queries.ts';
import { Button } from '../../parts/button.tsx';
import { Loaded } from '../../parts/section.tsx';
import { Ago } from '../../parts/time.tsx';
import { Part } from './credentials.tsx';

/** What a browser calls itself is long; its last names say which it is. */
const short = (client: string): string => client.split(' ').slice(-2).join(' ');

/** Where the person is signed in with a browser. */
export function Sessions() {
  const query = useSessions();
  const end = useAccountChange<void, string>((client, id) =>
    client.change('DELETE', `/v1/sessions/${encodeURIComponent(id)}`),
  );
  return (
    <Part title="Sessions">
      <Loaded query={query} what="your sessions">
        {({ sessions }) => (
          <ul className="flex flex-col gap-1" aria-label="Sessions">
            {sessions.map(({ id, method, client, address, seen_at, current }) => (
              <li key={id} className="flex flex-wrap items-center gap-x-3">
                <span className="font-medium">{current ? 'This browser' : short(client)}</span>
                <span className="text-dim">
                  by {method}, from {address}, seen <Ago at={seen_at} />
                </span>
                {!current && (
                  <Button look="quiet" label={`End the session of ${short(client)}`} onClick={() => end.mutate(id)}>
                    End it
                  </Button>
                )}
              </li>
            ))}
            {sessions.length === 0 && <li className="text-dim">None: you are here with a token.</li>}
          </ul>
        )}
      </Loaded>
      {end.error !== null && <p className="text-bad">{end.error.message}</p>}
    </Part>
  );
}

/** The tokens that end with the person. */
export function OwnTokens() {
  const query = useOwnTokens();
  const revoke = useAccountChange<void, string>((client, id) =>
    client.change('DELETE', `/v1/me/tokens/${encodeURIComponent(id)}`),
  );
  return (
    <Part title="Your tokens">
      <Loaded query={query} what="your tokens">
        {({ tokens }) => (
          <ul className="flex flex-col gap-1" aria-label="Your tokens">
            {tokens.map(({ id, name, role, class: kind, expires_at }) => (
              <li key={id} className="flex flex-wrap items-center gap-x-3">
                <span className="font-medium">{name}</span>
                <span className="text-dim">
                  {kind}, {role}, {expires_at ? <>until {new Date(expires_at).toLocaleDateString()}</> : 'for ever'}
                </span>
                <Button look="quiet" label={`Revoke the token ${name}`} onClick={() => revoke.mutate(id)}>
                  Revoke
                </Button>
              </li>
            ))}
            {tokens.length === 0 && (
              <li className="text-dim">
                None. <code className="font-mono">proxmox-agent token create --own</code> makes one.
              </li>
            )}
          </ul>
        )}
      </Loaded>
      {revoke.error !== null && <p className="text-bad">{revoke.error.message}</p>}
    </Part>
  );
}
