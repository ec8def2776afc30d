import { sha256 } from '../kernel/canonical.ts';
import { AgentError } from '../kernel/errors.ts';
import type { Ids } from '../kernel/ids.ts';
import {
  putRecoveryCodes,
  seal,
  unseal,
  updatePerson,
  useRecoveryCode,
  useTotpStep,
  type PersonRecord,
  type StoreTx,
} from '../store/index.ts';
import type { IdentityDeps } from './deps.ts';

const PERIOD_S = 30;
const CODES = 10;
const ALPHABET = 'abcdefghjkmnpqrstuvwxyz23456789';
const contextOf = (person_id: string): string => `totp:${person_id}`;

/** A secret for an authenticator, as text and as the address that it reads. */
export interface Enrolment {
  readonly secret: string;
  readonly uri: string;
}

/** Begins: the authenticator counts only when one of its codes has come back. */
export async function beginTotp(deps: IdentityDeps, person: PersonRecord): Promise<Enrolment> {
  const { TOTP, Secret } = await import('otpauth');
  const secret = new Secret({ buffer: Uint8Array.from(deps.ids.bytes(20)).buffer });
  const totp_pending = seal(deps.keys.data, deps.ids, contextOf(person.id), secret.base32);
  await deps.store.commit((trx) => updatePerson(trx, person.id, { totp_pending }));
  const uri = new TOTP({ issuer: 'proxmox-agent', label: person.name, secret, period: PERIOD_S }).toString();
  return { secret: secret.base32, uri };
}

/** The time step that a code belongs to; the one before and the one after count too, for clocks differ. */
async function stepOf(deps: IdentityDeps, person_id: string, sealed: Uint8Array, code: string) {
  const { TOTP, Secret } = await import('otpauth');
  const secret = Secret.fromBase32(unseal(deps.keys.data, contextOf(person_id), sealed));
  const timestamp = deps.clock.now();
  const delta = new TOTP({ secret, period: PERIOD_S }).validate({ token: code, timestamp, window: 1 });
  return delta === null ? undefined : TOTP.counter({ period: PERIOD_S, timestamp }) + delta;
}

/** Whether this is a code of the person's authenticator that was not used before; uses it up. */
export async function useTotp(deps: IdentityDeps, person: PersonRecord, code: string): Promise<boolean> {
  if (person.totp === null) return false;
  const step = await stepOf(deps, person.id, person.totp, code);
  return step !== undefined && (await deps.store.commit((trx) => useTotpStep(trx, person.id, step)));
}

/** Turns a new authenticator on with one of its codes. Errors: `VALIDATION_FAILED`. */
export async function confirmTotp(
  deps: IdentityDeps,
  person: PersonRecord,
  code: string,
  then: (trx: StoreTx) => Promise<void>,
): Promise<void> {
  const { totp_pending } = person;
  if (totp_pending === null)
    throw new AgentError('VALIDATION_FAILED', 'No authenticator is being set up; begin with POST /v1/me/totp.');
  const step = await stepOf(deps, person.id, totp_pending, code);
  if (step === undefined)
    throw new AgentError('VALIDATION_FAILED', 'That is not the code that the authenticator shows now.', {
      errors: { code: 'does not fit; check the clock of the device' },
    });
  await deps.store.commit(async (trx) => {
    // The code that confirms is used up as well.
    await updatePerson(trx, person.id, { totp: totp_pending, totp_pending: null, totp_step: step });
    await then(trx);
  });
}

/** Ten codes for the day on which the authenticator is lost; 78 bits each, so a plain hash keeps them. */
export async function newRecoveryCodes(trx: StoreTx, ids: Ids, person_id: string): Promise<string[]> {
  const codes = Array.from({ length: CODES }, () => recoveryCode(ids));
  await putRecoveryCodes(trx, person_id, codes.map(hashOfCode));
  return codes;
}

function recoveryCode(ids: Ids): string {
  const letters: string[] = [];
  while (letters.length < 16)
    for (const byte of ids.bytes(32))
      if (byte < 248 && letters.length < 16) letters.push(ALPHABET[byte % ALPHABET.length] ?? '');
  return (letters.join('').match(/.{4}/g) ?? []).join('-');
}

const hashOfCode = (code: string): string => sha256(`recovery:${code.toLowerCase().replaceAll(/[\s-]/g, '')}`);

/** Whether this is a recovery code that was not used before; uses it up. */
export const useRecovery = ({ store, clock }: IdentityDeps, person_id: string, code: string): Promise<boolean> =>
  store.commit((trx) => useRecoveryCode(trx, person_id, hashOfCode(code), clock.now()));
