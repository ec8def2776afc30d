import { createHash } from 'node:crypto';
import { z } from 'zod';
import { sha256 } from '../kernel/canonical.ts';
import { AgentError } from '../kernel/errors.ts';
import {
  countPasskey,
  findPasskey,
  insertChallenge,
  insertPasskey,
  listPasskeys,
  takeChallenge,
  type PasskeyRecord,
  type PersonRecord,
  type StoreTx,
} from '../store/index.ts';
import { newSecret, type IdentityDeps, type Place } from './deps.ts';

/** EdDSA, ES256 and RS256: what every authenticator has one of. */
const ALGORITHMS = [-8, -7, -257];
const CHALLENGE_MS = 5 * 60_000;
const text = z.string().max(20_000);

/** What a browser answers, as far as it is read here; the library reads the rest. */
export const assertionSchema = z
  .looseObject({
    id: z.string().min(1).max(1_500),
    response: z.looseObject({ clientDataJSON: text, authenticatorData: text, signature: text }),
  })
  .describe('A passkey’s answer, as navigator.credentials.get gives it in JSON.');
export type Assertion = z.output<typeof assertionSchema>;
export const registrationSchema = z
  .looseObject({
    id: z.string().min(1).max(1_500),
    response: z.looseObject({ clientDataJSON: text, attestationObject: text }),
  })
  .describe('A new passkey, as navigator.credentials.create gives it in JSON.');
export type Registration = z.output<typeof registrationSchema>;

/** What a challenge was handed out for. */
type Purpose = 'passkey.register' | 'passkey.sign_in' | 'passkey.step_up' | 'passkey.approve';
interface Asked {
  readonly origin: string;
  readonly rp_id: string;
  /** Whom it was handed to; null: whoever signs in. */
  readonly person_id: string | null;
  /** What is approved with it. */
  readonly bound: string | null;
}

/** The name that passkeys of this address belong to; browsers know none for an address of digits. */
const rpIdOf = ({ origin }: Pick<Place, 'origin'>): string => new URL(origin).hostname;

const hashOf = (challenge: string): string => sha256(`challenge:${challenge}`);

/** Bound to what is approved: an answer for one plan is none for another. */
async function newChallenge(deps: IdentityDeps, purpose: Purpose, asked: Asked): Promise<Buffer> {
  const { store, clock, ids } = deps;
  const parts = ['proxmox-agent', purpose, asked.bound ?? '', asked.person_id ?? '', newSecret(ids)];
  const challenge = createHash('sha256').update(parts.join('\n')).digest();
  const now = clock.now();
  const row = { hash: hashOf(challenge.toString('base64url')), purpose, body: asked, expires_at: now + CHALLENGE_MS };
  await store.commit((trx) => insertChallenge(trx, row, now));
  return challenge;
}

/** Options for `navigator.credentials.create`. */
export async function registrationOptions(deps: IdentityDeps, person: PersonRecord, place: Place): Promise<object> {
  const { generateRegistrationOptions } = await import('@simplewebauthn/server');
  const rp_id = rpIdOf(place);
  const asked = { origin: place.origin, rp_id, person_id: person.id, bound: null };
  const known = await listPasskeys(deps.store, person.id);
  return generateRegistrationOptions({
    rpName: 'proxmox-agent',
    supportedAlgorithmIDs: ALGORITHMS,
    rpID: rp_id,
    userName: person.name,
    userDisplayName: person.display,
    userID: new TextEncoder().encode(person.id),
    challenge: bytes(await newChallenge(deps, 'passkey.register', asked)),
    excludeCredentials: known.map(({ id, transports }) => ({ id, transports: [...transports] })),
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
  });
}

/** Options for `navigator.credentials.get`; of one person's keys, or of whichever the device knows. */
export async function assertionOptions(
  deps: IdentityDeps,
  purpose: Exclude<Purpose, 'passkey.register'>,
  place: Pick<Place, 'origin'>,
  { person_id = null, bound = null }: { readonly person_id?: string | null; readonly bound?: string | null } = {},
): Promise<Record<string, unknown>> {
  const { generateAuthenticationOptions } = await import('@simplewebauthn/server');
  const rp_id = rpIdOf(place);
  const asked = { origin: place.origin, rp_id, person_id, bound };
  const known = person_id === null ? [] : await listPasskeys(deps.store, person_id);
  const options = await generateAuthenticationOptions({
    rpID: rp_id,
    userVerification: 'required',
    challenge: bytes(await newChallenge(deps, purpose, asked)),
    allowCredentials: known.map(({ id, transports }) => ({ id, transports: [...transports] })),
  });
  return { ...options };
}

const bytes = (buffer: Buffer) => Uint8Array.from(buffer);

/** What was asked under the challenge that a client brings back; each is taken back once. */
async function takeAsked(
  deps: IdentityDeps,
  purpose: Purpose,
  clientDataJSON: string,
): Promise<Asked & { challenge: string }> {
  const data = readClientData(clientDataJSON);
  const { store, clock } = deps;
  const asked = await store.commit((trx) => takeChallenge<Asked>(trx, hashOf(data), purpose, clock.now()));
  if (asked === undefined) throw refused('its challenge was used already, has expired or is for something else');
  return { ...asked, challenge: data };
}

