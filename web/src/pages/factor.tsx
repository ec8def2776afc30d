import { useState, type FormEvent, type ReactNode } from 'react';
import { Button } from '../parts/button.tsx';
import { Field } from '../parts/field.tsx';

interface FactorFormProps {
  /** Whether there is an authenticator; else the code is a recovery code. */
  readonly totp: boolean;
  readonly hint?: string | undefined;
  readonly error: string | undefined;
  readonly button: string;
  readonly busy: boolean;
  /** What the form is there for: it comes first, and has the focus. */
  readonly first?: boolean;
  readonly onCode: (code: string) => void;
  /** Undefined where there is no passkey, or the browser knows none. */
  readonly onPasskey: (() => void) | undefined;
  /** Further buttons. */
  readonly children?: ReactNode;
}

/** Asks for the second factor: a code, or a passkey. */
export function FactorForm({
  totp,
  hint,
  error,
  button,
  busy,
  first = false,
  onCode,
  onPasskey,
  children,
}: FactorFormProps) {
  const [code, setCode] = useState('');
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    onCode(code.trim());
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-3">
      <Field label={totp ? 'Code of your authenticator' : 'Recovery code'} hint={hint} error={error}>
        {(ids) => (
          <input
            {...ids}
            autoComplete="one-time-code"
            autoCapitalize="none"
            spellCheck={false}
            autoFocus={first}
            value={code}
            onChange={(event) => setCode(event.target.value)}
            className="font-mono"
          />
        )}
      </Field>
      <div className="flex flex-wrap gap-2">
        <Button type="submit" look={first ? 'primary' : 'plain'} busy={busy}>
          {button}
        </Button>
        {onPasskey !== undefined && <Button onClick={onPasskey}>Use a passkey</Button>}
        {children}
      </div>
    </form>
  );
}
