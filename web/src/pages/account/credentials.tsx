import { useState, type ReactNode } from 'react';
import { useAccountChange } from '../../api/queries.ts';
import type { Instant, Person } from '../../api/types.ts';
import { Button } from '../../parts/button.tsx';
import { NewPassword } from '../new_password.tsx';
import { Authenticator } from './authenticator.tsx';
import { Passkeys } from './passkeys.tsx';
import { isProven, ProofBox, type Proof } from './proof.tsx';

interface CredentialsProps {
  readonly person: Person;
  readonly fresh: Instant | null | undefined;
}

/** What each part below is handed. */
export interface PartProps {
  readonly person: Person;
  readonly proof: Proof;
  /** Why a change would be refused now, or undefined. */
  readonly locked: string | undefined;
  readonly onCodes: (codes: readonly string[] | undefined) => void;
}

/** How a person signs in, and everything that can be changed about it. */
export function Credentials({ person, fresh }: CredentialsProps) {
  const [current, setCurrent] = useState('');
  const [codes, setCodes] = useState<readonly string[]>();
  const enrolled = person.totp || person.passkeys > 0;
  const proof: Proof = current === '' || enrolled ? {} : { current_password: current };
  const locked = isProven(person, fresh, current)
    ? undefined
    : enrolled
      ? 'Show your second factor first.'
      : 'Enter your current password first.';
  const part: PartProps = { person, proof, locked, onCodes: setCodes };
  return (
    <div className="flex flex-col gap-5">
      <Part title="How you sign in">
        {person.issuer !== undefined && <p className="text-dim">You sign in at {person.issuer}.</p>}
        <ProofBox person={person} fresh={fresh} password={current} onPassword={setCurrent} />
      </Part>
      {codes !== undefined && <Codes codes={codes} onDone={() => setCodes(undefined)} />}
      {person.issuer === undefined && <Password part={part} onSet={() => setCurrent('')} />}
      <Authenticator {...part} />
      <Passkeys {...part} />
      {enrolled && <Recovery {...part} />}
    </div>
  );
}

export const Part = ({ title, children }: { title: string; children: ReactNode }) => (
  <section className="flex flex-col gap-2 border-t border-line pt-3">
    <h3 className="font-semibold">{title}</h3>
    {children}
  </section>
);

function Password({ part: { person, proof, locked }, onSet }: { part: PartProps; onSet: () => void }) {
  const [open, setOpen] = useState(false);
  const change = useAccountChange<void, string>((client, password) =>
    client.change('PUT', '/v1/me/password', { ...proof, password }),
  );
  return (
    <Part title="Password">
      {change.isSuccess && !open && <p className="text-ok">The password is set; other sessions have ended.</p>}
      {open ? (
        <NewPassword
          label="New password"
          button="Set it"
          name={person.name}
          send={async (password) => {
            await change.mutateAsync(password);
            onSet();
            setOpen(false);
          }}
        />
      ) : (
        <div>
          <Button onClick={() => setOpen(true)} disabledBecause={locked}>
            {person.password ? 'Change the password' : 'Set a password'}
          </Button>
        </div>
      )}
    </Part>
  );
}

function Recovery({ person, proof, locked, onCodes }: PartProps) {
  const change = useAccountChange<{ recovery_codes: string[] }, void>((client) =>
    client.post('/v1/me/recovery-codes', proof),
  );
  return (
    <Part title="Recovery codes">
      <p className="text-dim">
        {person.recovery_codes} left. Each stands in once for the second factor, for the day on which it is lost.
      </p>
      {change.error !== null && <p className="text-bad">{change.error.message}</p>}
      <div>
        <Button
          disabledBecause={locked}
          busy={change.isPending}
          onClick={() => change.mutate(undefined, { onSuccess: ({ recovery_codes }) => onCodes(recovery_codes) })}
        >
          Get new recovery codes
        </Button>
      </div>
    </Part>
  );
}

const Codes = ({ codes, onDone }: { codes: readonly string[]; onDone: () => void }) => (
  <div role="alert" className="rounded-md border border-warn bg-warn-soft px-3 py-2">
    <p className="font-medium">Recovery codes, shown this once: print them, or put them into your password manager.</p>
    <ul aria-label="Recovery codes" className="my-2 grid gap-x-6 font-mono sm:grid-cols-2">
      {codes.map((code) => (
        <li key={code}>{code}</li>
      ))}
    </ul>
    <Button onClick={onDone}>I have kept them</Button>
  </div>
);
