import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { AgentError } from '../kernel/errors.ts';
import type { Ids } from '../kernel/ids.ts';
import { withStoreErrors } from './errors.ts';
import type { Store } from './open.ts';
import { getSetting, putSetting } from './queries/settings.ts';

/** The keys of this installation. They stand beside the database, not in it, so that a copy of it gives none away. */
export interface Keys {
  readonly audit: {
    /** First 16 hex digits of SHA-256 over the public key (DER). */
    readonly key_id: string;
    readonly privateKey: KeyObject;
    /** PEM (SPKI) of the public half, what an auditor gets. */
    readonly publicKeyPem: string;
  };
  /** 32 bytes, for `seal`. */
  readonly data: Uint8Array;
}

const hex32 = z.string().regex(/^[0-9a-f]{64}$/);
const fileSchema = z.object({ audit_seed: hex32, data_key: hex32 });

/** PKCS #8 of an Ed25519 key up to its 32 bytes of seed (RFC 8410). */
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex');
const NONCE = 12;
const TAG = 16;

/**
 * Reads `keys.json` (mode 0600) of the data directory, made on first use. Call it while the store is open: its lock
 * keeps two processes from making different keys. Errors: CONFIGURATION_INVALID when the file cannot be understood.
 */
export function loadKeys(directory: string, ids: Ids): Keys {
  const file = join(directory, 'keys.json');
  return withStoreErrors(() => {
    if (!existsSync(file)) writeKeys(file, ids);
    const parsed = fileSchema.safeParse(parseJson(readFileSync(file, 'utf8')));
    if (!parsed.success)
      throw new AgentError('CONFIGURATION_INVALID', `${file} does not hold the keys of proxmox-agent.`);
    const { audit_seed, data_key } = parsed.data;
    return { audit: signingKey(Buffer.from(audit_seed, 'hex')), data: Buffer.from(data_key, 'hex') };
  }, file);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Makes new keys in a file that does not exist yet. Errors: CONFIGURATION_INVALID where it does. */
export function newKeys(file: string, ids: Ids): void {
  if (withStoreErrors(() => writeKeys(file, ids))) return;
  throw new AgentError('CONFIGURATION_INVALID', `${file} exists already; keys are never written over.`);
}

/** False when another process has made the file meanwhile: replicas that start at once use the same keys. */
function writeKeys(file: string, ids: Ids): boolean {
  const hex = (): string => Buffer.from(ids.bytes(32)).toString('hex');
  return writeNew(file, `${JSON.stringify({ audit_seed: hex(), data_key: hex() }, undefined, 2)}\n`, ids.uuid());
}

/** Whole or not at all: a crash must not leave half a key file that later starts would refuse. */
function writeNew(file: string, text: string, suffix: string): boolean {
  const partial = `${file}.${suffix}`;
  const descriptor = openSync(partial, 'w', 0o600);
  writeSync(descriptor, text);
  fsyncSync(descriptor);
  closeSync(descriptor);
  try {
    linkSync(partial, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(partial);
  }
}

/**
 * Takes `keys.json` of one directory along into another. Answers `kept` where the same one is there already, and
 * `missing` where there is none to take and none there. Errors: CONFIGURATION_INVALID where another one is there: what
 * is sealed with the one cannot be opened with the other.
 */
export function copyKeys(from: string, to: string): 'copied' | 'kept' | 'missing' {
  const [source, target] = [join(from, 'keys.json'), join(to, 'keys.json')];
  return withStoreErrors(() => {
    if (!existsSync(source)) return existsSync(target) ? 'kept' : 'missing';
    const text = readFileSync(source, 'utf8');
    if (existsSync(target)) {
      if (JSON.stringify(parseJson(text)) === JSON.stringify(parseJson(readFileSync(target, 'utf8')))) return 'kept';
      throw new AgentError('CONFIGURATION_INVALID', `${target} holds other keys than ${source}.`);
    }
    mkdirSync(to, { recursive: true, mode: 0o700 });
    writeNew(target, text, 'partial');
    return 'copied';
  });
}

const FINGERPRINT = 'keys.fingerprint';

/**
 * Ties a database to its keys on first use. Replicas share a database but not a directory, so one with keys of its own
 * has to be noticed before it seals or signs. Errors: CONFIGURATION_INVALID.
 */
export async function checkKeys(store: Store, keys: Keys, at: number): Promise<void> {
  const fingerprint = createHash('sha256').update('proxmox-agent keys').update(keys.data).digest('hex').slice(0, 32);
  const known = await store.commit(async (trx) => {
    const stored = await getSetting(trx, FINGERPRINT);
    if (stored === undefined) await putSetting(trx, FINGERPRINT, fingerprint, at);
    return stored ?? fingerprint;
  });
  if (known === fingerprint) return;
  throw new AgentError(
    'CONFIGURATION_INVALID',
    `keys.json in ${store.directory} is not the one that the database was made with; copy it from another replica or from its backup.`,
  );
}

function signingKey(seed: Uint8Array): Keys['audit'] {
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_ED25519, seed]), format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(privateKey);
  return {
    privateKey,
    key_id: keyId(publicKey),
    publicKeyPem: publicKey.export({ format: 'pem', type: 'spki' }).toString(),
  };
}

/** The name of a public key in checkpoints. */
export const keyId = (key: KeyObject): string =>
  createHash('sha256')
    .update(key.export({ format: 'der', type: 'spki' }))
    .digest('hex')
    .slice(0, 16);

/**
 * Tells whether two texts are the same without telling either to who reads the database: an HMAC with a key of its own
 * for each `purpose`. 64 lower-case hex digits.
 */
export function keyedHash(key: Uint8Array, purpose: string, text: string): string {
  const own = hkdfSync('sha256', key, new Uint8Array(), `proxmox-agent ${purpose}`, 32);
  return createHmac('sha256', Buffer.from(own)).update(text).digest('hex');
}

/** Encrypts (AES-256-GCM) for one purpose: `context`, such as a plan's id, has to be the same to open it. */
export function seal(key: Uint8Array, ids: Ids, context: string, text: string): Uint8Array {
  const nonce = ids.bytes(NONCE);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context));
  return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
}

/** Errors: INTERNAL when the blob, the context or the key is another one. */
export function unseal(key: Uint8Array, context: string, blob: Uint8Array): string {
  try {
    const tag = blob.subarray(blob.length - TAG);
    const decipher = createDecipheriv('aes-256-gcm', key, blob.subarray(0, NONCE), { authTagLength: TAG });
    decipher.setAAD(Buffer.from(context)).setAuthTag(tag);
    return Buffer.concat([decipher.update(blob.subarray(NONCE, blob.length - TAG)), decipher.final()]).toString('utf8');
  } catch (error) {
    throw new AgentError('INTERNAL', 'Sealed inputs cannot be opened with the key of this installation.', {
      cause: error,
    });
  }
}
