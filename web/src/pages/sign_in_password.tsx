import { useState, type FormEvent } from 'react';
import { createClient, Problem } from '../api/client.ts';
import { askPasskey } from '../api/passkey.ts';
import type { Session } from '../api/session.ts';
import { Button } from '../parts/button.tsx';
import { Field } from '../parts/field.tsx';

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

  const send = async (factor?: unknown): Promise<void> => {
    setBusy(true);
    setWrong(undefined);
    try {
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
    return <FactorForm second={second} busy={busy} wrong={wrong} send={send} onBack={() => setSecond(undefined)} />;
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

interface FactorProps {
  readonly second: SecondStep;
  readonly busy: boolean;
  readonly wrong: string | undefined;
  readonly send: (factor: unknown) => Promise<void>;
  readonly onBack: () => void;
}

function FactorForm({ second, busy, wrong, send, onBack }: FactorProps) {
  const [code, setCode] = useState('');
  const [said, setSaid] = useState<string>();
  const { passkey, factors } = second;
  const withPasskey = async (): Promise<void> => {
    try {
      await send(await askPasskey(passkey ?? {}));
    } catch (error) {
      setSaid(wordsOf(error));
    }
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    void send(code.trim());
  };
  const totp = factors.includes('totp');
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      <Field
        label={totp ? 'Code of your authenticator' : 'Recovery code'}
        hint={totp ? 'A recovery code works as well.' : undefined}
        error={said ?? wrong}
      >
        {(ids) => (
          <input
            {...ids}
            autoComplete="one-time-code"
            autoCapitalize="none"
            autoFocus
            value={code}
            onChange={(event) => setCode(event.target.value)}
            className="font-mono"
          />
        )}
      </Field>
      <div className="flex flex-wrap gap-2">
        <Button type="submit" look="primary" busy={busy}>
          Go on
        </Button>
        {passkey !== undefined && <Button onClick={() => void withPasskey()}>Use a passkey</Button>}
        <Button look="quiet" onClick={onBack}>
          Back
        </Button>
      </div>
    </form>
  );
}
