import { useState } from 'react';
import { usePeopleChange, useTheirSessions } from '../../api/people_queries.ts';
import type { PersonRow } from '../../api/people_types.ts';
import { Button } from '../../parts/button.tsx';
import { Confirm } from '../../parts/confirm.tsx';
import { count } from '../../parts/format.ts';
import { Loaded } from '../../parts/section.tsx';
import { Ago } from '../../parts/time.tsx';
import { Part } from '../plan/part.tsx';

/** Where a person is signed in, and the end of it. */
export function TheirSessions({ person: { id, name } }: { person: PersonRow }) {
  const query = useTheirSessions(id);
  const [asks, setAsks] = useState(false);
  const end = usePeopleChange<void, void>((client) =>
    client.change('DELETE', `/v1/people/${encodeURIComponent(id)}/sessions`),
  );
  return (
    <Part title="Sessions">
      <Loaded query={query} what={`the sessions of ${name}`}>
        {({ sessions }) =>
          sessions.length === 0 ? (
            <p className="text-dim">{name} is signed in with no browser.</p>
          ) : (
            <>
              <ul aria-label={`Sessions of ${name}`} className="mb-2 flex flex-col gap-1">
                {sessions.map((one) => (
                  <li key={one.id} className="min-w-0 break-words">
                    by {one.method}, from {one.address}, seen <Ago at={one.seen_at} />
                  </li>
                ))}
              </ul>
              <Button look="danger" onClick={() => setAsks(true)}>
                End {count(sessions.length, 'session')}…
              </Button>
            </>
          )
        }
      </Loaded>
      {asks && (
        <Confirm
          title={`End the sessions of ${name}?`}
          button="End the sessions"
          busy={end.isPending}
          error={end.error}
          onConfirm={() => end.mutate(undefined, { onSuccess: () => setAsks(false) })}
          onClose={() => setAsks(false)}
        >
          <p>{name} has to sign in again with every browser. Tokens go on.</p>
        </Confirm>
      )}
    </Part>
  );
}
