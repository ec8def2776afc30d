import { AgentError, isAgentError } from '../kernel/errors.ts';

/** Whether a request that got no answer may have been executed all the same. */
export type Sent = 'no' | 'maybe';

/**
 * Where it broke: `connect` (no connection), `tls` (a connection, but not to who it should be), `timeout` and `cut`
 * (after the request left), `proxy` (PVE's own proxy lost the node, 595 to 599), `cancelled` (by the caller).
 */
export type FailureKind = 'connect' | 'tls' | 'timeout' | 'cut' | 'proxy' | 'cancelled';

export interface Failure {
  readonly sent: Sent;
  readonly kind: FailureKind;
  /** What was seen, in words. */
  readonly reason: string;
  readonly more?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** `PVE_UNREACHABLE` with what `Transport` promises in `details.more`. */
export function unreachable(what: string, failure: Failure): AgentError {
  const { sent, kind, reason, more, cause } = failure;
  const doubt = sent === 'maybe' ? ' It may have been executed.' : ' It was not executed.';
  return new AgentError('PVE_UNREACHABLE', `${what} got no answer: ${reason}.${doubt}`, {
    more: { ...more, sent, kind, reason },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** `sent` of a `PVE_UNREACHABLE`; `maybe` for anything that does not say so, which is the safe reading. */
export const sentOf = (error: unknown): Sent =>
  isAgentError(error, 'PVE_UNREACHABLE') && error.details.more?.['sent'] === 'no' ? 'no' : 'maybe';

/** `kind` of a `PVE_UNREACHABLE`. */
export const kindOf = (error: unknown): FailureKind | undefined =>
  isAgentError(error, 'PVE_UNREACHABLE') ? (error.details.more?.['kind'] as FailureKind | undefined) : undefined;

/** A certificate that is not the pinned one. Not an `AgentError`: undici carries it from the connector to the call. */
export class FingerprintMismatch extends Error {
  readonly seen: string;
  readonly expected: string;
  constructor(seen: string, expected: string) {
    super(`the server's certificate has the SHA-256 fingerprint ${seen}, but ${expected} is expected`);
    this.seen = seen;
    this.expected = expected;
  }
}

const CONNECT_WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was reset',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'the network cannot be reached',
  ENOTFOUND: 'the host name is unknown',
  EAI_AGAIN: 'the host name cannot be looked up now',
  ETIMEDOUT: 'connecting took too long',
  UND_ERR_CONNECT_TIMEOUT: 'connecting took too long',
};

/** What an error before the request was written means. Nothing was sent, so trying elsewhere is safe. */
export function connectFailure(error: unknown): Failure {
  const cause = innermost(error);
  if (cause instanceof FingerprintMismatch) {
    const { seen, expected } = cause;
    return { sent: 'no', kind: 'tls', reason: cause.message, more: { fingerprint: { seen, expected } }, cause };
  }
  const code = codeOf(cause);
  const words = CONNECT_WORDS[code];
  if (words !== undefined) return { sent: 'no', kind: 'connect', reason: `${words} (${code})`, cause: error };
  if (isTlsCode(code)) {
    const reason = `the server's certificate is not trusted: ${messageOf(cause)} (${code}); pin its fingerprint or name its CA`;
    return { sent: 'no', kind: 'tls', reason, cause: error };
  }
  return { sent: 'no', kind: 'connect', reason: messageOf(cause), cause: error };
}

/** What an error after the request was written means: PVE may have read it. */
export function cutFailure(error: unknown): Failure {
  return { sent: 'maybe', kind: 'cut', reason: `the connection was cut (${messageOf(error)})`, cause: error };
}

// Connecting to a name with several addresses fails with an AggregateError; its first part says as much as all.
function innermost(error: unknown): unknown {
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors[0] as unknown;
  return error;
}

const codeOf = (error: unknown): string => {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
};

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

// OpenSSL's verification codes have no common prefix; those of Node's TLS and of the SSL library do.
const isTlsCode = (code: string): boolean =>
  /CERT|SIGNATURE|ISSUER|CRL|CHAIN|^ERR_(TLS|SSL)|HOSTNAME_MISMATCH/.test(code);
