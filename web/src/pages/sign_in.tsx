import { useEffect, useState } from 'react';
import { createClient } from '../api/client.ts';
import { askPasskey, noPasskeys } from '../api/passkey.ts';
import type { Session } from '../api/session.ts';
import { Button } from '../parts/button.tsx';
import { Door } from './door.tsx';
import { PasswordForm } from './sign_in_password.tsx';
import { TokenForm } from './sign_in_token.tsx';

interface SignInProps {
  readonly session: Session;
  /** Begin with the form for a token. */
  readonly withToken?: boolean;
  /** Identity providers, by name. */
  readonly providers: readonly string[];
  /** What went wrong before this page was opened. */
  readonly refused?: string | undefined;
}

/** Signing in: by password, passkey, at an identity provider, or with a token. */
export function SignIn({ session, withToken = false, providers, refused }: SignInProps) {
  const [token, setToken] = useState(withToken);
  useEffect(() => setToken(withToken), [withToken]);
  const because = session.endedBecause() ?? refused;
  return (
    <Door title="Sign in">
      {because !== undefined && (
        <p role="alert" className="mb-4 rounded-md border border-warn bg-warn-soft px-3 py-2">
          {because}
        </p>
      )}
      {token ? <TokenForm session={session} /> : <PasswordForm session={session} />}
      {!token && <OtherWays session={session} providers={providers} />}
      <div className="mt-3 -ml-2">
        <Button look="quiet" onClick={() => setToken(!token)}>
          {token ? 'Use name and password' : 'Use a token'}
        </Button>
      </div>
      <div className="mt-6 border-t border-line pt-4 text-dim">
        <p>
          <strong className="font-medium text-text">First time here?</strong> The server printed a one-time link when it
          started; opening it makes you the owner. Everybody else gets a link from an admin.
        </p>
      </div>
    </Door>
  );
}

function OtherWays({ session, providers }: { session: Session; providers: readonly string[] }) {
  const [wrong, setWrong] = useState<string>();
  const [busy, setBusy] = useState(false);
  const without = noPasskeys();
  const passkey = async (): Promise<void> => {
    setBusy(true);
    setWrong(undefined);
    const client = createClient(session);
    try {
      const options = await client.post<Record<string, unknown>>('/v1/session/passkey/options');
      const { csrf } = await client.post<{ csrf: string }>('/v1/session/passkey', await askPasskey(options));
      session.enter(csrf);
    } catch (error) {
      setWrong(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className="mt-4 flex flex-col gap-2 border-t border-line pt-4">
      <Button onClick={() => void passkey()} busy={busy} disabledBecause={without}>
        Sign in with a passkey
      </Button>
      {wrong !== undefined && (
        <p role="alert" className="text-bad">
          {wrong}
        </p>
      )}
      {providers.map((name) => (
        <a
          key={name}
          href={`/v1/session/oidc/${encodeURIComponent(name)}`}
          className="inline-flex min-h-[2.15rem] items-center self-start rounded border border-edge bg-panel px-3 font-medium hover:bg-sunken"
        >
          Sign in with {name}
        </a>
      ))}
    </div>
  );
}
