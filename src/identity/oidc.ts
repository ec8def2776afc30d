import { createHash } from 'node:crypto';
import type { Configuration } from 'openid-client';
import { sha256 } from '../kernel/canonical.ts';
import type { OidcProvider } from '../kernel/config_auth.ts';
import { AgentError, isAgentError } from '../kernel/errors.ts';
import { insertChallenge, takeChallenge } from '../store/index.ts';
import { newSecret, type IdentityDeps, type Place } from './deps.ts';
import { union, type Grants } from './grants.ts';
import { personFrom, type Claims } from './oidc_person.ts';
import { openSession, type OpenedSession } from './sessions.ts';

const PURPOSE = 'oidc';
const AWAY_MS = 10 * 60_000;
const PATIENCE_S = 10;

/** Where the browser is sent, and what it has to keep until it comes back. */
export interface SentAway {
  readonly url: string;
  readonly secret: string;
}

/** Signing in at an identity provider: authorization code with PKCE. One for the life of a server. */
export interface Oidc {
  /** Errors: `NOT_FOUND` for a provider that is not configured, `PROVIDER_UNREACHABLE`. */
  begin(name: string, place: Place): Promise<SentAway>;
  /**
   * `answer` is the query that the browser came back with, `secret` what it kept. Errors: `UNAUTHENTICATED` for an answer
   * that is not the one that was asked for, `FORBIDDEN` for somebody who has no rights here.
   */
  finish(name: string, answer: URLSearchParams, secret: string | undefined, place: Place): Promise<OpenedSession>;
}

/** All three come from what the browser keeps, so an answer brought back by another browser fits none of them. */
const derived = (secret: string, what: 'state' | 'nonce' | 'verifier'): string =>
  createHash('sha256').update(`${what}:${secret}`).digest('base64url');
const redirectOf = (name: string, { origin }: Place): string => `${origin}/v1/session/oidc/${name}/callback`;

export function createOidc(deps: IdentityDeps): Oidc {
  const known = new Map<string, Promise<Configuration>>();
  const configuration = (provider: OidcProvider): Promise<Configuration> => {
    const found = known.get(provider.name);
    if (found !== undefined) return found;
    const asked = discover(provider);
    known.set(provider.name, asked);
    // One that does not answer now is asked again the next time.
    asked.catch(() => known.delete(provider.name));
    return asked;
  };
  return {
    async begin(name, place) {
      const provider = providerOf(deps, name);
      const { buildAuthorizationUrl, calculatePKCECodeChallenge } = await import('openid-client');
      const config = await configuration(provider);
      const secret = newSecret(deps.ids);
      const state = derived(secret, 'state');
      const now = deps.clock.now();
      const kept = { hash: sha256(state), purpose: PURPOSE, body: { name }, expires_at: now + AWAY_MS };
      await deps.store.commit((trx) => insertChallenge(trx, kept, now));
      const url = buildAuthorizationUrl(config, {
        redirect_uri: redirectOf(name, place),
        scope: provider.scopes.join(' '),
        state,
        nonce: derived(secret, 'nonce'),
        code_challenge: await calculatePKCECodeChallenge(derived(secret, 'verifier')),
        code_challenge_method: 'S256',
      });
      return { url: url.href, secret };
    },
    async finish(name, answer, secret, place) {
      try {
        const provider = providerOf(deps, name);
        await takeState(deps, name, answer, secret);
        const claims = await exchange(await configuration(provider), provider, { answer, secret: secret ?? '', place });
        return await enter(deps, provider, claims, place);
      } catch (error) {
        await refused(deps, name, place, error);
        throw error;
      }
    },
  };
}

function providerOf({ oidc }: IdentityDeps, name: string): OidcProvider {
  const provider = oidc.find((one) => one.name === name);
  if (provider === undefined) throw new AgentError('NOT_FOUND', `There is no identity provider ${name}.`);
  return provider;
}

