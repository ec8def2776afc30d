import { createHash, createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';

export interface Certificate {
  /** PEM. */
  readonly key: string;
  readonly cert: string;
  /** SHA-256 over the DER, `AA:BB:…`. */
  readonly fingerprint: string;
}

type Bytes = Uint8Array;

/** One DER element: tag, length, content. */
function der(tag: number, ...content: readonly Bytes[]): Bytes {
  const body = Buffer.concat(content);
  const { length } = body;
  const long = length < 128 ? [] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...(long.length === 0 ? [length] : long)]), body]);
}

const sequence = (...content: readonly Bytes[]): Bytes => der(0x30, ...content);
const octets = (content: Bytes): Bytes => der(0x04, content);
const bits = (content: Bytes): Bytes => der(0x03, Buffer.from([0]), content);

/** A positive integer: a leading zero byte keeps the sign bit clear. */
const integer = (bytes: Bytes): Bytes =>
  der(0x02, (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes);

function objectId(dotted: string): Bytes {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const out = [first * 40 + second];
  for (const part of rest) {
    const digits = [part & 0x7f];
    for (let left = part >> 7; left > 0; left >>= 7) digits.unshift((left & 0x7f) | 0x80);
    out.push(...digits);
  }
  return der(0x06, Buffer.from(out));
}

const name = (common: string): Bytes =>
  sequence(der(0x31, sequence(objectId('2.5.4.3'), der(0x0c, Buffer.from(common)))));

/** Dates up to 2049 are written with two digits of the year. */
const date = (ms: number): Bytes =>
  der(0x17, Buffer.from(`${new Date(ms).toISOString().slice(2, 19).replaceAll(/[-T:]/g, '')}Z`));

const extension = (id: string, value: Bytes): Bytes => sequence(objectId(id), octets(value));

function alternativeNames(names: readonly string[]): Bytes {
  const entries = names.map((one) =>
    /^\d+(?:\.\d+){3}$/.test(one) ? der(0x87, Buffer.from(one.split('.').map(Number))) : der(0x82, Buffer.from(one)),
  );
  return extension('2.5.29.17', sequence(...entries));
}

const yes = der(0x01, Buffer.from([0xff]));
/** Basic constraints, critical: it is one that signs. */
const AUTHORITY = sequence(objectId('2.5.29.19'), yes, octets(sequence(yes)));

const ECDSA_SHA256 = '1.2.840.10045.4.3.2';
const YEARS = 10;
const DAY = 86_400_000;

const pem = (label: string, content: Bytes): string =>
  `-----BEGIN ${label}-----\n${(
    Buffer.from(content)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  ).join('\n')}\n-----END ${label}-----\n`;

export const fingerprintOf = (certificate: Bytes): string =>
  (createHash('sha256').update(certificate).digest('hex').toUpperCase().match(/../g) ?? []).join(':');

interface Wanted {
  readonly common: string;
  /** 8 random bytes. */
  readonly serial: Bytes;
  /** The first and the last instant of its validity, in milliseconds. */
  readonly from: number;
  readonly until: number;
  readonly names?: readonly string[];
  /** Whether it may sign others. */
  readonly authority?: boolean;
  /** Who signs it; itself when left out. */
  readonly issuer?: { readonly common: string; readonly key: string };
}

/** A self-signed certificate for localhost and 127.0.0.1, valid for ten years from `now` (ms). */
export const makeCertificate = (now: number, serial: Bytes, common = 'proxmox-agent simulator'): Certificate =>
  issueCertificate({ common, serial, from: now - DAY, until: now + YEARS * 365 * DAY });

/**
 * An ECDSA P-256 certificate. Node can use certificates but not make them, so this writes the X.509 structure itself.
 */
export function issueCertificate(wanted: Wanted): Certificate {
  const { common, serial, from, until, names = ['localhost', '127.0.0.1'], authority = false, issuer } = wanted;
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = sequence(objectId(ECDSA_SHA256));
  const positive = Buffer.from(serial);
  positive[0] = ((positive[0] ?? 0) & 0x7f) | 0x40;
  const body = sequence(
    der(0xa0, integer(Buffer.from([2]))),
    integer(positive),
    algorithm,
    name(issuer?.common ?? common),
    sequence(date(from), date(until)),
    name(common),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(alternativeNames(names), ...(authority ? [AUTHORITY] : []))),
  );
  const signature = sign('sha256', body, {
    key: issuer === undefined ? privateKey : createPrivateKey(issuer.key),
    dsaEncoding: 'der',
  });
  const certificate = sequence(body, algorithm, bits(signature));
  return {
    key: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
    cert: pem('CERTIFICATE', certificate),
    fingerprint: fingerprintOf(certificate),
  };
}
