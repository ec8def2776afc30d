import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';

/** CBOR of what an authenticator writes: whole numbers, bytes, text and maps. */
function cbor(value: number | string | Uint8Array | ReadonlyMap<number | string, unknown>): Buffer {
  const head = (major: number, length: number): Buffer =>
    length < 24
      ? Buffer.from([(major << 5) | length])
      : length < 256
        ? Buffer.from([(major << 5) | 24, length])
        : Buffer.from([(major << 5) | 25, length >> 8, length & 255]);
  if (typeof value === 'number') return value >= 0 ? head(0, value) : head(1, -1 - value);
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (value instanceof Uint8Array) return Buffer.concat([head(2, value.length), value]);
  const entries = [...value].flatMap(([key, item]) => [cbor(key), cbor(item as number)]);
  return Buffer.concat([head(5, value.size), ...entries]);
}

const sha256 = (data: string | Uint8Array): Buffer => createHash('sha256').update(data).digest();
const b64 = (data: Uint8Array): string => Buffer.from(data).toString('base64url');

/** What may be wrong with an answer, for tests that try it. */
export interface Twist {
  readonly origin?: string;
  readonly verified?: boolean;
  readonly counter?: number;
  readonly challenge?: string;
}

/** A key as a browser uses one: it makes ES256 passkeys and answers challenges, byte for byte as WebAuthn says. */
export class Authenticator {
  readonly id: Buffer;
  readonly #origin: string;
  readonly #key: KeyObject;
  readonly #public: Uint8Array;
  counter = 0;

  constructor(origin: string, name: string) {
    this.#origin = origin;
    this.id = sha256(name);
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.#key = privateKey;
    const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
    this.#public = cbor(
      new Map<number, unknown>([
        [1, 2],
        [3, -7],
        [-1, 1],
        [-2, Buffer.from(x, 'base64url')],
        [-3, Buffer.from(y, 'base64url')],
      ]),
    );
  }

  #data(
    kind: 'create' | 'get',
    { challenge }: { readonly challenge: string },
    twist: Twist,
    rpId: string,
    more: Buffer,
  ) {
    const client = Buffer.from(
      JSON.stringify({
        type: `webauthn.${kind}`,
        challenge: twist.challenge ?? challenge,
        origin: twist.origin ?? this.#origin,
        crossOrigin: false,
      }),
    );
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(twist.counter ?? ++this.counter);
    const flags = 0x01 | (twist.verified === false ? 0 : 0x04) | (kind === 'create' ? 0x40 : 0);
    return { client, auth: Buffer.concat([sha256(rpId), Buffer.from([flags]), counter, more]) };
  }

  /** Answers `navigator.credentials.create`. */
  create(options: Record<string, unknown>, twist: Twist = {}): Record<string, unknown> {
    const { id: rpId } = options['rp'] as { id: string };
    const length = Buffer.from([this.id.length >> 8, this.id.length & 255]);
    const more = Buffer.concat([Buffer.alloc(16), length, this.id, this.#public]);
    const { client, auth } = this.#data('create', options as { challenge: string }, twist, rpId, more);
    const attestationObject = cbor(
      new Map<string, unknown>([
        ['fmt', 'none'],
        ['attStmt', new Map()],
        ['authData', auth],
      ]),
    );
    return this.#answer({
      clientDataJSON: b64(client),
      attestationObject: b64(attestationObject),
      transports: ['usb'],
    });
  }

  /** Answers `navigator.credentials.get`. */
  get(options: Record<string, unknown>, twist: Twist = {}): Record<string, unknown> {
    const rpId = options['rpId'] as string;
    const { client, auth } = this.#data('get', options as { challenge: string }, twist, rpId, Buffer.alloc(0));
    const signature = sign('sha256', Buffer.concat([auth, sha256(client)]), this.#key);
    return this.#answer({ clientDataJSON: b64(client), authenticatorData: b64(auth), signature: b64(signature) });
  }

  #answer(response: object): Record<string, unknown> {
    return { id: b64(this.id), rawId: b64(this.id), type: 'public-key', clientExtensionResults: {}, response };
  }
}
