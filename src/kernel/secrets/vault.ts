import { Agent, request } from 'undici';
import { isLoopback } from '../config_secrets.ts';
import { AgentError } from '../errors.ts';
import type { SecretSources } from './sources.ts';

const REFERENCE = /^vault:([\w.-]+)\/((?:[\w.~-]+\/)*[\w.~-]+)#([\w.-]+)$/;
/** An answer of one secret is far smaller; more is something else than a Vault. */
const MOST = 1024 * 1024;

const refuse = (message: string): AgentError => new AgentError('CONFIGURATION_INVALID', message);

/**
 * One field of a secret of HashiCorp Vault's KV engine, version 2: `vault:MOUNT/PATH#FIELD`. `timeout` in milliseconds.
 * Errors: `CONFIGURATION_INVALID` in words that hold neither the token nor anything of the answer.
 */
export async function readVault(
  { address, token, ca }: NonNullable<SecretSources['vault']>,
  reference: string,
  timeout = 10_000,
): Promise<string> {
  const [, mount = '', path = '', field = ''] = REFERENCE.exec(reference) ?? [];
  // A browser-like reading of the address would make `..` a step up, out of the engine.
  if (mount === '' || [mount, ...path.split('/')].some((part) => /^\.+$/.test(part)))
    throw refuse('it must be vault:MOUNT/PATH#FIELD.');
  if (ca !== undefined && !ca.includes('-----BEGIN CERTIFICATE-----'))
    throw refuse('the CA of Vault is not a certificate in PEM.');
  const url = urlOf(address, `/v1/${mount}/${path.startsWith('data/') ? path : `data/${path}`}`);
  // Never left to its default, which NODE_TLS_REJECT_UNAUTHORIZED=0 would turn off.
  const dispatcher = new Agent({ connect: { rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }), timeout } });
  try {
    const headers = { 'X-Vault-Token': token.reveal(), 'X-Vault-Request': 'true' };
    const answer = await request(url, { dispatcher, headers, signal: AbortSignal.timeout(timeout) });
    return fieldOf(answer.statusCode, answer.statusCode === 200 ? await textOf(answer.body) : '', field);
  } catch (error) {
    if (error instanceof AgentError) throw error;
    const { name, code } = error as NodeJS.ErrnoException;
    const late = name === 'TimeoutError' || name === 'ConnectTimeoutError';
    throw refuse(late ? `Vault did not answer within ${timeout / 1000} s.` : unreachable(code ?? name));
  } finally {
    await dispatcher.destroy();
  }
}

/** What is wrong with the other side, in words; OpenSSL's and Node's codes name it. */
function unreachable(code: string): string {
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return 'the certificate of Vault is for another name than the one in its address.';
  if (code === 'CERT_HAS_EXPIRED') return 'the certificate of Vault has expired.';
  if (code === 'CERT_NOT_YET_VALID') return 'the certificate of Vault is not valid yet; is the clock right?';
  if (/SELF_SIGNED|ISSUER_CERT|VERIFY_LEAF|UNTRUSTED|CERT_SIGNATURE/.test(code))
    return 'the certificate of Vault is not signed by an authority that is trusted here; name its CA in secrets.vault.ca or VAULT_CACERT.';
  if (/^ERR_SSL|^EPROTO$/.test(code)) return `there is no TLS at the address of Vault (${code}).`;
  return `Vault cannot be reached (${code}).`;
}

function urlOf(address: string, path: string): URL {
  const base = URL.canParse(address) ? new URL(address) : undefined;
  if (base === undefined || !/^https?:$/.test(base.protocol)) throw refuse('the address of Vault is not https://HOST.');
  if (base.protocol === 'http:' && !isLoopback(base.hostname))
    throw refuse('the address of Vault must be https://; http:// is accepted only for loopback.');
  return new URL(`${base.pathname.replace(/\/+$/, '')}${path}`, base.origin);
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MOST) throw refuse('the answer is too large to be one of Vault.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function fieldOf(status: number, text: string, field: string): string {
  if (status === 403) throw refuse('Vault refuses it: the token is not valid or may not read there (403).');
  if (status === 404) throw refuse('Vault has no secret there, or its newest version is deleted (404).');
  if (status === 503) throw refuse('Vault is sealed or not ready (503).');
  if (status !== 200) throw refuse(`Vault answered ${status}.`);
  const value = (parse(text) as { data?: { data?: Record<string, unknown> | null } } | null)?.data?.data;
  if (value === undefined || value === null) throw refuse('the answer is not one of a KV engine of version 2.');
  const found = Object.hasOwn(value, field) ? value[field] : undefined;
  if (typeof found !== 'string' || found === '') throw refuse(`the secret there has no text in its field "${field}".`);
  return found;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
