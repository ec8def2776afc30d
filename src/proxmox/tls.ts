import { X509Certificate } from 'node:crypto';
import { type ConnectionOptions, connect, createSecureContext, getCACertificates, type TLSSocket } from 'node:tls';
import { buildConnector } from 'undici';
import { AgentError } from '../kernel/errors.ts';
import { originOf } from './endpoint.ts';
import { connectFailure, FingerprintMismatch, unreachable } from './failures.ts';

/** Whom to believe. Nothing set: the roots that Node ships and those of the system. */
export interface TlsTrust {
  /** Certificates in PEM; they replace the other roots. */
  readonly ca?: string;
  /**
   * SHA-256 of the server's own certificate, hex in any case, colons or not; several when the endpoints are nodes with
   * a certificate each. Without `ca` it replaces the check of the chain.
   */
  readonly fingerprint?: string | readonly string[];
  /** Believe anybody. Whoever allows this for production decides outside this room. */
  readonly insecure?: boolean;
}

/** `AB:CD:...` of 32 bytes. Errors: `CONFIGURATION_INVALID` for anything that is no SHA-256 fingerprint. */
export function normaliseFingerprint(text: string): string {
  const digits = text
    .replace(/^sha-?256[:=\s]+/i, '')
    .replace(/[:\s]/g, '')
    .toUpperCase();
  if (!/^[\dA-F]{64}$/.test(digits)) {
    throw new AgentError(
      'CONFIGURATION_INVALID',
      'tls.fingerprint is not the SHA-256 fingerprint of a certificate (64 hex digits).',
    );
  }
  return digits.replace(/..(?=.)/g, '$&:');
}

/**
 * Makes connections of one environment. undici writes a request only to a socket that this hands over, so a pin that
 * does not match ends the connection before a byte of the request, and with it the token, has left.
 * Errors: `CONFIGURATION_INVALID` for a fingerprint or a CA that cannot be read.
 */
export function createConnector(trust: TlsTrust, timeout: number): buildConnector.connector {
  const pins = trust.fingerprint === undefined ? undefined : [trust.fingerprint].flat().map(normaliseFingerprint);
  const verifyChain = trust.ca !== undefined || (pins === undefined && trust.insecure !== true);
  const open = buildConnector({
    timeout,
    allowH2: false,
    // Never left to its default, which NODE_TLS_REJECT_UNAUTHORIZED=0 would turn off for every environment.
    rejectUnauthorized: verifyChain,
    // Built once: parsing all the system's roots anew costs more than the handshake.
    secureContext: createContext(trust.ca, verifyChain),
    // A resumed session shows no certificate chain of this handshake; with a pin every connection proves itself.
    ...(pins === undefined ? {} : { maxCachedSessions: 0 }),
  });
  if (pins === undefined) return open;
  return (options, callback) => {
    open(options, (...[error, socket]) => {
      if (error !== null) return callback(error, null);
      // With rejectUnauthorized false Node never calls checkServerIdentity, so the pin is checked here by hand.
      const seen = options.protocol === 'https:' ? fingerprintOf(socket as TLSSocket) : undefined;
      if (seen === undefined || pins.includes(seen)) return callback(null, socket);
      socket.destroy();
      callback(new FingerprintMismatch(seen, pins.join(' or ')), null);
    });
  };
}

/**
 * The SHA-256 fingerprint (`AB:CD:...`) of the certificate that `endpoint` shows. Believes nobody and sends nothing; the
 * person who adds an environment compares it. `timeout` in ms, 5000 if absent.
 * Errors: `PVE_UNREACHABLE`; `CONFIGURATION_INVALID` for an endpoint that is no https address.
 */
export function probeFingerprint(endpoint: string, timeout = 5000): Promise<string> {
  const { protocol, hostname, port } = originOf(endpoint);
  if (protocol !== 'https:') {
    throw new AgentError('CONFIGURATION_INVALID', `${endpoint} has no certificate: it is not an https address.`);
  }
  const host = hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    const options: ConnectionOptions = { host, port: Number(port || 443), rejectUnauthorized: false, timeout };
    // RFC 6066 allows names only in SNI, no addresses.
    if (!/^[\d.]+$|:/.test(host)) options.servername = host;
    const socket = connect(options, () => {
      resolve(fingerprintOf(socket));
      socket.destroy();
    });
    const fail = (error: unknown): void => {
      socket.destroy();
      reject(unreachable(endpoint, connectFailure(error)));
    };
    socket.once('timeout', () => fail(Object.assign(new Error('time-out'), { code: 'ETIMEDOUT' })));
    socket.on('error', fail);
  });
}

const fingerprintOf = (socket: TLSSocket): string => socket.getPeerX509Certificate()?.fingerprint256 ?? 'none';

function createContext(ca: string | undefined, verifyChain: boolean): ReturnType<typeof createSecureContext> {
  if (!verifyChain) return createSecureContext();
  if (ca === undefined)
    return createSecureContext({ ca: [...getCACertificates('default'), ...getCACertificates('system')] });
  // createSecureContext takes what it cannot read in silence, and then trusts nothing.
  const certificates = ca.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (certificates.length === 0) throw new AgentError('CONFIGURATION_INVALID', 'tls.ca holds no certificate in PEM.');
  try {
    return createSecureContext({ ca: certificates.map((certificate) => new X509Certificate(certificate).toString()) });
  } catch (cause) {
    throw new AgentError('CONFIGURATION_INVALID', 'tls.ca cannot be read as certificates in PEM.', { cause });
  }
}
