import { useState, type FormEvent } from 'react';
import { Problem } from '../api/client.ts';
import { Button } from '../parts/button.tsx';
import { Field } from '../parts/field.tsx';

interface NewPasswordProps {
  readonly label: string;
  readonly button: string;
  /** For password managers. */
  readonly name?: string;
  /** Errors: Problem, whose field `password` is shown here. */
  readonly send: (password: string) => Promise<void>;
}

/** A new password, typed once and shown on request: what is seen needs no second time. */
export function NewPassword({ label, button, name, send }: NewPasswordProps) {
  const [password, setPassword] = useState('');
  const [shown, setShown] = useState(false);
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState<string>();
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setWrong(undefined);
    try {
      await send(password);
      setPassword('');
    } catch (error) {
      const field = error instanceof Problem ? error.errors['password'] : undefined;
      setWrong(field ?? (error instanceof Error ? error.message : String(error)));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-3">
      {name !== undefined && (
        <input type="text" autoComplete="username" value={name} readOnly hidden aria-label="Name" />
      )}
      <Field
        label={label}
        hint="12 characters or more; several words that have nothing to do with you are good."
        error={wrong}
      >
        {(ids) => (
          <input
            {...ids}
            type={shown ? 'text' : 'password'}
            autoComplete="new-password"
            spellCheck={false}
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
        )}
      </Field>
      <div className="flex flex-wrap items-center gap-3">
        <Button type="submit" look="primary" busy={busy}>
          {button}
        </Button>
        <label className="flex items-center gap-2">
          <input type="checkbox" checked={shown} onChange={(event) => setShown(event.target.checked)} />
          Show it
        </label>
      </div>
    </form>
  );
}
