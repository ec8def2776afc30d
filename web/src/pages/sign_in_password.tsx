import { useState, type FormEvent } from 'react';
import { createClient, Problem } from '../api/client.ts';
import { askPasskey } from '../api/passkey.ts';
import type { Session } from '../api/session.ts';
import { Button } from '../parts/button.tsx';
import { Field } from '../parts/field.tsx';
import { FactorForm } from './factor.tsx';

/** What the server asks for when the password is right. */
interface SecondStep {
  readonly factors: readonly string[];
  readonly passkey?: Readonly<Record<string, unknown>>;
}

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Name and password, then, where one is set up, the second factor. */
export function PasswordForm({ session }: { session: Session }) {
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [second, setSecond] = useState<SecondStep>();
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState<string>();

  /** With a code, or with what a passkey is asked. */
  const send = async (shown?: string | NonNullable<SecondStep['passkey']>): Promise<void> => {
    setBusy(true);
    setWrong(undefined);
    try {
      const factor = typeof shown === 'object' ? await askPasskey(shown) : shown;
      const body = { name, password, ...(factor === undefined ? {} : { factor }) };
      session.enter((await createClient(session).post<{ csrf: string }>('/v1/session', body)).csrf);
    } catch (error) {
      if (error instanceof Problem && error.code === 'FACTOR_REQUIRED') setSecond(error.body as unknown as SecondStep);
      else setWrong(wordsOf(error));
    } finally {
      setBusy(false);
    }
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (name === '' || password === '') return setWrong('Both are needed.');
    void send();
  };

  if (second !== undefined)
    return <Second second={second} busy={busy} wrong={wrong} send={send} onBack={() => setSecond(undefined)} />;
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      <Field label="Name">
        {(ids) => (
          <input
            {...ids}
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            autoFocus
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
      <Field label="Password" error={wrong}>
        {(ids) => (
          <input
            {...ids}
            type="password"
            autoComplete="current-password"
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
        )}
      </Field>
      <Button type="submit" look="primary" busy={busy}>
        Sign in
      </Button>
    </form>
  );
}

interface SecondProps {
  readonly second: SecondStep;
  readonly busy: boolean;
  readonly wrong: string | undefined;
  readonly send: (shown: string | NonNullable<SecondStep['passkey']>) => Promise<void>;
  readonly onBack: () => void;
}

const Second = ({ second: { factors, passkey }, busy, wrong, send, onBack }: SecondProps) => (
  <FactorForm
    first
    totp={factors.includes('totp')}
    hint={factors.includes('totp') ? 'A recovery code works as well.' : undefined}
    error={wrong}
    button="Go on"
    busy={busy}
    onCode={(code) => void send(code)}
    onPasskey={passkey === undefined ? undefined : () => void send(passkey)}
  >
    <Button look="quiet" onClick={onBack}>
      Back
    </Button>
  </FactorForm>
);
