import { useEffect, useRef, useState } from 'react';
import { createClient, Problem } from '../api/client.ts';
import type { Session } from '../api/session.ts';
import { Button } from '../parts/button.tsx';
import { CopyText } from '../parts/copy.tsx';
import { Door, KeepChoice } from './door.tsx';
import { NewPassword } from './new_password.tsx';

interface OwnerLinkProps {
  readonly code: string;
  readonly session: Session;
  readonly onDone: () => void;
}

type Outcome = { readonly token: string; readonly name: string } | { readonly problem: Problem } | undefined;

/** Redeems the one-time link and shows the owner's token this once. */
export function OwnerLink({ code, session, onDone }: OwnerLinkProps) {
  const [outcome, setOutcome] = useState<Outcome>();
  const sent = useRef(false);
  const redeem = async (): Promise<void> => {
    try {
      const made = await createClient(session).post<{ token: string; name: string }>('/v1/owner', { code });
      session.signIn(made.token, false);
      setOutcome(made);
    } catch (error) {
      setOutcome({ problem: error instanceof Problem ? error : new Problem(0, { detail: String(error) }) });
    }
  };
  useEffect(() => {
    // The code works once: whatever renders this again must not send it a second time.
    if (sent.current) return;
    sent.current = true;
    void redeem();
  });

  if (outcome === undefined) {
    return (
      <Door title="Opening the owner link">
        <p role="status">The server is making your token…</p>
      </Door>
    );
  }
  if ('problem' in outcome)
    return (
      <Refused
        problem={outcome.problem}
        signedIn={session.caller() !== undefined}
        onDone={onDone}
        onRetry={() => void redeem()}
      />
    );
  return <Welcome token={outcome.token} name={outcome.name} session={session} onDone={onDone} />;
}

function Welcome({
  token,
  name,
  session,
  onDone,
}: {
  token: string;
  name: string;
  session: Session;
  onDone: () => void;
}) {
  const [keep, setKeep] = useState(false);
  const change = (kept: boolean): void => {
    setKeep(kept);
    session.signIn(token, kept);
  };
  const withPassword = async (password: string): Promise<void> => {
    const client = createClient(session);
    await client.change('PUT', '/v1/me/password', { password });
    session.enter((await client.post<{ csrf: string }>('/v1/session', { name, password })).csrf);
    onDone();
  };
  return (
    <Door title="You are the owner">
      <p className="mb-4">
        This is the token of <strong>{name}</strong>. The server keeps only its hash and shows it this once, so put it
        into your password manager now.
      </p>
      <CopyText text={token} label="Your token" />
      <p className="mt-2 mb-1 font-medium">On the command line</p>
      <code className="mb-4 block rounded bg-sunken px-2 py-1.5 font-mono text-xs break-all">
        export PROXMOX_AGENT_TOKEN=pxa_…
      </code>
      <KeepChoice keep={keep} onChange={change} />
      <div className="mt-5">
        <Button look="primary" onClick={onDone}>
          I have kept it: continue
        </Button>
      </div>
      <section className="mt-6 border-t border-line pt-4">
        <h2 className="mb-1 font-semibold">Or sign in with a password</h2>
        <p className="mb-3 text-dim">
          Then this browser keeps no token. A second factor can be added under your name afterwards.
        </p>
        <NewPassword label="Your password" button="Set the password" name={name} send={withPassword} />
      </section>
    </Door>
  );
}

interface RefusedProps {
  readonly problem: Problem;
  readonly signedIn: boolean;
  readonly onDone: () => void;
  readonly onRetry: () => void;
}

function Refused({ problem, signedIn, onDone, onRetry }: RefusedProps) {
  const unreachable = problem.status === 0 || problem.status >= 500;
  return (
    <Door title={unreachable ? 'The server did not answer' : 'This link cannot be used any more'}>
      <div role="alert" className="mb-4 rounded-md border border-warn bg-warn-soft px-3 py-2">
        {unreachable ? (
          <p>{problem.message} The link may still be good.</p>
        ) : (
          <>
            <p>
              An owner link works once and for a limited time. This one was used already, has expired, or is not of this
              server.
            </p>
            <p className="mt-1 text-dim">{problem.message}</p>
          </>
        )}
      </div>
      {!unreachable && (
        <p className="mb-4">
          If an owner exists, sign in with a token. If none does, start the server again: it prints a new link.
        </p>
      )}
      <div className="flex flex-wrap gap-2">
        {unreachable && (
          <Button look="primary" onClick={onRetry}>
            Try again
          </Button>
        )}
        <Button onClick={onDone}>{signedIn ? 'Continue as you were signed in' : 'Sign in with a token'}</Button>
      </div>
    </Door>
  );
}
