import { useState } from 'react';
import { Problem } from '../../api/client.ts';
import { Field } from '../../parts/field.tsx';

/** What an approval comes with beside a click. */
export interface Proof {
  readonly factor: string;
  readonly confirm: string;
}

/** The proof as it is written, and as it is sent: what is empty is left out. */
export function useProof() {
  const [proof, setProof] = useState<Proof>({ factor: '', confirm: '' });
  const typed = proof.confirm === '' ? {} : { confirm: proof.confirm.trim() };
  const sent = { ...(proof.factor === '' ? {} : { factor: proof.factor }), ...typed };
  return { proof, setProof, typed, sent };
}

interface ProofFieldsProps {
  readonly proof: Proof;
  readonly onChange: (proof: Proof) => void;
  /** What was refused; it says which of the two is asked for. */
  readonly problem: Error | null;
  /** The factor is asked for in any case. */
  readonly withFactor: boolean;
  /** So is the beginning of the hash. */
  readonly withConfirm?: boolean;
  /** "hash of this plan": what the digits are the beginning of, and why they are asked for. */
  readonly of: string;
  readonly because: string;
}

/** The second factor and the beginning of the hash, as far as they are asked for. */
export function ProofFields({
  proof,
  onChange,
  problem,
  withFactor,
  withConfirm = false,
  of,
  because,
}: ProofFieldsProps) {
  const refused = problem instanceof Problem ? problem.errors : {};
  const { factor, confirm } = proof;
  return (
    <>
      {(withFactor || refused['factor'] !== undefined || factor !== '') && (
        <Field label="Second factor" hint="The code that your authenticator shows now." error={refused['factor']}>
          {(ids) => (
            <input
              {...ids}
              inputMode="numeric"
              autoComplete="one-time-code"
              value={factor}
              onChange={(event) => onChange({ ...proof, factor: event.target.value })}
            />
          )}
        </Field>
      )}
      {(withConfirm || refused['confirm'] !== undefined || confirm !== '') && (
        <Field
          label={`Beginning of the ${of.split(' ')[0] ?? ''}`}
          hint={`The first 8 digits of the ${of}, because ${because}.`}
          error={refused['confirm']}
        >
          {(ids) => (
            <input
              {...ids}
              className="font-mono"
              maxLength={8}
              autoComplete="off"
              value={confirm}
              onChange={(event) => onChange({ ...proof, confirm: event.target.value })}
            />
          )}
        </Field>
      )}
    </>
  );
}
