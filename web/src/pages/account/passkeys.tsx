import { useState } from 'react';
import { makePasskey, noPasskeys } from '../../api/passkey.ts';
import { useAccountChange, usePasskeys } from '../../api/queries.ts';
import { Button } from '../../parts/button.tsx';
import { Field } from '../../parts/field.tsx';
import { Loaded } from '../../parts/section.tsx';
import { Ago } from '../../parts/time.tsx';
import { Part, type PartProps } from './credentials.tsx';

/** Passkeys: which there are, a new one, and their removal. */
export function Passkeys({ proof, locked, onCodes }: PartProps) {
  const query = usePasskeys();
  const [name, setName] = useState('');
  const add = useAccountChange<{ recovery_codes?: string[] }, void>(async (client) => {
    const options = await client.post<Record<string, unknown>>('/v1/me/passkeys/options', proof);
    const credential = await makePasskey(options);
    return client.post('/v1/me/passkeys', { name: name.trim() === '' ? 'passkey' : name.trim(), credential });
  });
  const remove = useAccountChange<void, string>((client, id) =>
    client.post(`/v1/me/passkeys/${encodeURIComponent(id)}/remove`, proof),
  );
  const error = add.error ?? remove.error;
  const done = ({ recovery_codes }: { recovery_codes?: string[] }): void => {
    setName('');
    onCodes(recovery_codes);
  };
  return (
    <Part title="Passkeys">
      <Loaded query={query} what="your passkeys">
        {({ passkeys }) => (
          <ul className="flex flex-col gap-1" aria-label="Passkeys">
            {passkeys.map(({ id, name, host, created_at }) => (
              <li key={id} className="flex flex-wrap items-center gap-x-3">
                <span className="font-medium">{name}</span>
                <span className="text-dim">
                  for {host}, added <Ago at={created_at} />
                </span>
                <Button
                  look="quiet"
                  label={`Remove the passkey ${name}`}
                  disabledBecause={locked}
                  reasonShown={false}
                  onClick={() => remove.mutate(id)}
                >
                  Remove
                </Button>
              </li>
            ))}
            {passkeys.length === 0 && (
              <li className="text-dim">None. A passkey signs you in without a password, and approves.</li>
            )}
          </ul>
        )}
      </Loaded>
      {error !== null && <p className="text-bad">{error.message}</p>}
      <div className="flex flex-wrap items-end gap-2">
        <Field label="Name of the new one">
          {(ids) => (
            <input
              {...ids}
              value={name}
              maxLength={64}
              placeholder="phone"
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
        <Button
          disabledBecause={noPasskeys() ?? locked}
          busy={add.isPending}
          onClick={() => add.mutate(undefined, { onSuccess: done })}
        >
          Add a passkey
        </Button>
      </div>
    </Part>
  );
}
