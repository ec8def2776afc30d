import { useState, type FormEvent } from 'react';
import { createClient } from '../api/client.ts';
import { createSession, type Session } from '../api/session.ts';
import type { Me } from '../api/types.ts';
import { Button } from '../parts/button.tsx';
import { Field } from '../parts/field.tsx';
import { Door, KeepChoice } from './door.tsx';

/** Asks the server who the token belongs to, without signing in with it. Errors: Problem. */
function tryToken(token: string): Promise<Me> {
  const nowhere: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> = {
    getItem: () => token,
    setItem: () => undefined,
    removeItem: () => undefined,
  };
  return createClient(createSession(nowhere as Storage, nowhere as Storage)).get<Me>('/v1/me');
}

/** Signing in with an API token. */
export function SignIn({ session }: { session: Session }) {
  const [text, setText] = useState('');
  const [keep, setKeep] = useState(false);
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState<string>();
  const because = session.endedBecause();

  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    const token = text.trim();
    if (token === '') return setWrong('Paste a token; it begins with pxa_.');
    setBusy(true);
    try {
      await tryToken(token);
      session.signIn(token, keep);
    } catch (error) {
      setWrong(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <Door title="Sign in">
      {because !== undefined && (
        <p role="alert" className="mb-4 rounded-md border border-warn bg-warn-soft px-3 py-2">
          {because}
        </p>
      )}
      <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-4">
        <Field label="API token" error={wrong}>
          {(ids) => (
            <input
              {...ids}
              type="password"
              autoComplete="current-password"
              spellCheck={false}
              autoFocus
              placeholder="pxa_…"
              value={text}
              onChange={(event) => setText(event.target.value)}
              className="font-mono"
            />
          )}
        </Field>
        <KeepChoice keep={keep} onChange={setKeep} />
        <Button type="submit" look="primary" busy={busy}>
          Sign in
        </Button>
      </form>
      <div className="mt-6 border-t border-line pt-4 text-dim">
        <p>
          <strong className="font-medium text-text">First time here?</strong> The server printed a one-time link when it
          started; opening it makes you the owner.
        </p>
        <p className="mt-2">Someone with the admin role makes further tokens:</p>
        <code className="mt-1 block rounded bg-sunken px-2 py-1.5 font-mono text-xs break-words text-text">
          proxmox-agent token create --name NAME --role operator --class human
        </code>
      </div>
    </Door>
  );
}