async function discover({ issuer, clientId, clientSecret }: OidcProvider): Promise<Configuration> {
  const client = await import('openid-client');
  const secret = clientSecret.reveal();
  const basic = client.ClientSecretBasic(secret);
  const post = client.ClientSecretPost(secret);
  // Basic is what holds where the provider says nothing.
  const authenticate: typeof basic = (server, ...rest) =>
    (server.token_endpoint_auth_methods_supported?.includes('client_secret_basic') === false ? post : basic)(
      server,
      ...rest,
    );
  const loopback = issuer.startsWith('http:');
  try {
    const found = await client.discovery(new URL(issuer), clientId, secret, authenticate, {
      timeout: PATIENCE_S,
      // The configuration lets plain HTTP through for loopback alone.
      execute: [client.enableNonRepudiationChecks, ...(loopback ? [client.allowInsecureRequests] : [])],
    });
    found.timeout = PATIENCE_S;
    return found;
  } catch (error) {
    throw new AgentError('PROVIDER_UNREACHABLE', `The identity provider at ${issuer} does not answer as one.`, {
      cause: error,
    });
  }
}

const wrong = (why: string, cause?: unknown): AgentError =>
  new AgentError('UNAUTHENTICATED', `The sign-in elsewhere was not accepted: ${why}.`, { cause });

/** The state is of this browser, of this provider, and taken back once. */
async function takeState(
  { store, clock }: IdentityDeps,
  name: string,
  answer: URLSearchParams,
  secret: string | undefined,
): Promise<void> {
  const state = answer.get('state');
  if (secret === undefined || state !== derived(secret, 'state')) throw wrong('it was not begun in this browser');
  const kept = await store.commit((trx) => takeChallenge<{ name: string }>(trx, sha256(state), PURPOSE, clock.now()));
  if (kept?.name !== name) throw wrong('it was brought back before, took too long, or was begun at another provider');
}

interface Brought {
  readonly answer: URLSearchParams;
  readonly secret: string;
  readonly place: Place;
}

/** Trades the code for who it is: issuer, audience, nonce, time and signature of the answer are checked. */
async function exchange(
  config: Configuration,
  { name, claim }: OidcProvider,
  { answer, secret, place }: Brought,
): Promise<Claims> {
  const { authorizationCodeGrant, fetchUserInfo } = await import('openid-client');
  const url = new URL(redirectOf(name, place));
  url.search = answer.toString();
  try {
    const tokens = await authorizationCodeGrant(config, url, {
      expectedState: derived(secret, 'state'),
      expectedNonce: derived(secret, 'nonce'),
      pkceCodeVerifier: derived(secret, 'verifier'),
      idTokenExpected: true,
    });
    const claims = tokens.claims();
    if (claims === undefined) throw wrong('it says nobody');
    if (claims[claim] !== undefined || config.serverMetadata().userinfo_endpoint === undefined) return claims;
    return { ...claims, ...(await fetchUserInfo(config, tokens.access_token, claims.sub)), iss: claims.iss };
  } catch (error) {
    if (isAgentError(error)) throw error;
    throw wrong('the provider refused it, or its answer is not what was asked for', error);
  }
}

/** The rights of all values of the claim together. */
export function grantsFrom({ claim, roles }: Pick<OidcProvider, 'claim' | 'roles'>, claims: Claims): Grants {
  const value = claims[claim];
  const values = (Array.isArray(value) ? value : [value]).filter((one): one is string => typeof one === 'string');
  return union(values.flatMap((one) => (Object.hasOwn(roles, one) ? [roles[one] ?? {}] : [])));
}

function enter(deps: IdentityDeps, provider: OidcProvider, claims: Claims, place: Place): Promise<OpenedSession> {
  const grants = grantsFrom(provider, claims);
  return deps.store
    .commit(async (trx) => {
      const person = await personFrom(deps, trx, provider, claims, grants, place);
      // What it lost elsewhere it has lost here, so this is kept whether or not it is let in.
      if (person.state !== 'active' || Object.keys(grants).length === 0) return undefined;
      return openSession(deps, trx, person, { method: 'oidc' }, place);
    })
    .then((session) => {
      if (session !== undefined) return session;
      throw new AgentError(
        'FORBIDDEN',
        `${provider.name} knows you, and nothing it says of you gives you rights here.`,
      );
    });
}

async function refused({ store, audit }: IdentityDeps, name: string, place: Place, error: unknown): Promise<void> {
  const { address, via } = place;
  const why = isAgentError(error) ? error.message : 'an unexpected error';
  await store.commit((trx) =>
    audit.append(trx, {
      actor: { id: 'nobody', class: 'system', via },
      event: 'auth.login.failed',
      payload: { by: 'oidc', provider: name, why, address },
    }),
  );
}
