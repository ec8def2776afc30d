import { useApi } from '../../api/context.tsx';
import { useAccountChange } from '../../api/queries.ts';
import { askPasskey, noPasskeys } from '../../api/passkey.ts';
import type { Instant, Person } from '../../api/types.ts';
import { Field } from '../../parts/field.tsx';
import { FactorForm } from '../factor.tsx';

/** What is sent with a change that needs to show who asks. */
export interface Proof {
  readonly current_password?: string;
}

const FRESH_MS = 5 * 60_000;
const isFresh = (at: Instant | null | undefined): boolean =>
  at !== null && at !== undefined && Date.now() - new Date(at).getTime() < FRESH_MS - 10_000;

interface ProofBoxProps {
  readonly person: Person;
  readonly fresh: Instant | null | undefined;
  readonly password: string;
  readonly onPassword: (password: string) => void;
}

/** Whether changes would be let through as things stand. */
export const isProven = (person: Person, fresh: Instant | null | undefined, password: string): boolean =>
  person.totp || person.passkeys > 0 ? isFresh(fresh) : !person.password || password !== '';

/** Asks for what shows that it is the person: the second factor where there is one, else the password. */
export function ProofBox({ person, fresh, password, onPassword }: ProofBoxProps) {
  const enrolled = person.totp || person.passkeys > 0;
  if (!enrolled && !person.password) return null;
  if (enrolled)
    return isFresh(fresh) ? (
      <p className="text-ok">Your second factor was shown just now.</p>
    ) : (
      <StepUp person={person} />
    );
  return (
    <Field label="Current password" hint="Needed for every change here.">
      {(ids) => (
        <input
          {...ids}
          type="password"
          autoComplete="current-password"
          value={password}
          onChange={(event) => onPassword(event.target.value)}
        />
      )}
    </Field>
  );
}

/** Shows the second factor for this session; it counts for five minutes. */
function StepUp({ person }: { person: Person }) {
  const { session } = useApi();
  const change = useAccountChange<void, string | undefined>(async (client, code) => {
    const factor =
      code ?? (await askPasskey(await client.get<Record<string, unknown>>('/v1/session/passkey-challenge')));
    session.enter((await client.post<{ csrf: string }>('/v1/session/step-up', { factor })).csrf);
  });
  if (session.token() !== undefined)
    return (
      <p className="text-dim">To change anything here, sign in with your password or a passkey instead of a token.</p>
    );
  return (
    <FactorForm
      totp={person.totp}
      hint="To change anything here, show your second factor first."
      error={change.error?.message}
      button="Confirm"
      busy={change.isPending}
      onCode={change.mutate}
      onPasskey={person.passkeys > 0 && noPasskeys() === undefined ? () => change.mutate(undefined) : undefined}
    />
  );
}
