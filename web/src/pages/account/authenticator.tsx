import { useState, type FormEvent } from 'react';
import { useAccountChange } from '../../api/queries.ts';
import { Button } from '../../parts/button.tsx';
import { CopyText } from '../../parts/copy.tsx';
import { Field } from '../../parts/field.tsx';
import { QrCode } from '../../parts/qr_code.tsx';
import { Part, type PartProps } from './credentials.tsx';

interface Enrolment {
  readonly secret: string;
  readonly uri: string;
}

/** An authenticator app: its secret, the first code, and its removal. */
export function Authenticator({ person, proof, locked, onCodes }: PartProps) {
  const begin = useAccountChange<Enrolment, void>((client) => client.post('/v1/me/totp', proof));
  const remove = useAccountChange<void, void>((client) => client.post('/v1/me/totp/remove', proof));
  const error = begin.error ?? remove.error;
  return (
    <Part title="Authenticator">
      <p className="text-dim">
        {person.totp
          ? 'It is asked for its code when you sign in, and where an approval needs a second factor.'
          : 'An app on your phone that shows a new code every half minute.'}
      </p>
      {error !== null && <p className="text-bad">{error.message}</p>}
      {begin.data === undefined ? (
        <div className="flex flex-wrap gap-2">
          <Button disabledBecause={locked} busy={begin.isPending} onClick={() => begin.mutate()}>
            {person.totp ? 'Set up another one' : 'Set up an authenticator'}
          </Button>
          {person.totp && (
            <Button
              look="danger"
              disabledBecause={locked}
              reasonShown={false}
              busy={remove.isPending}
              onClick={() => remove.mutate()}
            >
              Remove the authenticator
            </Button>
          )}
        </div>
      ) : (
        <Confirm
          enrolment={begin.data}
          onDone={(codes) => {
            begin.reset();
            onCodes(codes);
          }}
        />
      )}
    </Part>
  );
}

function Confirm({ enrolment, onDone }: { enrolment: Enrolment; onDone: (codes: string[] | undefined) => void }) {
  const [code, setCode] = useState('');
  const confirm = useAccountChange<{ recovery_codes?: string[] }, void>((client) =>
    client.post('/v1/me/totp/confirm', { code }),
  );
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    confirm.mutate(undefined, { onSuccess: ({ recovery_codes }) => onDone(recovery_codes) });
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-3">
      <p>1. Scan this with the app, or enter the secret:</p>
      <QrCode text={enrolment.uri} label="QR code for the authenticator" />
      <CopyText text={enrolment.secret} label="Secret" />
      <p>
        <a href={enrolment.uri} className="text-accent underline">
          Open it in an app on this device
        </a>
      </p>
      <Field label="2. The code that it shows now" error={confirm.error?.message}>
        {(ids) => (
          <input
            {...ids}
            inputMode="numeric"
            autoComplete="one-time-code"
            value={code}
            onChange={(event) => setCode(event.target.value)}
            className="font-mono"
          />
        )}
      </Field>
      <div>
        <Button type="submit" look="primary" busy={confirm.isPending}>
          Turn it on
        </Button>
      </div>
    </form>
  );
}
