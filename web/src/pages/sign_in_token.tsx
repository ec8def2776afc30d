import { useState, type FormEvent } from 'react';
import { createClient } from '../api/client.ts';
import { createSession, type Session } from '../api/session.ts';
import type { Me } from '../api/types.ts';
import { Button } from '../parts/button.tsx';
import { Field } from '../parts/field.tsx';
import { KeepChoice } from './door.tsx';

/** Asks the server who the token belongs to, without signing in with it. Errors: Problem. */
function tryToken(token: string): Promise<Me> {
  const nowhere: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> = {
    getItem: () => token,
    setItem: () => undefined,
    removeItem: () => undefined,
  };
  return createClient(createSession(nowhere as Storage, nowhere as Storage)).get<Me>('/v1/me');
}

/** Signing in with an API token, which the browser keeps. */
export function TokenForm({ session }: { session: Session }) {
  const [text, setText] = useState('');
  const [keep, setKeep] = useState(false);
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState<string>();

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
  );
}
