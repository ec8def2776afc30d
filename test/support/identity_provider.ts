import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';

export const CLIENT = { id: 'proxmox-agent', secret: 'a-secret-between-two-servers' };

interface Listening {
  readonly url: string;
  serve(listener: RequestListener): void;
  close(): Promise<void>;
}

/** A server whose address is known before what it serves. */
export async function listening(): Promise<Listening> {
  const server: Server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    serve: (listener) => void server.on('request', listener),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Who there is at the provider, with what it says of them. */
export type Accounts = Record<string, Readonly<Record<string, unknown>>>;

/** A real OpenID provider for one client; everybody's password is right, and everybody consents. */
export function realProvider(issuer: string, redirect: string, accounts: Accounts): RequestListener {
  const provider = new Provider(issuer, {
    clients: [{ client_id: CLIENT.id, client_secret: CLIENT.secret, redirect_uris: [redirect] }],
    cookies: { keys: ['a key of the test'] },
    claims: { openid: ['sub'], profile: ['preferred_username', 'name', 'groups'] },
    ttl: { Interaction: 600, Grant: 600, Session: 600, AccessToken: 600, IdToken: 600, AuthorizationCode: 60 },
    pkce: { required: () => true },
    findAccount: (_: unknown, sub: string) => ({ accountId: sub, claims: () => ({ sub, ...accounts[sub] }) }),
    loadExistingGrant: async (context: { oidc: { session: { accountId: string }; client: { clientId: string } } }) => {
      const { session, client } = context.oidc;
      const grant = new provider.Grant({ accountId: session.accountId, clientId: client.clientId });
      grant.addOIDCScope('openid profile');
      await grant.save();
      return grant;
    },
  });
  return provider.callback();
}

/** Goes through the provider's pages as `account`; answers the address that it sends the browser back to. */
export async function signInAt(start: string, account: string): Promise<URL> {
  const jar = new Map<string, string>();
  const { origin } = new URL(start);
  let at = start;
  for (let steps = 0; steps < 12; steps++) {
    const login = /\/interaction\/[^/]+$/.test(at);
    const answer = await fetch(at, {
      redirect: 'manual',
      headers: {
        cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; '),
        ...(login ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
      },
      ...(login ? { method: 'POST', body: `prompt=login&login=${account}&password=x` } : {}),
    });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') jar.delete(name);
      else jar.set(name, value);
    }
    const location = answer.headers.get('location');
    if (location === null) throw new Error(`${at} answered ${answer.status}: ${await answer.text()}`);
    at = new URL(location, at).href;
    if (!at.startsWith(origin)) return new URL(at);
  }
  throw new Error('the provider sends in circles');
}

/** What a hostile provider may do with its token. */
export interface Lies {
  readonly alg?: 'none' | 'HS256' | 'RS256';
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Signs with a key that it does not publish. */
  readonly otherKey?: boolean;
  /** Names another issuer in its description. */
  readonly issuer?: string;
}

const b64 = (value: object | Buffer): string =>
  (Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value))).toString('base64url');

/** A provider that answers every code, with a token as it is told to; it looks at nothing. */
export class LyingProvider {
  readonly issuer: string;
  lies: Lies = {};
  /** Of the request that began the sign-in. */
  nonce = '';
  /** Requests to the token endpoint. */
  traded = 0;
  readonly #key = generateKeyPairSync('rsa', { modulusLength: 2048 });
  readonly #other: KeyObject = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;

  constructor(issuer: string) {
    this.issuer = issuer;
  }

  readonly listener = (request: IncomingMessage, response: ServerResponse): void => {
    const path = (request.url ?? '').split('?')[0];
    const answer =
      path === '/.well-known/openid-configuration'
        ? this.#description()
        : path === '/jwks'
          ? { keys: [{ ...this.#key.publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'RS256', use: 'sig' }] }
          : path === '/token'
            ? this.#token()
            : {};
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  };

  #description(): object {
    return {
      issuer: this.lies.issuer ?? this.issuer,
      authorization_endpoint: `${this.issuer}/auth`,
      token_endpoint: `${this.issuer}/token`,
      jwks_uri: `${this.issuer}/jwks`,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
      authorization_response_iss_parameter_supported: true,
    };
  }

  #token(): object {
    this.traded++;
    const { alg = 'RS256', claims = {}, otherKey = false } = this.lies;
    const now = Math.floor(Date.now() / 1000);
    const said = { iss: this.issuer, aud: CLIENT.id, sub: 'mallory', iat: now, exp: now + 60, nonce: this.nonce };
    const head = `${b64({ alg, ...(alg === 'RS256' ? { kid: 'k' } : {}) })}.${b64({ ...said, groups: ['lab-admins'], ...claims })}`;
    const key = otherKey ? this.#other : this.#key.privateKey;
    const signature =
      alg === 'none'
        ? ''
        : alg === 'HS256'
          ? createHash('sha256').update(head).digest('base64url')
          : b64(sign('sha256', Buffer.from(head), key));
    return { access_token: 'a', token_type: 'Bearer', id_token: `${head}.${signature}` };
  }
}
