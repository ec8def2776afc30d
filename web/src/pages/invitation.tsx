import { useEffect, useRef, useState } from 'react';
import { createClient, Problem } from '../api/client.ts';
import type { Session } from '../api/session.ts';
import { Button } from '../parts/button.tsx';
import { Door } from './door.tsx';
import { NewPassword } from './new_password.tsx';

interface InvitationProps {
  readonly code: string;
  readonly session: Session;
  readonly onDone: () => void;
}

type Read = { readonly name: string; readonly display: string } | { readonly problem: Problem } | undefined;

/** An invitation: whom it is for, and the password to begin with. */
export function Invitation({ code, session, onDone }: InvitationProps) {
  const [read, setRead] = useState<Read>();
  const sent = useRef(false);
  // Whoever is signed in here is not who was invited.
  const post = <T,>(body: object): Promise<T> => createClient(session).post<T>('/v1/invitation', body);
  useEffect(() => {
    if (sent.current) return;
    sent.current = true;
    post<{ name: string; display: string }>({ code }).then(setRead, (error: unknown) =>
      setRead({ problem: error instanceof Problem ? error : new Problem(0, { detail: String(error) }) }),
    );
  });

  if (read === undefined)
    return (
      <Door title="Opening the invitation">
        <p role="status">Reading the invitation…</p>
      </Door>
    );
  if ('problem' in read)
    return (
      <Door title="This invitation cannot be used any more">
        <p role="alert" className="mb-4 rounded-md border border-warn bg-warn-soft px-3 py-2">
          {read.problem.message}
        </p>
        <Button onClick={onDone}>Go on to signing in</Button>
      </Door>
    );
  const accept = async (password: string): Promise<void> => {
    const { csrf } = await post<{ csrf: string }>({ code, password });
    session.enter(csrf);
    onDone();
  };
  return (
    <Door title={`Welcome, ${read.display}`}>
      <p className="mb-4">
        You sign in here as <strong className="font-mono">{read.name}</strong>. Choose a password; under your name you
        can add an authenticator or a passkey afterwards.
      </p>
      <NewPassword label="Your password" button="Begin" name={read.name} send={accept} />
    </Door>
  );
}