function readClientData(clientDataJSON: string): string {
  try {
    const { challenge } = JSON.parse(Buffer.from(clientDataJSON, 'base64url').toString()) as { challenge?: unknown };
    if (typeof challenge === 'string') return challenge;
  } catch {
    // Not JSON: refused below.
  }
  throw refused('it carries no challenge');
}

const refused = (why: string): AgentError =>
  new AgentError('FACTOR_INVALID', `The passkey was not accepted: ${why}.`, { errors: { factor: why } });

/** Keeps a new passkey. Errors: `FACTOR_INVALID` saying why not. */
export async function keepPasskey(
  deps: IdentityDeps,
  person_id: string,
  { name, credential }: { readonly name: string; readonly credential: Registration },
  then: (trx: StoreTx, passkey: PasskeyRecord) => Promise<void>,
): Promise<PasskeyRecord> {
  const asked = await takeAsked(deps, 'passkey.register', credential.response.clientDataJSON);
  if (asked.person_id !== person_id) throw refused('it was asked of another person');
  const { verifyRegistrationResponse } = await import('@simplewebauthn/server');
  const { registrationInfo } = await verifyRegistrationResponse({
    response: credential as unknown as Parameters<typeof verifyRegistrationResponse>[0]['response'],
    expectedChallenge: asked.challenge,
    expectedOrigin: asked.origin,
    expectedRPID: asked.rp_id,
    supportedAlgorithmIDs: ALGORITHMS,
    requireUserVerification: true,
  }).catch((error: unknown) => {
    throw refused(wordsOf(error));
  });
  if (registrationInfo === undefined) throw refused('its signature does not fit');
  const { id, publicKey, counter, transports = [] } = registrationInfo.credential;
  const passkey: PasskeyRecord = {
    id,
    person_id,
    name,
    rp_id: asked.rp_id,
    public_key: publicKey,
    counter,
    transports,
    created_at: deps.clock.now(),
    last_used_at: null,
  };
  await deps.store.commit(async (trx) => {
    if (!(await insertPasskey(trx, passkey))) throw refused('it is known here already');
    await then(trx, passkey);
  });
  return passkey;
}

/** Whose passkey answered what was asked. Errors: `FACTOR_INVALID` saying why not. */
export async function usePasskey(
  deps: IdentityDeps,
  purpose: Exclude<Purpose, 'passkey.register'>,
  assertion: Assertion,
  expected: { readonly person_id?: string; readonly bound?: string } = {},
): Promise<string> {
  const asked = await takeAsked(deps, purpose, assertion.response.clientDataJSON);
  const passkey = await findPasskey(deps.store, assertion.id);
  if (passkey === undefined) throw refused('it is not known here');
  if (passkey.rp_id !== asked.rp_id) throw refused(`it belongs to ${passkey.rp_id}`);
  const whose = expected.person_id ?? asked.person_id ?? passkey.person_id;
  if (passkey.person_id !== whose || (asked.person_id ?? whose) !== whose) throw refused('it is another person’s');
  if ((expected.bound ?? null) !== asked.bound) throw refused('it was given for something else');
  const counter = await verifyAssertion(passkey, asked, assertion);
  const counts = { from: passkey.counter, to: counter };
  if (!(await deps.store.commit((trx) => countPasskey(trx, passkey.id, counts, deps.clock.now()))))
    throw refused('it was used at the same time elsewhere');
  return passkey.person_id;
}

/** Answers the key's new counter. One that did not go up means a copy of the key; the library refuses it. */
async function verifyAssertion(
  { id, public_key, counter, transports }: PasskeyRecord,
  { challenge, origin, rp_id }: Asked & { readonly challenge: string },
  assertion: Assertion,
): Promise<number> {
  const { verifyAuthenticationResponse } = await import('@simplewebauthn/server');
  const { verified, authenticationInfo } = await verifyAuthenticationResponse({
    response: assertion as unknown as Parameters<typeof verifyAuthenticationResponse>[0]['response'],
    expectedChallenge: challenge,
    expectedOrigin: origin,
    expectedRPID: rp_id,
    requireUserVerification: true,
    credential: { id, publicKey: Uint8Array.from(public_key), counter, transports: [...transports] },
  }).catch((error: unknown) => {
    throw refused(wordsOf(error));
  });
  if (!verified) throw refused('its signature does not fit');
  return authenticationInfo.newCounter;
}

/** The library's words, short and without what was sent. */
const wordsOf = (error: unknown): string => {
  const { message } = error as Error;
  if (/counter/i.test(message)) return 'its counter did not go up, so there may be a copy of it';
  if (/user verification|user could not be verified/i.test(message)) return 'it did not verify its user';
  if (/origin/i.test(message)) return 'it was given to another address';
  if (/RP ID/i.test(message)) return 'it belongs to another name';
  return 'it is not well formed or its signature does not fit';
};
